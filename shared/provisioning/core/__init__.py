"""Values and functions: no clock, no I/O, no randomness, no environment, no logging."""
