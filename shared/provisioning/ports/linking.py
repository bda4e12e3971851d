"""What linking needs of the table."""

from collections.abc import Sequence
from typing import Protocol

from provisioning.core.linking import Claim, Claimed, Question
from provisioning.core.together import Together


class Linked(Protocol):
    """Who claims what, questions about it, and writes that change several identities at once."""

    async def claimed(self, claims: Sequence[Claim]) -> Sequence[Claimed]:
        """Everybody who makes these claims, one entry a distinct claim, in their order: one request for 100."""
        ...

    async def put_together(self, together: Together) -> None:
        """Write all of it or nothing: one request.

        Raises ConflictError if anything is not stored as it was read, or was decided by a newer bundle;
        PermanentError if it is more than one transaction holds.
        """
        ...

    async def question(self, id_: str) -> Question | None:
        """One consistent read."""
        ...

    async def questions(self, most: int) -> Sequence[Question]:
        """Those that are open, oldest first, from an index that lags: one request a shard, and one for 100."""
        ...
