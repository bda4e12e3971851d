"""The brake of a service: how many removals a window lets through, whatever their cause, and what is held of them.

What is counted lies in fixed buckets, of which a window has `BUCKETS`. A bucket that a window touches counts wholly, so
that no window, wherever it begins, ever holds more than the limit. A removal is counted with the account that it is
of, in one transaction: the account remembers the attempt that was let through, so that none is counted twice.

Where sources are of several domains, each domain has an equal share of its own: whoever withdraws everybody uses up
nothing of what another needs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

from provisioning.core.account import Account, Desired, Phase
from provisioning.core.brake_options import Brake as Options
from provisioning.core.brake_options import seconds_of
from provisioning.core.period import Instant
from provisioning.core.record import Record

BUCKETS: Final = 24  # of one window
MOST_AT_ONCE: Final = 99  # accounts that are counted together: of one transaction, beside the brake
MOST_PERMITS: Final = 100  # attempts that an account remembers; of those that never ended, the newest


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


class Share(NamedTuple):
    """Of which limit something is taken. `domain`: empty where all sources are of one."""

    lane: Lane
    domain: str = ""


Taken = Mapping[Share, Mapping[Instant, int]]


@dataclass(frozen=True, slots=True)
class Brake:
    """What went through, by share and by the instant at which its bucket begins. `population`: accounts, by shard."""

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


def home(domains: Mapping[str, str], records: Mapping[str, Record]) -> str:
    """Of which domain's share a person's removals are taken: that which withdrew them, else the first that knows them.

    `domains`: by source, in the bundle's order. Empty if there is only one.
    """
    if len({*domains.values()}) < 2:
        return ""
    known = [source for source in domains if source in records]
    gone = [source for source in known if records[source].deleted]
    return domains[(gone or known)[0]] if known else ""


def limit(options: Options, lane: Lane, population: Mapping[int, int], shards: int, domains: int = 1) -> int:
    """How many removals of a lane a window lets through, of each domain of so many.

    `population`: as far as it was counted, of so many shards; from some of them all is guessed. Before the first was,
    nobody knows how many there are, and only the least goes through.
    """
    rule = options if lane is Lane.SUDDEN else options.announced
    if not population:
        return options.least
    everybody = sum(population.values()) * shards // len(population)
    return max(options.least, min(rule.removals, int(rule.share * everybody)) // max(1, domains))


def taken(brake: Brake, options: Options, share: Share, now: Instant) -> int:
    """What was let through of a share in the window that ends now."""
    return sum(_lately(brake, options, share, now).values())


def grant(
    brake: Brake, options: Options, asked: Sequence[tuple[Share, int]], shards: int, domains: int, now: Instant
) -> tuple[Brake, list[bool]]:
    """Let through what the limits allow, in the order in which it is asked for: the brake after, and what was."""
    shares = {*brake.taken, *(share for share, _ in asked)}
    counts = {share: _lately(brake, options, share, now) for share in shares}
    size = _size(options)
    granted = []
    for share, number in asked:
        most = limit(options, share.lane, brake.population, shards, domains)
        granted.append(sum(counts[share].values()) + number <= most)
        if granted[-1]:
            bucket = now - now % size
            counts[share] = {**counts[share], bucket: counts[share].get(bucket, 0) + number}
    return replace(brake, taken={share: some for share, some in counts.items() if some}), granted


def _lately(brake: Brake, options: Options, share: Share, now: Instant) -> dict[Instant, int]:
    """The buckets of which any part lies in the window that ends now."""
    begins = now - seconds_of(options.window) - _size(options)
    return {bucket: count for bucket, count in brake.taken.get(share, {}).items() if bucket > begins}


def _size(options: Options) -> int:
    return seconds_of(options.window) // BUCKETS
