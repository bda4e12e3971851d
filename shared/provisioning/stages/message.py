"""What a stage is given, and what it gives back: the ids of the messages that must come again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from provisioning.core.bell import Bell
from provisioning.core.period import Instant
from provisioning.core.quick import quick


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a queue. `origin` is what its queue stands for: a source, or nothing.

    `again`: it was handed out before, so somebody may have done a part of its work and died.
    """

    id: str
    body: str
    origin: str = ""
    again: bool = False


Failed = frozenset[str]


class Log(Protocol):
    """Where stages say what they did: one word, then fields; never attribute values."""

    def __call__(self, word: str, **fields: Any) -> None:
        """Write one line."""
        ...


@quick
@dataclass(frozen=True, slots=True)
class Rung:
    """A bell together with the message that brought it."""

    message: str
    bell: Bell
    now: Instant
    again: bool = False


def gather(rung: list[Rung]) -> Mapping[str, list[Rung]]:
    """Bells by identity: several for one are answered by one look, and come again together."""
    by_identity: dict[str, list[Rung]] = {}
    for item in rung:
        by_identity.setdefault(item.bell.identity, []).append(item)
    return by_identity
