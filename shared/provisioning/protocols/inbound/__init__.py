"""What sources say to the gateway over HTTP, read and answered: functions of values."""
