"""What every SP should hold, computed the naive way: step through all instants at which anything can change.

Nothing of the engine is used here. The oracle is told which versions and which bundle the engine had accepted, and
when; everything that follows from them it works out by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.simulation.campus import GRACE, RETENTION, RULES, Facts, OracleRule, Period, Version

SERVICES = ("alpha", "beta", "gamma")


@dataclass(frozen=True)
class Accepted:
    """From `at` on, the engine knew this version and worked by this bundle."""

    at: int
    version: Version
    bundle: int


@dataclass
class State:
    """How a person stands to a service: standing, authorizations, and when the right ended."""

    standing: str = "absent"
    authorizations: frozenset[str] = frozenset()
    ended: int | None = None


@dataclass
class Truth:
    """The states of one person over time: (from, standing, authorizations) for each service."""

    steps: dict[str, list[tuple[int, str, frozenset[str]]]] = field(default_factory=dict)
    version: Version | None = None

    def at(self, service: str, instant: int) -> tuple[str, frozenset[str]]:
        """Standing and authorizations at an instant."""
        found = ("absent", frozenset[str]())
        for start, standing, authorizations in self.steps.get(service, []):
            if start > instant:
                break
            found = standing, authorizations
        return found


def truth(log: Sequence[Accepted], until: int) -> Truth:
    """Walk one person's life as far as the engine could know it."""
    result = Truth({service: [] for service in SERVICES})
    states = {service: State() for service in SERVICES}
    closed: list[Period] = []
    for number, entry in enumerate(log):
        previous = log[number - 1].version if number else None
        if previous is not None and previous.version != entry.version.version:
            closed += _closed(previous, entry.version, entry.at)
        end = log[number + 1].at if number + 1 < len(log) else until
        facts = [*entry.version.affiliations, *closed] if not entry.version.deleted else closed
        for service in SERVICES:
            rules = [rule for _, rule in RULES[entry.bundle] if rule.service == service]
            _walk(states[service], service, rules, entry, facts, end, result.steps[service])
    result.version = log[-1].version if log else None
    return result


def _closed(before: Version, after: Version, now: int) -> list[Period]:
    stated = {item.id: item for item in after.affiliations} if not after.deleted else {}
    return [
        Period(item.id, item.start, min(item.end or now, now), item.facts)
        for item in (before.affiliations if not before.deleted else ())
        if item.start < now and (item.id not in stated or stated[item.id].facts != item.facts)
    ]


def _walk(
    state: State, service: str, rules: list[OracleRule], entry: Accepted, facts: list[Period], end: int,
    steps: list[tuple[int, str, frozenset[str]]],
) -> None:  # fmt: skip
    """Visit every instant of `[entry.at, end)` at which this service's standing can change."""
    person = entry.version.attributes
    instants = {entry.at}
    for rule in rules:
        for item in facts:
            for bound in (item.start - rule.lead, item.end, item.end + rule.grace if item.end else None):
                if bound is not None and entry.at < bound < end:
                    instants.add(bound)
    pending = sorted(instants)
    while pending:
        now = pending.pop(0)
        _step(state, service, rules, person, facts, entry, now)
        for bound in (state.ended, state.ended + RETENTION[service] if state.ended is not None else None):
            if bound is not None and now < bound < end and bound not in pending:
                pending = sorted([*pending, bound])
        steps.append((now, state.standing, state.authorizations))


def _step(
    state: State, service: str, rules: list[OracleRule], person: Facts, facts: list[Period], entry: Accepted, now: int
) -> None:
    eligible, denied = _eligible(rules, person, facts, live=not entry.version.deleted, now=now)
    if eligible is not None:
        state.standing, state.authorizations = eligible
        state.ended = None
        return
    if state.standing == "absent":
        return
    if state.ended is None:
        # By the passing of time, or because something was learned at this very instant.
        learned = now == entry.at and not _over(rules, facts, now)
        state.ended = now + (GRACE[service] if learned and not denied else 0)
    if denied:
        state.ended = min(state.ended, now)
    if now < state.ended:
        state.standing = "grace"
    elif now < state.ended + RETENTION[service]:
        state.standing, state.authorizations = "suspended", frozenset()
    else:
        state.standing, state.authorizations, state.ended = "absent", frozenset(), None


def _over(rules: list[OracleRule], facts: list[Period], now: int) -> bool:
    """Whether a right ended by the clock in exactly this second."""
    return any(
        item.end is not None and item.end + rule.grace == now and item.start < item.end
        for rule in rules
        for item in facts
    )


def _eligible(
    rules: list[OracleRule], person: Facts, facts: list[Period], live: bool, now: int
) -> tuple[tuple[str, frozenset[str]] | None, bool]:
    active, authorizations, grace = False, set[str](), False
    for rule in rules:
        for item in facts if rule.per_affiliation else [None]:
            if item is None:
                holds, in_grace = live and rule.who(person, {}), False
            else:
                if not rule.who(person, item.facts) or (item.end is not None and item.start >= item.end):
                    continue
                holds = item.start - rule.lead <= now and (item.end is None or now < item.end)
                in_grace = item.end is not None and item.end <= now < item.end + rule.grace
            if rule.deny and holds:
                return None, True
            if not rule.deny and (holds or in_grace):
                active, grace = active or holds, True
                authorizations |= set(rule.authorizations)
    if not grace:
        return None, False
    return ("active" if active else "grace", frozenset(authorizations)), False
