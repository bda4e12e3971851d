"""What is around the stages: the loop, the clock, settings, wiring and logs of one process."""
