import random
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.catalog import Duty, Exclusion, Lifecycle
from provisioning.core.eligibility import EMPTY, Match, Timeline, timeline
from provisioning.core.lifecycle import Entitlement, Standing, decide
from provisioning.core.period import Duration, Period
from provisioning.core.separation import separate

LAST = 40
UTC = ZoneInfo("UTC")
ENTER, APPROVE = Duty(service="pay", authorizations=("enter",)), Duty(service="pay", authorizations=("approve",))
AUDIT = Duty(service="audit")
Matches = Mapping[str, Sequence[Match]]


def exclusion(resolve: str, *between: Duty, key: str = "pay-or-approve") -> Exclusion:
    return Exclusion.model_validate(
        {"id": key, "between": between or (ENTER, APPROVE), "resolve": resolve, "because": "Nobody approves their own."}
    )


def gives(start: int, end: int, *authorizations: str, rule: str = "", grace: int = 0) -> Match:
    name = rule or "-".join(authorizations) or "plain"
    return Match(name, "person", Period(start, end), end + grace, tuple(sorted(authorizations)))


def holds(entitlement: Entitlement | None, duty: Duty) -> bool:
    if entitlement is None or entitlement.standing not in (Standing.ACTIVE, Standing.GRACE):
        return False
    return not duty.authorizations or bool(set(duty.authorizations) & set(entitlement.authorizations))


def given_at(lines: Mapping[str, Timeline], duty: Duty, instant: int) -> bool:
    segment = lines.get(duty.service, EMPTY).at(instant)
    return segment is not None and (
        not duty.authorizations or bool(set(duty.authorizations) & set(segment.authorizations))
    )


def authorizations(lines: Mapping[str, Timeline], service: str, instant: int) -> tuple[str, ...] | None:
    segment = lines.get(service, EMPTY).at(instant)
    return None if segment is None else segment.authorizations


def step(
    exclusions: Sequence[Exclusion], matches: Matches, before: Mapping[str, Entitlement], now: int, grace: int = 0
) -> dict[str, Entitlement]:
    """One evaluation of everything, as the engine does it."""
    lines = separate(exclusions, matches, before, now)
    lifecycle = Lifecycle(grace=Duration(seconds=grace), retention=Duration(seconds=5))
    return {
        service: decide(before.get(service, Entitlement()), lines.get(service, EMPTY), lifecycle, now, UTC)[0]
        for service in {*lines, *before}
    }


def test_the_later_duty_is_refused_until_the_earlier_ends_and_the_one_that_is_held_stays() -> None:
    matches = {"pay": [gives(0, 10, "enter"), gives(20, 30, "enter"), gives(5, 40, "approve")]}
    lines = separate([exclusion("later")], matches, {}, 0)
    assert [authorizations(lines, "pay", at) for at in (0, 7, 12, 25, 35)] == [
        ("enter",), ("enter",), ("approve",), ("approve",), ("approve",),
    ]  # fmt: skip


def test_what_is_held_stays_although_the_facts_say_that_the_other_began_earlier() -> None:
    matches = {"pay": [gives(3, 30, "enter"), gives(0, 30, "approve")]}
    held = {"pay": Entitlement(Standing.ACTIVE, ("enter",), turn=1)}
    lines = separate([exclusion("later")], matches, held, 5)
    assert authorizations(lines, "pay", 6) == ("enter",)
    assert authorizations(separate([exclusion("later")], matches, {}, 5), "pay", 6) == ("approve",)


def test_the_stronger_is_the_first_of_the_list_whoever_began_first() -> None:
    matches = {"pay": [gives(0, 30, "approve"), gives(10, 20, "enter")]}
    lines = separate([exclusion("stronger")], matches, {}, 0)
    assert [authorizations(lines, "pay", at) for at in (5, 15, 25)] == [("approve",), ("enter",), ("approve",)]


def test_a_rule_that_gives_only_what_is_refused_gives_nothing_and_another_keeps_the_rest() -> None:
    both = {"pay": [gives(0, 30, "enter"), gives(5, 30, "approve", "read")]}
    assert authorizations(separate([exclusion("later")], both, {}, 0), "pay", 10) == ("enter", "read")
    services = {"pay": [gives(0, 30, "enter")], "audit": [gives(5, 40)]}
    lines = separate([exclusion("later", ENTER, AUDIT)], services, {}, 0)
    assert (authorizations(lines, "audit", 10), authorizations(lines, "audit", 35)) == (None, ())


def test_who_begins_both_at_once_is_given_neither_if_a_person_must_decide_and_the_first_otherwise() -> None:
    matches = {"pay": [gives(0, 30, "enter"), gives(0, 30, "approve"), gives(0, 40)]}
    parked = separate([exclusion("park")], matches, {}, 0)
    assert authorizations(parked, "pay", 5) == ()
    assert parked["pay"].dispute(5) == (
        "pay-or-approve: conflicts with pay [enter]; pay-or-approve: conflicts with pay [approve]"
    )
    assert parked["pay"].dispute(35) == ""
    assert authorizations(separate([exclusion("later")], matches, {}, 0), "pay", 5) == ("enter",)


def test_a_conflict_between_duties_that_are_held_takes_nothing_away_if_a_person_must_decide() -> None:
    matches = {"pay": [gives(0, 30, "enter"), gives(0, 30, "approve")]}
    held = {"pay": Entitlement(Standing.ACTIVE, ("approve", "enter"), turn=1)}
    lines = separate([exclusion("park")], matches, held, 5)
    assert authorizations(lines, "pay", 6) == ("approve", "enter")
    assert "conflicts with" in lines["pay"].dispute(6)


def test_a_dispute_is_decided_and_its_end_is_a_boundary() -> None:
    matches = {"pay": [gives(0, 30, "enter")], "audit": [gives(10, 50)]}
    line = separate([exclusion("park", ENTER, AUDIT)], matches, {}, 0)["audit"]
    entitlement, boundary = decide(Entitlement(), line, Lifecycle(), 0, UTC)
    assert (entitlement.standing, entitlement.dispute, boundary) == (Standing.ABSENT, "", 10)
    entitlement, boundary = decide(entitlement, line, Lifecycle(), 10, UTC)
    assert (entitlement.standing, boundary) == (Standing.ABSENT, 30)
    assert entitlement.dispute == "pay-or-approve: conflicts with pay [enter]"
    entitlement, boundary = decide(entitlement, line, Lifecycle(), 30, UTC)
    assert (entitlement.standing, entitlement.dispute, boundary) == (Standing.ACTIVE, "", 50)


def test_a_service_that_vanished_has_no_grace_beside_a_rival() -> None:
    held = {"pay": Entitlement(Standing.ACTIVE, ("enter",), turn=1)}
    rivals = [exclusion("later", ENTER, AUDIT)]
    alone = step(rivals, {}, held, 5, grace=10)
    assert alone["pay"].standing is Standing.GRACE
    beside = step(rivals, {"audit": [gives(0, 30)]}, held, 5, grace=10)
    assert (beside["pay"].standing, beside["audit"].standing) == (Standing.SUSPENDED, Standing.ACTIVE)
    again = step(rivals, {"audit": [gives(0, 30)]}, beside, 6, grace=10)
    assert (again["pay"].standing, again["audit"].standing) == (Standing.SUSPENDED, Standing.ACTIVE)


@st.composite
def worlds(draw: st.DrawFn) -> Matches:
    found: dict[str, list[Match]] = {}
    for number in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, LAST))
        match = Match(
            f"rule-{number}",
            "person",
            Period(start, start + draw(st.integers(0, 20))),
            0,
            tuple(sorted(draw(st.sets(st.sampled_from(["enter", "approve", "read"]), max_size=2)))),
            deny=draw(st.integers(0, 5)) == 0,
        )
        found.setdefault(draw(st.sampled_from(["pay", "audit", "mail"])), []).append(match)
    return found


duties = st.sampled_from([ENTER, APPROVE, AUDIT, Duty(service="mail"), Duty(service="mail", authorizations=("read",))])
exclusions = st.lists(
    st.builds(
        exclusion,
        st.sampled_from(["later", "stronger", "park"]),
        duties,
        duties,
        key=st.sampled_from(["one", "two", "three"]),
    ).filter(lambda one: one.between[0].service != one.between[1].service or (one.between[0] in (ENTER, APPROVE)
             and one.between[0] != one.between[1])),
    min_size=1, max_size=3,
)  # fmt: skip


@given(worlds(), exclusions)
def test_nobody_is_ever_given_two_duties_that_exclude_each_other(matches: Matches, found: list[Exclusion]) -> None:
    lines = separate(found, matches, {}, 0)
    for one in found:
        for at in range(-1, LAST + 25):
            assert sum(given_at(lines, duty, at) for duty in one.between) <= 1


@given(worlds(), exclusions)
def test_an_exclusion_never_gives_anything(matches: Matches, found: list[Exclusion]) -> None:
    without = {service: timeline(some) for service, some in matches.items()}
    lines = separate(found, matches, {}, 0)
    for service, line in without.items():
        for at in range(-1, LAST + 25):
            mine, theirs = lines[service].at(at), line.at(at)
            assert mine is None or (theirs is not None and set(mine.authorizations) <= set(theirs.authorizations))


@given(worlds(), exclusions, st.randoms())
def test_the_order_of_the_rules_does_not_matter(
    matches: Matches, found: list[Exclusion], chance: random.Random
) -> None:
    shuffled = {service: chance.sample(list(some), len(some)) for service, some in matches.items()}
    assert separate(found, shuffled, {}, 0) == separate(found, matches, {}, 0)


def test_what_ended_while_nobody_looked_was_not_held_until_it_came_back() -> None:
    """Mail ends at 33 and begins again at 34; from 33 on the other duty is held, also for who looks at 35."""
    matches = {"mail": [_match("one", 13, 33), _match("two", 34, 36)], "pay": [_match("three", 16, 36)]}
    found = [exclusion("later", Duty(service="pay"), Duty(service="mail"))]
    held = step(found, matches, step(found, matches, {}, 32), 35)
    assert [holds(held.get(service), Duty(service=service)) for service in ("mail", "pay")] == [False, True]


def _match(rule: str, start: int, end: int) -> Match:
    return Match(rule, "person", Period(start, end), 0, (), deny=False, urgent=False)


@pytest.mark.parametrize("pace", [1, 3])
@given(matches=worlds(), found=exclusions)
def test_what_was_foretold_comes_true(pace: int, matches: Matches, found: list[Exclusion]) -> None:
    """Evaluated at the beginning or at any later instant with what is held by then: the same, unless facts change."""
    foretold = separate(found, matches, {}, -1)
    held: dict[str, Entitlement] = {}
    for now in range(-1, LAST + 25, pace):
        held = step(found, matches, held, now)
        for service in matches:
            assert (holds(held.get(service), Duty(service=service)) or None) == (
                None if foretold[service].at(now) is None else True
            )
            if holds(held.get(service), Duty(service=service)):
                assert held[service].authorizations == authorizations(foretold, service, now)
