"""What every SP should hold, computed the naive way: Google's CEL, and a walk through one person's history.

Nothing of the engine is used here, not even its reading of the YAML files. The oracle knows what the registry stated
and when; what follows from that it works out by itself, instant by instant.

The semantics it judges by: the days of an affiliation are days in the tenant's zone and include the last one; `lead`
widens its start, `grace` follows its end; a deny takes away at once; an affiliation that is no longer stated, or is
stated with other facts, ended when that was published; eligibility that vanishes without an announced end keeps the
service's own grace from then; after the right has ended an account is suspended for the retention, then removed; and
who never had a right gets nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localstack.campus.days import day_end, day_start, later
from localstack.campus.people import Person
from localstack.campus.policy import Lifecycle, Policy, Rule
from localstack.campus.registry import Statement

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """What one SP should hold for one person. Phase absent: it held an account, and holds it no more."""

    phase: str
    values: Facts
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Fact:
    """An affiliation as it counts at some time: with its end as known, or as it was cut off."""

    start: datetime
    end: datetime | None
    facts: Facts


@dataclass
class _State:
    """How a person stands to one service as the walk goes on."""

    had: bool = False
    removed: bool = False
    authorizations: frozenset[str] = frozenset()
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Right:
    """What the rules say at one instant."""

    held: bool
    denied: bool
    authorizations: frozenset[str] = frozenset()


@dataclass
class Oracle:
    """Judges by one policy. `_tried` remembers what CEL said: a rule and facts are asked about at many instants."""

    policy: Policy
    _tried: dict[tuple[Any, ...], bool | None] = field(default_factory=dict)

    def expected(self, history: Sequence[Statement], service: str, now: datetime) -> Expected | None:
        """What a service should hold for a person with this history; None: there was never anything."""
        self._tried.clear()
        history = [statement for statement in history if statement.at <= now.timestamp()]
        state, lifecycle = _State(), self.policy.services[service].lifecycle
        rules = [rule for rule in self.policy.rules if rule.service == service]
        closed: list[_Fact] = []
        person: Facts = {}
        for number, statement in enumerate(history):
            at = self._local(statement.at)
            if number:
                closed += self._closed(history[number - 1].person, statement.person, at)
            person = person if statement.person.deleted else statement.person.attributes
            facts = [*self._stated(statement.person), *closed]
            end = self._local(history[number + 1].at) if number + 1 < len(history) else now
            live = not statement.person.deleted
            for instant in [at, *self._boundaries(rules, facts, at, end), end]:
                right = self._right(rules, person, facts, instant, live=live)
                _step(state, right, lifecycle, instant, learned=instant == at)
        return self._account(service, state, person, now)

    def _local(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, self.policy.zone)

    def _stated(self, person: Person) -> list[_Fact]:
        zone = self.policy.zone
        return [
            _Fact(
                day_start(item.start, zone),
                day_end(item.end, zone) if item.end is not None else None,
                {name: value for name, value in item.data().items() if name in self.policy.affiliation},
            )
            for item in (() if person.deleted else person.affiliations)
        ]

    def _closed(self, before: Person, after: Person, at: datetime) -> list[_Fact]:
        """What was stated before and is not stated any more, or not with the same facts: it ended by now."""
        old = dict(zip([item.id for item in before.affiliations], self._stated(before), strict=False))
        new = dict(zip([item.id for item in after.affiliations], self._stated(after), strict=False))
        return [
            _Fact(fact.start, min(fact.end or at, at), fact.facts)
            for name, fact in old.items()
            if fact.start < at and (name not in new or new[name].facts != fact.facts)
        ]

    def _boundaries(
        self, rules: Sequence[Rule], facts: Sequence[_Fact], after: datetime, before: datetime
    ) -> list[datetime]:
        """Every instant in between at which the clock alone can change anything."""
        spans = [self._span(rule, fact) for rule in rules for fact in [_NOBODY, *facts]]
        return sorted({bound for bounds in spans for bound in bounds if bound is not None and after < bound < before})

    def _span(self, rule: Rule, fact: _Fact) -> tuple[datetime | None, datetime | None, datetime | None]:
        """From when a rule gives for a fact, until when, and until when its grace leaves it. None: no bound."""
        if not rule.per_affiliation:
            return rule.since, rule.until, later(rule.until, rule.grace)
        if fact is _NOBODY:
            return None, None, None
        end = min((bound for bound in (fact.end, rule.until) if bound is not None), default=None)
        if end is not None and max(filter(None, (fact.start, rule.since))) >= end:
            return end, end, end  # a lead makes nothing out of an empty period
        start = max(filter(None, (fact.start - rule.lead, rule.since)))
        return start, end, later(end, rule.grace)

    def _right(
        self, rules: Sequence[Rule], person: Facts, facts: Sequence[_Fact], now: datetime, *, live: bool
    ) -> _Right:
        held, denied, authorizations = False, False, set[str]()
        for rule in rules:
            for fact in facts if rule.per_affiliation else [_NOBODY] if live else []:
                start, end, graced = self._span(rule, fact)
                if (start is not None and now < start) or (start is not None and start == end):
                    continue
                active = end is None or now < end
                if not (active or (graced is not None and now < graced and not rule.deny)):
                    continue
                answer = self._try(rule, person, fact)
                if answer is None:  # it cannot be evaluated: a grant gives nothing, a deny holds
                    answer = rule.deny
                denied = denied or (answer and rule.deny)
                if answer and not rule.deny:
                    held = True
                    authorizations |= rule.authorizations
        return _Right(held and not denied, denied, frozenset(authorizations))

    def _try(self, rule: Rule, person: Facts, fact: _Fact) -> bool | None:
        key = rule.id, id(person), tuple(sorted(fact.facts.items()))
        if key not in self._tried:
            self._tried[key] = rule.holds(person, fact.facts)
        return self._tried[key]

    def _account(self, service: str, state: _State, person: Facts, now: datetime) -> Expected | None:
        wanted = self.policy.services[service]
        if not state.had:
            return Expected("absent", {}, frozenset()) if state.removed else None
        active = state.ended is None or now < state.ended
        phase = "active" if active else "suspended"
        authorizations = state.authorizations if active else frozenset[str]()
        values = wanted.values(person, sorted(authorizations), phase)
        if values is None:  # a value that it cannot be without: nobody can make such an account
            return None
        groups = {wanted.groups[name] for name in authorizations if name in wanted.groups}
        return Expected(phase, values, frozenset(groups))


_NOBODY = _Fact(datetime.fromtimestamp(0, UTC), None, {})  # what a rule that asks for no affiliation is tried with


def _step(state: _State, right: _Right, lifecycle: Lifecycle, now: datetime, *, learned: bool) -> None:
    """Move the state to an instant. `learned`: something was published then; else the clock alone has moved."""
    if right.held:
        state.had, state.removed, state.authorizations, state.ended = True, False, right.authorizations, None
    elif state.had:
        if state.ended is None:
            state.ended = later(now, lifecycle.grace) if learned else now
        if right.denied and state.ended is not None:
            state.ended = min(state.ended, now)
        removed = later(state.ended, lifecycle.retention)
        if removed is not None and now >= removed:
            state.had, state.removed, state.authorizations, state.ended = False, True, frozenset(), None
