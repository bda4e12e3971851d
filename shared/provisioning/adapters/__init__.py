"""Ports made real: one folder for each technology. Nothing here decides anything."""
