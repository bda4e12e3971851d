"""Keys of reconciliations, and positions in the index `by-service` as a walk through a service's accounts has them."""

from provisioning.adapters.aws.keys import SHARDS, Key


def reconciled_key(service: str) -> Key:
    """How far a service's reconciliation has come."""
    return Key(f"R#{service}", "R")


def reconciled_object(name: str) -> str:
    """The object of a file of a service's reconciliation."""
    return f"reconciled/{name}"


def write_standing_position(shard: int, last: tuple[str, str] | None) -> str | None:
    """The position of a walk: in this shard, after a state and an identity, or at its beginning."""
    if shard >= SHARDS:
        return None
    return f"{shard}/{last[0]}/{last[1]}" if last is not None else f"{shard}"


def read_standing_position(position: str | None) -> tuple[int, tuple[str, str] | None]:
    """The shard, and the state and identity after which a walk goes on."""
    shard, _, last = (position or "0").partition("/")
    state, _, identity = last.partition("/")
    return int(shard), (state, identity) if last else None
