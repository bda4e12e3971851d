"""What a service lets through now: pause, quarantine, rate budget; and the spacing of what failed. Arithmetic only."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from provisioning.core.period import DAY, Instant

FIRST_WAIT: Final = 2  # seconds after the first failure
LONGEST_WAIT: Final = 3600
LONGEST_RETRY: Final = 900  # one account's own: an SP that fails for all is waited for by its gate
UNLIMITED: Final = 200.0  # deliveries a second of a service that declares no rate, once it has throttled us
SLOWEST: Final = 0.1
RECOVERY: Final = 300  # seconds in which a budget rises from nothing to all of it
SICK: Final = 20  # calls in a row without a usable answer that put a service into quarantine
FIRST_QUARANTINE: Final = 30
MAINTAINED: Final = 300  # seconds over which those that waited for the end of maintenance are spread, at most
PROBE: Final = 90  # seconds after which whoever probes must have come to an end


@dataclass(frozen=True, slots=True)
class Slots:
    """Consecutive slots of a budget: the first begins at `first`, each lasts `spacing` (both in milliseconds)."""

    first: int
    spacing: int

    def at(self, number: int) -> Instant:
        """The second in which slot `number` (from 0) may be used."""
        return (self.first + number * self.spacing) // 1000


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate item of a service.

    `next_free`: the first millisecond of the budget that nobody has taken. `rate` and `throttled_at`: the budget as it
    fell when the SP last said that we were too fast. `failures`: calls in a row without a usable answer. `quarantine`:
    how often in a row it was closed; `closed_until`: nobody calls before. `paused`: why an operator closed it.
    """

    next_free: int = 0
    rate: float = 0.0
    throttled_at: Instant = 0
    failures: int = 0
    quarantine: int = 0
    closed_until: Instant = 0
    paused: str = ""
    revision: int = 0


OPEN: Final = Gate()


class Heard(StrEnum):
    """What a call taught of the SP's health."""

    WELL = "well"  # a usable answer, whatever it said of the account
    THROTTLED = "throttled"
    SICK = "sick"  # no answer, or one that says that it cannot answer


def spacing(rate: float) -> int:
    """Milliseconds between two deliveries at `rate` a second; at least one."""
    return max(1, round(1000 / rate))


def budget(gate: Gate, declared: float | None, now: Instant) -> float | None:
    """Deliveries a second that the gate lets through now; None: as many as there are.

    It falls when the SP throttles us and rises again by itself, a little every second, up to what is declared.
    """
    most = declared or UNLIMITED
    risen = gate.rate + (now - gate.throttled_at) * most / RECOVERY if gate.throttled_at else most
    return min(most, risen) if declared is not None or risen < most else None


def after_calls(gate: Gate, heard: Sequence[Heard], declared: float | None, now: Instant, admitted: int) -> Gate:
    """The gate after the calls of one batch. The same gate, if it need not be written.

    One batch falls once, however many of its calls were throttled: they were sent before anybody could know. A single
    usable answer ends a row of failures, and a quarantine. `admitted`: the gate's `quarantine` when it let the
    batch in. If it is another by now, the gate was closed while these calls were under way, and that they failed says
    nothing more: one outage would else count as many, and its quarantine last for as long.
    """
    after = gate
    if Heard.THROTTLED in heard and now > gate.throttled_at:
        rate = max(SLOWEST, (budget(gate, declared, now) or UNLIMITED) / 2)
        after = replace(after, rate=rate, throttled_at=now)
    if any(one is not Heard.SICK for one in heard):
        return replace(after, failures=0, quarantine=0, closed_until=0) if gate.failures or gate.quarantine else after
    if not heard or gate.quarantine != admitted:
        return after
    failures = gate.failures + len(heard)
    if failures < SICK and not gate.quarantine:
        return replace(after, failures=failures)
    length = min(FIRST_QUARANTINE * 2**gate.quarantine, LONGEST_WAIT)
    return replace(after, failures=failures, quarantine=min(gate.quarantine + 1, 16), closed_until=now + length)


def closed(gate: Gate, now: Instant) -> bool:
    """Whether nobody may call: a quarantine runs, or somebody probes."""
    return now < gate.closed_until


def probing(gate: Gate, now: Instant) -> Gate | None:
    """The gate with a probe under way, for whoever writes it first; None if the service needs no probe.

    Only the winner calls, for one account. If it dies, the next one probes when its time is up.
    """
    return replace(gate, closed_until=now + PROBE) if gate.quarantine and not closed(gate, now) else None


def waiting_until(gate: Gate, subject: str) -> Instant:
    """When a delivery that met a closed gate comes again: spread, so that not all come at once."""
    spread: int = min(LONGEST_WAIT // 4, FIRST_QUARANTINE * 2**gate.quarantine)
    return gate.closed_until + 1 + _derived(subject) % spread


def after_maintenance(ends: Instant, subject: str, now: Instant) -> Instant:
    """When a delivery that met a maintenance window comes again, if the service has no rate.

    Who waits for longer is spread over longer: those who met all of a window come no closer together than they met it,
    until it is five minutes.
    """
    return ends + _derived(subject) % max(1, min(MAINTAINED, ends - now))


def wait(attempts: int, subject: str, retry_after: int | None = None) -> int:
    """Seconds until the next attempt: doubling from two seconds to a quarter of an hour, spread by the subject's name.

    The SP's own Retry-After is a floor, believed up to a day, and spread by a tenth: all whom it told the same would
    come back in the same second. The spread is derived, not drawn, so that a repetition computes the same instant.
    """
    base: int = min(LONGEST_RETRY, FIRST_WAIT * 2 ** min(attempts, 16))
    derived = _derived(f"{subject}#{attempts}")
    floor = min(retry_after or 0, DAY)
    return max(base - base // 4 + derived % (base // 2 + 1) // 2, floor + derived % (floor // 10 + 1))


def _derived(subject: str) -> int:
    return int.from_bytes(hashlib.sha256(subject.encode()).digest()[:4], "big")
