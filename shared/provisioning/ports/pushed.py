"""The ports of what is pushed over HTTP, in core words.

As in `ports`: what cannot be done now raises TransientError, and each docstring counts the requests of the AWS adapter.
"""

from collections.abc import Sequence
from typing import Protocol

from provisioning.core.period import Instant
from provisioning.core.pushed import Answer, Gone, Held, Kind, Resource, Unsent


class Pushed(Protocol):
    """What sources push over HTTP: their users and groups, who is in which, and what is not told onwards yet."""

    async def get(self, source: str, kind: Kind, id_: str) -> Held | None:
        """A resource, deleted or not, with the groups that hold it: one consistent query."""
        ...

    async def get_many(self, source: str, kind: Kind, ids: Sequence[str]) -> Sequence[Resource]:
        """Those that are there and not deleted, in the order asked for: one request for 100."""
        ...

    async def ids(self, source: str, kind: Kind) -> Sequence[str]:
        """The ids of all that are not deleted, sorted, from an index that lags: one request a shard and megabyte."""
        ...

    async def find(self, source: str, kind: Kind, attribute: str, value: str) -> Sequence[str]:
        """Ids of those that have a value of an attribute of `FINDABLE`, 100 at most: one consistent query."""
        ...

    async def put_resource(self, resource: Resource, was: Resource | None, *, tell: bool) -> Resource:
        """Write a resource as its version + 1, its claims and, with `tell`, that it is unsent: one transaction.

        `was`: as it was read. Raises ConflictError if another version is stored; TakenError if another has a value
        that only one can have.
        """
        ...

    async def members(self, source: str, group: str, after: str, most: int) -> Sequence[str]:
        """Up to `most` ids of members beyond an id, sorted: one consistent query a page."""
        ...

    async def holds(self, source: str, group: str, members: Sequence[str]) -> frozenset[str]:
        """Which of these are members: one request for 100."""
        ...

    async def change_members(self, source: str, group: str, added: Sequence[str], removed: Sequence[str]) -> bool:
        """Let members come and go; whether any did. Who comes or goes has a version more and is unsent.

        25 members are one transaction, whole or not at all; the whole may be repeated. An id that nobody has is kept
        as the source says it. Raises TransientError if others write the same all the time, PermanentError if somebody
        would be in too many groups.
        """
        ...

    async def touch(self, source: str, users: Sequence[str]) -> None:
        """These have a version more and are unsent, since what is shown of their groups changed."""
        ...

    async def unsent(self, source: str, most: int) -> Sequence[Unsent]:
        """What is not told onwards yet: one consistent query."""
        ...

    async def sent(self, source: str, unsent: Sequence[Unsent]) -> None:
        """These are told, but for what was written again since: one request each."""
        ...

    async def forget_memberships(self, source: str, kind: Kind, id_: str, groups: Sequence[str]) -> None:
        """A deleted resource leaves its groups."""
        ...

    async def gone(self, source: str, kind: Kind, after: str, most: int) -> Sequence[Gone]:
        """Up to `most` that were deleted in the last 90 days, by id, beyond an id: one consistent query a page.

        Some of them may be there again.
        """
        ...

    async def keep_answer(self, source: str, answer: Answer) -> None:
        """Keep what became of a request, in place of any other of its id: one request."""
        ...

    async def answers(self, source: str, most: int, now: Instant, request: str | None = None) -> Sequence[Answer]:
        """What is kept, of one request or of all, up to `most` by id: one consistent query."""
        ...


class Changes(Protocol):
    """The queues `changes-<source>`, inward."""

    async def publish(self, source: str, bodies: Sequence[str]) -> None:
        """Send messages of a source to its queue. Raises TransientError unless all were accepted."""
        ...
