"""What goes wrong, and when: everything drawn from the seed before the first step."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.simulation.campus import START


class Fault(StrEnum):
    """A kind of misfortune."""

    KILL = "kill"  # an invocation dies at one of its awaits
    STALL = "stall"  # an invocation sleeps for most of its time, while others go on
    REFUSED = "refused"  # the SP cannot be reached: nothing was sent
    LOST_BEFORE = "lost-before"  # no answer, no effect
    LOST_AFTER = "lost-after"  # no answer, but the effect
    LATE = "late"  # no answer, and the effect comes later
    ERROR_AFTER = "error-after"  # 500, but the effect
    BUSY = "busy"  # 429
    GARBAGE = "garbage"  # 200 with a page of HTML


PROVIDER_FAULTS = (
    Fault.REFUSED,
    Fault.LOST_BEFORE,
    Fault.LOST_AFTER,
    Fault.LATE,
    Fault.ERROR_AFTER,
    Fault.BUSY,
    Fault.GARBAGE,
)
MINUTE = 60


@dataclass(frozen=True)
class Outage:
    """A provider that answers every call in this way for a while."""

    provider: str
    start: float
    end: float
    fault: Fault


@dataclass(frozen=True)
class Faults:
    """All misfortunes of one seed. Kills and stalls: invocation's number → the await at which it happens."""

    outages: tuple[Outage, ...]
    kills: dict[int, int]
    stalls: dict[int, int]
    single: dict[tuple[str, int], Fault]  # (provider, number of the call) → fault

    @property
    def count(self) -> int:
        return len(self.outages) + len(self.kills) + len(self.stalls) + len(self.single)


def draw(chance: random.Random, busy: int, providers: Sequence[str] = ("alpha", "beta", "gamma")) -> Faults:
    """At least ten faults within the first `busy` seconds."""
    outages = tuple(_outage(chance, provider, busy) for provider in providers if chance.random() < 0.4)
    kills = {chance.randrange(150): chance.randrange(1, 14) for _ in range(chance.randrange(6, 16))}
    stalls = {chance.randrange(150): chance.randrange(1, 14) for _ in range(chance.randrange(0, 3))}
    single = {
        (provider, chance.randrange(60)): chance.choice(PROVIDER_FAULTS)
        for provider in providers
        for _ in range(chance.randrange(3, 8))
    }
    return Faults(outages, kills, stalls, single)


def _outage(chance: random.Random, provider: str, busy: int) -> Outage:
    start = START + chance.uniform(0, busy)
    return Outage(provider, start, start + chance.uniform(20, 5 * MINUTE), chance.choice(PROVIDER_FAULTS))
