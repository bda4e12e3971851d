"""Keys of issuers and tokens that were taken, in dicts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from provisioning.adapters.memory.request import Checkpoint, Clock, Request, pass_by
from provisioning.core.errors import TransientError
from provisioning.core.period import Instant
from provisioning.core.source_signed import Signed
from provisioning.core.token import VerificationKey


@dataclass(slots=True)
class MemoryKeySets:
    """Port KeySets. `sets`: keys by issuer; an issuer without is one that cannot be reached."""

    sets: dict[str, Sequence[VerificationKey]] = field(default_factory=dict)

    async def keys(self, signed: Signed, kid: str | None) -> Sequence[VerificationKey]:
        if signed.issuer not in self.sets:
            raise TransientError("no keys of the issuer")
        return [key for key in self.sets[signed.issuer] if kid in (None, key.kid)]


@dataclass(slots=True)
class MemorySeenTokens:
    """Port SeenTokens. Its contents are public for tests to look at: message and end, by source and token."""

    now: Clock
    checkpoint: Checkpoint = pass_by
    seen: dict[tuple[str, str], tuple[str, Instant]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)

    async def first(self, source: str, token: str, message: str, until: Instant) -> bool:
        async with Request(self.requests, "PutItem", self.checkpoint):
            # Loses to another message that brought the same token first.
            held, end = self.seen.get((source, token), (message, until))
            if held != message and end >= self.now():
                return False
            self.seen[source, token] = (message, until)
            return True
