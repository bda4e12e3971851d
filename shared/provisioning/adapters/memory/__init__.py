"""Every port in dicts: for tests, the simulator and previews. They behave as the real ones where it matters."""
