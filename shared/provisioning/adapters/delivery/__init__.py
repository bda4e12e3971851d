"""Carrying dialogues to SPs: the driver and its transports."""
