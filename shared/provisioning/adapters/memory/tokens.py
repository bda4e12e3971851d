"""Keys of issuers and tokens that were taken, in dicts."""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from provisioning.adapters.memory.request import Checkpoint, Clock, Request, pass_by
from provisioning.adapters.memory.store import BATCH, WRITES
from provisioning.core.errors import TransientError
from provisioning.core.period import Instant
from provisioning.core.source_signed import Signed
from provisioning.core.token import Taken, VerificationKey


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
    """Port SeenTokens. `until`, by source and token, is public for tests to look at."""

    now: Clock
    checkpoint: Checkpoint = pass_by
    until: dict[tuple[str, str], Instant] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)

    async def seen(self, tokens: Sequence[Taken]) -> Set[tuple[str, str]]:
        found = set[tuple[str, str]]()
        for first in range(0, len(tokens), BATCH):
            async with Request(self.requests, "BatchGetItem", self.checkpoint):
                asked = {(each.source, each.token) for each in tokens[first : first + BATCH]}
                found |= {key for key in asked if self.until.get(key, -1) >= self.now()}
        return found

    async def remember(self, tokens: Sequence[Taken]) -> None:
        for first in range(0, len(tokens), WRITES):
            async with Request(self.requests, "BatchWriteItem", self.checkpoint):
                self.until |= {(each.source, each.token): each.until for each in tokens[first : first + WRITES]}
