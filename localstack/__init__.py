"""The engine on one machine: a local AWS, a sample tenant with its people, and a day at its campus."""
