"""The sample tenant's players: its people, its registry, its service providers, and an oracle that judges."""
