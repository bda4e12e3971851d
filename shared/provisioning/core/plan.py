"""Bundle × bundle × identity → what would change: the decisions of both, side by side, at one instant."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from provisioning.core.decision import decide_identity
from provisioning.core.eligibility import EMPTY, Refusal, Timeline
from provisioning.core.evaluation import evaluate
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import NOTHING, Entitlement, Standing
from provisioning.core.period import Instant
from provisioning.core.policy import Policy


class Effect(StrEnum):
    """What a draft does to one account, the gravest first."""

    REMOVED = "removed"
    SUSPENDED = "suspended"
    LEFT = "left"  # the service is not in the draft: the account stays as it is and is looked after no more
    CREATED = "created"
    RESTORED = "restored"
    CHANGED = "changed"
    MOVED = "moved"  # the same now, other boundaries later


@dataclass(frozen=True, slots=True)
class Planned:
    """The effect of a draft on one account, and the rules that decide it: of the draft, or those that gave it."""

    service: str
    effect: Effect
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """What an exclusion of the draft takes from one person at a service, now or later."""

    service: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Plan:
    """What a draft does to one identity. Empty if nothing changes and nothing is in conflict."""

    planned: tuple[Planned, ...]
    conflicts: tuple[Conflict, ...]


def plan_identity(current: Policy, draft: Policy, identity: Identity, now: Instant) -> Plan:
    """Decide by both bundles as evaluate would at `now`, and compare. Nothing is stored."""
    before, after = (decide_identity(policy, identity, identity, {}, now).identity for policy in (current, draft))
    old, new = (evaluate(policy, identity, now).timelines for policy in (current, draft))
    planned = []
    for service in dict.fromkeys((*current.services, *draft.services)):
        was = before.entitlements.get(service, NOTHING)
        will = after.entitlements.get(service, NOTHING)
        lines = old.get(service, EMPTY), new.get(service, EMPTY)
        if service not in draft.services:
            effect = Effect.LEFT if was.standing is not Standing.ABSENT else None
        else:
            effect = _effect(was, will, *lines)
        if effect is not None:
            planned.append(Planned(service, effect, tuple(_rules(*lines, now))))
    conflicts = tuple(
        Conflict(service, refusal)
        for service, line in sorted(new.items())
        for refusal in line.refusals
        if refusal.period.end > now
    )
    return Plan(tuple(planned), conflicts)


def _effect(was: Entitlement, will: Entitlement, old: Timeline, new: Timeline) -> Effect | None:
    held, holds = _used(was), _used(will)
    if will.standing is Standing.ABSENT and was.standing is not Standing.ABSENT:
        return Effect.REMOVED
    if will.standing is Standing.SUSPENDED and held:
        return Effect.SUSPENDED
    if holds and not held:
        return Effect.CREATED if was.standing is Standing.ABSENT else Effect.RESTORED
    if (was.digest, was.dispute) != (will.digest, will.dispute):
        return Effect.CHANGED
    return Effect.MOVED if _bounds(old) != _bounds(new) else None


def _used(entitlement: Entitlement) -> bool:
    return entitlement.standing in (Standing.ACTIVE, Standing.GRACE)


def _bounds(line: Timeline) -> list[tuple[object, ...]]:
    return [(segment.start, segment.end, segment.phase, segment.authorizations) for segment in line.segments]


def _rules(old: Timeline, new: Timeline, now: Instant) -> Iterator[str]:
    """The rules that matter now in the draft, or else those that gave what is lost."""
    segment = new.at(now) or old.at(now)
    denials = (match.reason for match in new.denials if match.active.start <= now < match.active.end)
    reasons = [*denials, *(segment.reasons if segment is not None else ())]
    yield from dict.fromkeys(reason.rule for reason in reasons)
