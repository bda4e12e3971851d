"""When sources were last heard."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from provisioning.core.period import Instant


class Hearings(Protocol):
    """When each source was last heard: see `core.freshness`."""

    async def hear(self, source: str, now: Instant) -> None:
        """Remember that a source was heard: one request a minute of a process. What is known never goes back."""
        ...

    async def heard(self, sources: Sequence[str]) -> Mapping[str, Instant]:
        """When each was heard, to the minute; without those that never were. One request for 100."""
        ...


class Unheard(Protocol):
    """What sources said that nobody has listened to yet."""

    async def unheard(self, sources: Sequence[str]) -> frozenset[str]:
        """Those of whom messages wait or are being handled: one request for each of their queues."""
        ...
