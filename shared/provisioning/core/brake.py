"""The brake of a service: how many removals a window lets through, whatever their cause, and what is held of them.

What is counted lies in fixed buckets, of which a window has `BUCKETS`. A bucket that a window touches counts wholly, so
that no window, wherever it begins, ever holds more than the limit. A removal is counted with the account that it is
of, in one transaction: the account remembers the attempt that was let through, so that none is counted twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

from provisioning.core.account import Account, Desired, Phase
from provisioning.core.brake_options import Brake as Options
from provisioning.core.brake_options import seconds_of
from provisioning.core.period import Instant

BUCKETS: Final = 24  # of one window


class Kind(StrEnum):
    """What is taken away."""

    SUSPENSION = "suspension"
    DELETION = "deletion"
    MEMBERSHIP = "membership"


class Lane(StrEnum):
    """Whether it was known long before. Each has a limit of its own."""

    SUDDEN = "sudden"
    ANNOUNCED = "announced"


class Removal(NamedTuple):
    """What a delivery would take away. `number`: of memberships; of the others one."""

    kind: Kind
    number: int = 1


Taken = Mapping[Lane, Mapping[Instant, int]]


@dataclass(frozen=True, slots=True)
class Brake:
    """What went through, by lane and by the instant at which its bucket begins. `population`: accounts, by shard."""

    taken: Taken = field(default_factory=dict)
    population: Mapping[int, int] = field(default_factory=dict)
    revision: int = 0


def removal_of(account: Account, desired: Desired, *, gathers: bool) -> Removal | None:
    """What making an account as desired takes away; None: nothing.

    Where a call is in doubt it counts as if it had had its effect. `gathers`: memberships are counted by their groups.
    """
    known = account.known
    if desired.phase is Phase.ABSENT:
        return Removal(Kind.DELETION) if account.may_exist else None
    if desired.phase is Phase.SUSPENDED:
        active = known.phase is Phase.ACTIVE or (known.phase is Phase.ABSENT and account.intent is not None)
        return Removal(Kind.SUSPENSION) if active else None
    lost = {*known.groups} - {*desired.groups}
    return Removal(Kind.MEMBERSHIP, len(lost)) if lost and not gathers else None


def lane_of(options: Options, notice: int) -> Lane:
    """`notice`: seconds for which the end had been known when it came."""
    return Lane.ANNOUNCED if notice >= max(1, seconds_of(options.announced.ahead)) else Lane.SUDDEN


def limit(options: Options, lane: Lane, population: Mapping[int, int], shards: int) -> int:
    """How many removals of a lane a window lets through.

    `population`: as far as it was counted, of so many shards; from some of them all is guessed. Before the first was,
    nobody knows how many there are, and only the least goes through.
    """
    rule = options if lane is Lane.SUDDEN else options.announced
    if not population:
        return options.least
    everybody = sum(population.values()) * shards // len(population)
    return max(options.least, min(rule.removals, int(rule.share * everybody)))


def taken(brake: Brake, options: Options, lane: Lane, now: Instant) -> int:
    """What a lane let through in the window that ends now."""
    return sum(_lately(brake, options, lane, now).values())


def grant(
    brake: Brake, options: Options, asked: Sequence[tuple[Lane, int]], shards: int, now: Instant
) -> tuple[Brake, list[bool]]:
    """Let through what the limits allow, in the order in which it is asked for: the brake after, and what was."""
    counts = {lane: _lately(brake, options, lane, now) for lane in Lane}
    limits = {lane: limit(options, lane, brake.population, shards) for lane in Lane}
    size = _size(options)
    granted = []
    for lane, count in asked:
        free = limits[lane] - sum(counts[lane].values())
        granted.append(count <= free)
        if count <= free:
            bucket = now - now % size
            counts[lane] = {**counts[lane], bucket: counts[lane].get(bucket, 0) + count}
    return replace(brake, taken=counts), granted


def _lately(brake: Brake, options: Options, lane: Lane, now: Instant) -> dict[Instant, int]:
    """The buckets of which any part lies in the window that ends now."""
    begins = now - seconds_of(options.window) - _size(options)
    return {bucket: count for bucket, count in brake.taken.get(lane, {}).items() if bucket > begins}


def _size(options: Options) -> int:
    return seconds_of(options.window) // BUCKETS
