"""Keys of the history: one item for each write of an identity or an account, by the item that was written.

By its revision and not by time, because then the entry of the write before is known by its key: whether it is there
tells whether that one was seen.
"""

from typing import Final

from provisioning.adapters.aws.keys import ACCOUNT_SORT, IDENTITY_SORT, Key
from provisioning.core.history import Written

_DIGITS: Final = 10  # so that revisions sort as numbers


def history_partition(identity: str) -> str:
    """All that is remembered of a person."""
    return f"H#{identity}"


def history_key(written: Written) -> Key:
    """The entry of a write."""
    identity, service, revision = written
    return Key(history_partition(identity), f"{history_sort(service)}{revision:0{_DIGITS}d}")


def history_sort(service: str) -> str:
    """What the sorts of one item's entries begin with; the identity's own has no service."""
    return f"{ACCOUNT_SORT}{service}#" if service else f"{IDENTITY_SORT}#"


def read_history_key(key: Key) -> Written:
    """Which write an entry is of."""
    item, _, revision = key.sk.rpartition("#")
    service = item.removeprefix(ACCOUNT_SORT) if item.startswith(ACCOUNT_SORT) else ""
    return key.pk.removeprefix("H#"), service, int(revision)
