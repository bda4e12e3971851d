"""What notify needs of the outside world."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from provisioning.core.event import Announced, Refusal
from provisioning.core.history import Entry, Written
from provisioning.core.period import Instant


class Announcements(Protocol):
    """Topics and queues to which events are published."""

    async def announce(self, destination: str, events: Sequence[Announced]) -> Mapping[str, Refusal]:
        """Publish to a topic or a queue, by ARN or URL: one request for ten; why, by id, for those not accepted.

        Where the destination keeps an order, none is accepted after one that was refused. Never raises for what the
        service did.
        """
        ...


class Histories(Protocol):
    """What is remembered of people."""

    async def told(self, writes: Sequence[Written]) -> Mapping[Written, int]:
        """For those of some writes that have an entry, the revision of which something was told last, as of then.

        Read consistently: one request for 100.
        """
        ...

    async def keep(self, entries: Sequence[Entry], until: Instant) -> None:
        """Remember these until then, whether they are known or not: one request for 25."""
        ...

    async def entries(self, identity: str, service: str | None = None) -> Sequence[Entry]:
        """All that is remembered of a person, or of their account at one service, by time: one request a megabyte."""
        ...

    async def erase(self, identity: str) -> int:
        """Forget all of it; how many entries that were. One request a megabyte, and one for 25 entries."""
        ...
