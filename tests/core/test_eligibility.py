import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.eligibility import Match, Reason, SegmentPhase, Timeline, timeline
from provisioning.core.period import FOREVER, Period

LAST = 40


@st.composite
def matches(draw: st.DrawFn, deny: bool | None = None) -> Match:
    start, length = draw(st.integers(0, LAST)), draw(st.integers(-3, 15))
    return Match(
        draw(st.sampled_from("abcd")),
        draw(st.sampled_from(["person", "x", "y"])),
        Period(start, start + length),
        start + length + draw(st.integers(0, 6)),
        tuple(sorted(draw(st.sets(st.sampled_from(["read", "write", "admin"]))))),
        draw(st.booleans()) if deny is None else deny,
    )


def naive(found: list[Match], instant: int) -> tuple[SegmentPhase, tuple[str, ...]] | None:
    """What holds at one instant, said as plainly as possible."""
    real = [match for match in found if match.active.start < match.active.end]
    if any(match.deny and match.active.start <= instant < match.active.end for match in real):
        return None
    allows = [match for match in real if not match.deny]
    active = [match for match in allows if match.active.start <= instant < match.active.end]
    grace = [match for match in allows if match.active.end <= instant < match.grace_end]
    if not active and not grace:
        return None
    names = {name for match in active + grace for name in match.authorizations}
    return (SegmentPhase.ACTIVE if active else SegmentPhase.GRACE), tuple(sorted(names))


def held(line: Timeline, instant: int) -> tuple[SegmentPhase, tuple[str, ...]] | None:
    segment = line.at(instant)
    return None if segment is None else (segment.phase, segment.authorizations)


@given(st.lists(matches(), max_size=7))
def test_at_every_instant_the_timeline_says_what_a_naive_evaluation_says(found: list[Match]) -> None:
    line = timeline(found)
    assert [held(line, at) for at in range(-5, LAST + 30)] == [naive(found, at) for at in range(-5, LAST + 30)]


@given(st.lists(matches(), max_size=7), st.randoms())
def test_the_order_of_matches_does_not_matter(found: list[Match], chance: random.Random) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert timeline(shuffled) == timeline(found)


@given(st.lists(matches(), max_size=6))
def test_boundaries_are_minimal_and_segments_sorted(found: list[Match]) -> None:
    segments = timeline(found).segments
    assert all(segment.start < segment.end for segment in segments)
    for before, after in itertools.pairwise(segments):
        assert before.end <= after.start
        touching = before.end == after.start
        assert not touching or (before.phase, before.authorizations) != (after.phase, after.authorizations)


@given(st.lists(matches(), max_size=6), matches(deny=False))
def test_adding_an_allow_never_removes_time(found: list[Match], allow: Match) -> None:
    before, after = timeline(found), timeline([*found, allow])
    assert all(after.at(at) for at in range(-5, LAST + 30) if before.at(at))


@given(st.lists(matches(), max_size=6), matches(deny=True))
def test_adding_a_deny_never_adds_time(found: list[Match], deny: Match) -> None:
    before, after = timeline(found), timeline([*found, deny])
    assert all(before.at(at) for at in range(-5, LAST + 30) if after.at(at))


def test_touching_matches_of_the_same_kind_are_one_segment_with_both_reasons() -> None:
    first = Match("a", "x", Period(0, 10), 10, ("read",))
    second = Match("b", "y", Period(10, 20), 20, ("read",))
    (segment,) = timeline([second, first]).segments
    assert (segment.start, segment.end, segment.reasons) == (0, 20, (Reason("a", "x"), Reason("b", "y")))


def test_a_renewal_within_grace_makes_it_active_again() -> None:
    old = Match("a", "x", Period(0, 10), 20)
    new = Match("a", "y", Period(15, 30), 30)
    phases = [(segment.start, segment.end, segment.phase.value) for segment in timeline([old, new]).segments]
    assert phases == [(0, 10, "active"), (10, 15, "grace"), (15, 30, "active")]


@given(st.lists(matches(), max_size=6))
def test_one_instant_computed_alone_is_what_the_segments_say(found: list[Match]) -> None:
    line = timeline(found)
    for at in range(-5, LAST + 30):
        segment = line.at(at)
        assert line.holding(at) == (None if segment is None else (segment.phase, segment.authorizations, segment.end))
        if segment is None:
            later = [one.start for one in line.segments if one.start > at]
            assert line.next_start(at) == min(later, default=FOREVER)
