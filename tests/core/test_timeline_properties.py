"""Bundle × record → timeline, beside a naive evaluation at single instants, on days when the clocks change."""

import itertools
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.core.eligibility import SegmentPhase
from provisioning.core.errors import InvalidError
from provisioning.core.period import BEGINNING, FOREVER, Duration, midnight, shift
from tests.core.wall import beginning, moved, wall
from tests.core.worlds import CHANGES, World, claims, held, instants, naive, rules, sensible, timeline, worlds


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_at_every_instant_the_timeline_says_what_a_naive_evaluation_says(world: World) -> None:
    line, found = timeline(world), list(claims(world))
    for at in instants(world, line):
        assert held(line, at) == naive(found, at), wall(at, world.zone)


@settings(max_examples=100, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_rules_and_of_facts_does_not_matter(world: World, chance: random.Random) -> None:
    shuffled, stated = list(world.rules), list(world.affiliations)
    chance.shuffle(shuffled)
    chance.shuffle(stated)
    assert timeline(replace(world, rules=tuple(shuffled), affiliations=tuple(stated))) == timeline(world)


@settings(max_examples=100, deadline=None)
@given(st.data(), worlds())
def test_an_allow_more_never_removes_time_nor_an_authorization_nor_makes_it_grace(
    data: st.DataObject, world: World
) -> None:
    around = data.draw(st.sampled_from([day for name, day in CHANGES if name == world.zone.key]))
    more = data.draw(rules(around, deny=False).filter(lambda rule: sensible(rule, world.zone)))
    larger = replace(world, rules=(*world.rules, {**more, "id": "more"}))
    before, after = timeline(world), timeline(larger)
    for at in instants(larger, before, after):
        was, is_ = before.at(at), after.at(at)
        if was is not None:
            assert is_ is not None
            assert set(was.authorizations) <= set(is_.authorizations)
            assert was.phase is SegmentPhase.GRACE or is_.phase is SegmentPhase.ACTIVE


@settings(max_examples=100, deadline=None)
@given(st.data(), worlds())
def test_a_deny_more_never_adds_time_and_changes_nothing_else(data: st.DataObject, world: World) -> None:
    around = data.draw(st.sampled_from([day for name, day in CHANGES if name == world.zone.key]))
    more = data.draw(rules(around, deny=True).filter(lambda rule: sensible(rule, world.zone)))
    larger = replace(world, rules=(*world.rules, {**more, "id": "more"}))
    before, after = timeline(world), timeline(larger)
    for at in instants(larger, before, after):
        assert held(after, at) in (None, held(before, at))


@settings(max_examples=150, deadline=None)
@given(worlds(most=6))
def test_boundaries_are_minimal_and_no_segment_is_empty(world: World) -> None:
    segments = timeline(world).segments
    assert all(BEGINNING <= segment.start < segment.end <= FOREVER for segment in segments)
    for before, after in itertools.pairwise(segments):
        assert before.end <= after.start
        if before.end == after.start:
            assert (before.phase, before.authorizations) != (after.phase, after.authorizations)


# Examples -----------------------------------------------------------------------------------------------------------

RULE = {"id": "one", "service": "sp", "who": 'affiliation.type == "a"', "authorizations": ["read"], "because": "x"}


def stretches(zone: str, *affiliations: tuple[str | None, str | None], **rule: Any) -> list[tuple[int, int, str]]:
    stated = tuple(
        {"id": str(number), "type": "a", "start": start, "end": end} for number, (start, end) in enumerate(affiliations)
    )
    line = timeline(World(ZoneInfo(zone), ({**RULE, **rule},), {}, stated))
    return [(segment.start, segment.end, segment.phase.value) for segment in line.segments]


def utc(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]  # parts are year to second


def test_a_period_without_length_gives_nothing_however_long_its_lead_and_grace() -> None:
    noon = "2026-09-01T12:00:00Z"
    assert stretches("UTC", (noon, noon), lasting={"lead": "P5D", "grace": "P5D"}) == []


def test_a_reversed_period_is_refused() -> None:
    with pytest.raises(InvalidError, match="reversed"):
        stretches("UTC", ("2026-09-03", "2026-09-01"))


def test_a_period_beyond_the_calendar_is_open_there() -> None:
    assert stretches("Asia/Beirut", ("0001-01-01", "9999-12-31")) == [(BEGINNING, FOREVER, "active")]
    assert stretches("Asia/Beirut", ("2500-01-01", None)) == []


def test_the_longest_lead_and_grace_reach_beyond_the_calendar_and_are_open_there() -> None:
    longest = {"lead": "P999999D", "grace": "P999999D"}
    (active, grace) = stretches("America/Havana", ("1950-01-01", "2190-12-31"), lasting=longest)
    assert active[0] == BEGINNING
    assert grace[2] == "grace"


def test_where_the_day_begins_at_one_the_grace_still_ends_at_a_days_beginning() -> None:
    # The last day is 3 November; 4 November begins at 1:00 in São Paulo, but 7 November at 0:00.
    (_, grace) = stretches("America/Sao_Paulo", ("2018-11-01", "2018-11-03"), lasting={"grace": "P3D"})
    assert grace == (utc(2018, 11, 4, 3), utc(2018, 11, 7, 2), "grace")


def test_a_day_that_has_two_midnights_begins_at_the_first() -> None:
    assert stretches("America/Havana", ("2026-11-01", "2026-11-01")) == [
        (utc(2026, 11, 1, 4), utc(2026, 11, 2, 5), "active")
    ]


def test_a_day_that_a_zone_skips_lasts_no_time() -> None:
    assert stretches("Pacific/Apia", ("2011-12-30", "2011-12-30")) == []
    assert stretches("Pacific/Apia", ("2011-12-29", "2011-12-31")) == [
        (utc(2011, 12, 29, 10), utc(2011, 12, 31, 10), "active")
    ]


def test_affiliations_that_touch_across_a_change_of_clocks_are_one_segment() -> None:
    found = stretches("Africa/Cairo", ("2024-04-20", "2024-04-25"), ("2024-04-26", "2024-04-30"))
    assert [phase for _, _, phase in found] == ["active"]


def test_a_renewal_in_grace_is_active_from_its_own_first_day() -> None:
    found = stretches("Europe/Amsterdam", ("2026-03-01", "2026-03-28"), ("2026-03-31", None), lasting={"grace": "P7D"})
    assert found == [
        (utc(2026, 2, 28, 23), utc(2026, 3, 28, 23), "active"),
        (utc(2026, 3, 28, 23), utc(2026, 3, 30, 22), "grace"),
        (utc(2026, 3, 30, 22), FOREVER, "active"),
    ]


# Days and clocks ----------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CHANGES), st.integers(-3, 3))
def test_a_day_begins_at_its_first_instant(change: tuple[str, date], days: int) -> None:
    zone, day = ZoneInfo(change[0]), change[1] + timedelta(days=days)
    assert midnight(day, zone) == beginning(day, zone)
    assert midnight(day, zone) <= midnight(day + timedelta(days=1), zone)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CHANGES), st.integers(-300, 300), st.integers(0, 6), st.integers(0, 3), st.sampled_from([-1, 1]))
def test_an_instant_moves_by_days_on_the_wall(
    change: tuple[str, date], quarters: int, days: int, hours: int, sign: int
) -> None:
    zone = ZoneInfo(change[0])
    instant = beginning(change[1], zone) + quarters * 900
    assert shift(instant, Duration(days, hours * 3600), zone, sign) == moved(
        instant, sign * days, sign * hours * 3600, zone
    )
