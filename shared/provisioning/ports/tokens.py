"""What is needed to believe signed tokens: their issuers' keys, and the memory of those that were taken."""

from collections.abc import Sequence, Set
from typing import Protocol

from provisioning.core.source_signed import Signed
from provisioning.core.token import Taken, VerificationKey


class KeySets(Protocol):
    """The public keys of issuers."""

    async def keys(self, signed: Signed, kid: str | None) -> Sequence[VerificationKey]:
        """The issuer's keys of this `kid`; all of them if it is None. None at all: the issuer has no such key.

        That is only said of a key set that was read since somebody first asked for this `kid`: a key that was just
        published is found. A key set is read again when it is too old, or lacks a `kid` and was not read just now, so
        forged ones cause no storm. Raises TransientError where it cannot be had, or not again so soon.
        """
        ...


class SeenTokens(Protocol):
    """Which tokens were taken."""

    async def seen(self, tokens: Sequence[Taken]) -> Set[tuple[str, str]]:
        """(source, token) of those that are remembered, read consistently: one request for 100."""
        ...

    async def remember(self, tokens: Sequence[Taken]) -> None:
        """Remember them until their instants at least, whether they are already or not: one request for 25."""
        ...
