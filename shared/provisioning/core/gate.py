"""What a service lets through now: the arithmetic of its rate budget, and the spacing of what failed."""

import hashlib
from dataclasses import dataclass
from typing import Final

from provisioning.core.period import DAY, Instant

FIRST_WAIT: Final = 2  # seconds after the first failure
LONGEST_WAIT: Final = 3600


@dataclass(frozen=True, slots=True)
class Slots:
    """Consecutive slots of a budget: the first begins at `first`, each lasts `spacing` (both in milliseconds)."""

    first: int
    spacing: int

    def at(self, number: int) -> Instant:
        """The second in which slot `number` (from 0) may be used."""
        return (self.first + number * self.spacing) // 1000


def spacing(rate: float) -> int:
    """Milliseconds between two deliveries at `rate` a second; at least one."""
    return max(1, round(1000 / rate))


def wait(attempts: int, subject: str, retry_after: int | None = None) -> int:
    """Seconds until the next attempt: doubling from two seconds to an hour, spread by the subject's name.

    The SP's own Retry-After is a floor, believed up to a day. The spread is derived, not drawn, so that a
    repetition computes the same instant.
    """
    base: int = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts, 16))
    spread = int.from_bytes(hashlib.sha256(f"{subject}#{attempts}".encode()).digest()[:4], "big") % (base // 2 + 1)
    return max(base - base // 4 + spread // 2, min(retry_after or 0, DAY))
