"""Keys of the brakes of services."""

from provisioning.adapters.aws.keys import Key


def brake_key(service: str) -> Key:
    """What went through."""
    return Key(f"B#{service}", "B")


def population_key(service: str) -> Key:
    """How many accounts there are, by shard."""
    return Key(f"B#{service}", "P")
