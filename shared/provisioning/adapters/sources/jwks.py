"""Key sets of issuers, by HTTPS or from a secret: kept for the process, and read again in good time.

A set is believed for as long as its `cache-control` says (RFC 9111 5.2.2.1), within bounds. A `kid` that it lacks
makes it be read again, at most once in so many seconds; until then who asks is told to come again. A token without
`kid` does not say that its key is new, so it is tried with the keys at hand. Nobody is ever believed by keys that could
not be read: the message waits.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from provisioning.adapters.sources.jwk import read_key_set
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source_signed import Signed
from provisioning.core.token import VerificationKey

_UNSAID: Final = 3600  # seconds that a set is believed where its issuer does not say
_SHORTEST, _LONGEST = 60, 86400  # seconds that it is believed at least, and at most
AGAIN: Final = 60  # seconds between two readings for the sake of an unknown `kid`
PAUSE: Final = 10  # seconds in which nobody asks an issuer that just failed
_ASKED: Final = 1000  # unknown `kid`s that are remembered
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})\b", re.IGNORECASE)
Load = Callable[[Signed], Awaitable[tuple[str, str]]]
"""The text of a key set, and its `cache-control`. Raises TransientError."""


@dataclass(slots=True)
class _Kept:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    keys: tuple[VerificationKey, ...] | None = None
    read: float = 0.0
    until: float = 0.0
    failure: str = ""
    failed: float = 0.0
    asked: dict[str, float] = field(default_factory=dict)  # when somebody first asked for a `kid` that is not there


@dataclass(slots=True)
class CachedKeySets:
    """Port KeySets. Made once for a process. `clock`: seconds, also of the time in which a process is frozen."""

    fetch: Load
    secret: Load
    clock: Callable[[], float]
    _kept: defaultdict[Signed, _Kept] = field(default_factory=lambda: defaultdict(_Kept))

    async def keys(self, signed: Signed, kid: str | None) -> Sequence[VerificationKey]:
        kept = self._kept[signed]
        came = self.clock()
        async with kept.lock:  # however many ask at once, one reads
            if kept.keys is None or self.clock() >= kept.until:
                await self._read(kept, signed)
            found = _named(kept, kid)
            if found or kid is None:
                return found
            first = kept.asked.setdefault(kid, came)
            if kept.read < first:
                if self.clock() < kept.read + AGAIN:
                    raise TransientError("the issuer's keys were read just now, and have none of this kid")
                await self._read(kept, signed)
                found = _named(kept, kid)
            while len(kept.asked) > _ASKED:
                del kept.asked[next(iter(kept.asked))]
            return found

    async def _read(self, kept: _Kept, signed: Signed) -> None:
        now = self.clock()
        if kept.failure and now < kept.failed + PAUSE:
            raise TransientError(kept.failure)
        try:
            text, control = await (self.fetch if signed.jwks_url is not None else self.secret)(signed)
            keys = read_key_set(text, "signed.jwks_url" if signed.jwks_url is not None else "signed.secret")
        except (TransientError, InvalidError) as error:  # what is wrong at the issuer's is no fault of the message's
            kept.failure, kept.failed = f"no keys of the issuer: {error}", now
            raise TransientError(kept.failure) from error
        kept.keys, kept.read, kept.failure = keys, now, ""
        kept.until = now + _age(control)


def _named(kept: _Kept, kid: str | None) -> tuple[VerificationKey, ...]:
    return tuple(key for key in kept.keys or () if kid in (None, key.kid))


def _age(control: str) -> int:
    """For how many seconds a set is believed; who forbids to keep it has it read often, not for each token."""
    if re.search(r"\bno-(?:store|cache)\b", control, re.IGNORECASE):
        return _SHORTEST
    said = _MAX_AGE.search(control[:1000])
    return min(max(int(said[1]), _SHORTEST), _LONGEST) if said is not None else _UNSAID
