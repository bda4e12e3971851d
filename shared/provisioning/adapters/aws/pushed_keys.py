"""Keys of what sources push over HTTP; `keys` has the table of all."""

from typing import Final

from provisioning.adapters.aws.keys import Key, bounded
from provisioning.core.pushed import KEPT_DAYS

PUSHED_SORT: Final = "A"
MEMBERSHIP: Final = "G#"
MEMBER: Final = "M#"
TOMBSTONE_DAYS: Final = KEPT_DAYS  # of pushed resources that are deleted


def pushed_key(source: str, kind: str, id_: str) -> Key:
    """A pushed resource. Its sort comes before those of its memberships, so that one query has both."""
    return Key(f"P#{source}#{kind[0]}#{bounded(id_)}", PUSHED_SORT)


def membership_key(source: str, kind: str, id_: str, group: str) -> Key:
    return Key(pushed_key(source, kind, id_).pk, f"{MEMBERSHIP}{group}")


def member_key(source: str, group: str, member: str) -> Key:
    return Key(pushed_key(source, "Group", group).pk, f"{MEMBER}{member}")


def claim_key(source: str, kind: str, attribute: str, value: str, id_: str | None) -> Key:
    """A value of a pushed resource. `id_`: of whom it is, if several may have it."""
    return Key(f"Q#{source}#{kind[0]}#{attribute}#{bounded(value)}", "Q" if id_ is None else id_)


def unsent_key(source: str, kind: str, id_: str) -> Key:
    return Key(f"O#{source}", f"{kind[0]}#{id_}")


def pushed_partition(source: str, kind: str, shard: int) -> str:
    """Resources of a source, in the index `by-service`, sorted by id."""
    return f"P#{source}#{kind[0]}#{shard}"


def gone_key(source: str, kind: str, id_: str) -> Key:
    """That a resource was deleted."""
    return Key(f"D#{source}#{kind[0]}", f"D#{id_}")


def answer_key(source: str, request: str) -> Key:
    """What became of a request."""
    return Key(f"A#{source}", f"A#{request}")
