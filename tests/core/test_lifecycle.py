from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.catalog import Lifecycle
from provisioning.core.eligibility import EMPTY, Match, Timeline, timeline
from provisioning.core.lifecycle import NOTHING, Entitlement, Standing, decide
from provisioning.core.period import FOREVER, Duration, Period

UTC = ZoneInfo("UTC")
LIFECYCLE = Lifecycle(grace=Duration(0, 10), retention=Duration(0, 100))


def line(start: int, end: int, grace: int = 0, deny: bool = False) -> Timeline:
    return timeline([Match("r", "f", Period(start, end), end + grace, ("read",), deny)])


def at(previous: Entitlement, now: int, found: Timeline = EMPTY) -> tuple[str, int]:
    entitlement, boundary = decide(previous, found, LIFECYCLE, now, UTC)
    return entitlement.standing.value, boundary


def after(previous: Entitlement, now: int, found: Timeline) -> Entitlement:
    return decide(previous, found, LIFECYCLE, now, UTC)[0]


ACTIVE = after(NOTHING, 50, line(0, 100, 20))
OPEN = after(NOTHING, 50, line(0, FOREVER))
HELD = [Match("r", "f", Period(0, FOREVER), FOREVER, ("read",))]


def test_what_begins_later_is_absent_until_it_begins() -> None:
    assert at(NOTHING, 5, line(10, 20)) == ("absent", 10)


def test_an_announced_end_goes_through_the_rules_grace_suspension_and_removal() -> None:
    found = line(0, 100, 20)
    assert at(NOTHING, 99, found) == ("active", 100)
    assert at(ACTIVE, 100, found) == ("grace", 120)
    in_grace = after(ACTIVE, 110, found)
    assert at(in_grace, 120, found) == ("suspended", 220)
    suspended = after(in_grace, 120, found)
    assert at(suspended, 219, found) == ("suspended", 220)
    assert at(suspended, 220, found) == ("absent", FOREVER)


def test_a_clock_that_passed_several_boundaries_counts_from_the_last_one() -> None:
    assert at(ACTIVE, 200, line(0, 100, 20)) == ("suspended", 220)
    assert at(ACTIVE, 220, line(0, 100, 20)) == ("absent", FOREVER)


def test_what_vanishes_keeps_the_services_grace_from_when_we_learned_of_it() -> None:
    assert at(OPEN, 1000) == ("grace", 1010)
    vanished = after(OPEN, 1000, EMPTY)
    assert vanished.authorizations == ("read",)
    assert at(vanished, 1009) == ("grace", 1010)
    assert at(vanished, 1010) == ("suspended", 1110)
    assert at(after(vanished, 1010, EMPTY), 1110) == ("absent", FOREVER)


def test_an_end_moved_into_the_past_suspends_and_never_deletes_at_once() -> None:
    assert at(OPEN, 5000, line(0, 100)) == ("grace", 5010)


def test_a_deny_ends_it_at_once_without_grace() -> None:
    found = timeline(
        [
            Match("r", "f", Period(0, FOREVER), FOREVER),
            Match("d", "f", Period(0, FOREVER), FOREVER, (), True),
        ]
    )
    assert at(OPEN, 1000, found) == ("suspended", 1100)
    assert at(after(OPEN, 1000, EMPTY), 1005, found) == ("suspended", 1105)


def urgent(start: int, end: int = FOREVER) -> Match:
    return Match("u", "f", Period(start, end), end, (), deny=True, urgent=True)


def test_an_urgent_deny_removes_at_once_what_is_active_in_grace_or_suspended() -> None:
    assert at(OPEN, 1000, timeline([*HELD, urgent(900)])) == ("absent", FOREVER)
    vanished = after(OPEN, 1000, EMPTY)
    assert at(vanished, 1005, timeline([urgent(1005)])) == ("absent", FOREVER)
    suspended = after(vanished, 1010, EMPTY)
    assert at(suspended, 1020, timeline([urgent(1020)])) == ("absent", FOREVER)


def test_an_urgent_deny_that_is_to_come_is_the_next_boundary() -> None:
    assert at(OPEN, 1000, timeline([*HELD, urgent(1500)])) == ("active", 1500)
    suspended = after(after(OPEN, 1000, EMPTY), 1010, EMPTY)
    assert at(suspended, 1010, timeline([urgent(1050, 1060)])) == ("suspended", 1050)


def test_when_an_urgent_deny_ends_the_right_begins_again() -> None:
    found = timeline([*HELD, urgent(900, 1100)])
    assert at(after(OPEN, 1000, found), 1000, found) == ("absent", 1100)
    assert at(after(OPEN, 1000, found), 1100, found) == ("active", FOREVER)


def test_a_renewal_while_suspended_makes_it_active_and_forgets_the_end() -> None:
    suspended = after(ACTIVE, 150, line(0, 100, 20))
    renewed = after(suspended, 160, line(160, 300))
    assert (renewed.standing, renewed.ended, renewed.until) == (Standing.ACTIVE, None, 300)


def test_a_renewal_announced_while_suspended_is_the_next_boundary() -> None:
    suspended = after(ACTIVE, 150, line(0, 100, 20))
    assert at(suspended, 150, timeline([
        Match("r", "f", Period(0, 100), 120), Match("r", "g", Period(180, 300), 300)
    ])) == ("suspended", 180)  # fmt: skip


def test_who_was_never_entitled_is_never_suspended() -> None:
    assert at(NOTHING, 500, line(0, 100, 20)) == ("absent", FOREVER)


entitlements = st.builds(
    Entitlement,
    st.sampled_from(Standing),
    st.just(("read",)),
    st.none() | st.integers(0, 60),
    st.none() | st.integers(0, 60),
)


@given(entitlements, st.integers(0, 60), st.integers(0, 60), st.integers(0, 10), st.integers(0, 80))
def test_deciding_twice_at_the_same_instant_changes_nothing(
    previous: Entitlement, start: int, end: int, grace: int, now: int
) -> None:
    found = line(start, end, grace)
    once, boundary = decide(previous, found, LIFECYCLE, now, UTC)
    assert decide(once, found, LIFECYCLE, now, UTC) == (once, boundary)
    assert boundary > now


@given(entitlements, st.integers(0, 60), st.integers(0, 60), st.integers(0, 80))
def test_outside_its_timeline_nobody_stays_active(previous: Entitlement, start: int, end: int, now: int) -> None:
    found = line(start, end)
    entitlement, _ = decide(previous, found, LIFECYCLE, now, UTC)
    assert (entitlement.standing is Standing.ACTIVE) == (found.at(now) is not None)


@given(entitlements, st.integers(0, 60), st.integers(0, 60), st.integers(0, 40))
def test_following_the_boundaries_ends_in_absence(previous: Entitlement, start: int, end: int, now: int) -> None:
    found = line(start, end)
    entitlement, boundary = decide(previous, found, LIFECYCLE, now, UTC)
    for _ in range(10):
        if boundary == FOREVER:
            break
        entitlement, boundary = decide(entitlement, found, LIFECYCLE, boundary, UTC)
    assert (entitlement.standing, boundary) == (Standing.ABSENT, FOREVER)
