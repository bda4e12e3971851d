from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from provisioning.core.catalog import Service
from provisioning.core.gate import Gate
from provisioning.core.maintenance import SPREAD, closed_until, delivered_by, problems, resumes
from provisioning.core.maintenance_options import WEEK, Window
from tests.core.wall import QUARTER, wall

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
# Clocks go forward and back at 1:00 UTC, at midnight, by half an hour, and not at all.
ZONES = [ZoneInfo(name) for name in ("Europe/Amsterdam", "America/Havana", "Australia/Lord_Howe", "UTC")]
CHANGES = [date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 10, 4), date(2026, 10, 25),
           date(2026, 11, 1)]  # fmt: skip

times = st.builds(lambda hour, quarter: f"{hour:02}:{quarter * 15:02}", st.integers(0, 23), st.integers(0, 3))
near = st.builds(lambda day, offset: day + timedelta(days=offset), st.sampled_from(CHANGES), st.integers(-2, 2))
instants = st.builds(
    lambda day, quarters: int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + quarters * QUARTER,
    near,
    st.integers(-96, 191),
)


def weekly(days: list[str], since: str, until: str) -> Window:
    return Window.model_validate({"days": days, "from": since, "until": until})


def once(since: str, until: str) -> Window:
    return Window.model_validate({"from": since, "until": until})


def service(*windows: Window, **fields: Any) -> Service:
    made = {"id": "sp", "protocol": "queue", "endpoint": "q", "account": {"userName": "x"}, **fields}
    return Service.model_validate({**made, "maintenance": [window.model_dump(by_alias=True) for window in windows]})


def dated(first: date, since: str, second: date, until: str) -> Window:
    (start, begins), (end, ends) = sorted([(first, since), (second, until)])
    assume((start, begins) != (end, ends))
    return once(f"{start}T{begins}", f"{end}T{ends}")


windows = st.lists(
    st.builds(weekly, st.lists(st.sampled_from(WEEK), min_size=1, max_size=3, unique=True), times, times)
    | st.builds(dated, near, times, near, times),
    max_size=3,
)


def bounds(window: Window, day: date) -> tuple[datetime, datetime]:
    """The moments on the wall between which a window that begins on a day is open."""
    if not window.days:
        return datetime.fromisoformat(window.since), datetime.fromisoformat(window.until)
    start = datetime.fromisoformat(f"{day}T{window.since}")
    end = datetime.fromisoformat(f"{day}T{window.until}")
    return start, end if end > start else end + timedelta(days=1)


def is_open(windows: list[Window], zone: ZoneInfo, instant: int) -> bool:
    """Whether the wall has shown a beginning up to now, and will yet show something before the end of it."""
    today = wall(instant, zone).date()
    for window in windows:
        for offset in range(-3, 3):
            day = today + timedelta(days=offset)
            if window.days and WEEK[day.weekday()] not in window.days:
                continue
            start, end = bounds(window, day)
            span = range(instant - 12 * QUARTER, instant + 1, QUARTER), range(instant, instant + 12 * QUARTER, QUARTER)
            reached = any(wall(each, zone) >= start for each in span[0])
            if reached and any(wall(each, zone) < end for each in span[1]):
                return True
    return False


@given(windows, st.sampled_from(ZONES), instants)
@example([weekly(["sat"], "22:00", "02:30")], AMSTERDAM, int(datetime(2026, 10, 25, 1, 0, tzinfo=UTC).timestamp()))
def test_a_window_is_open_while_the_wall_shows_a_time_within_it_and_ends_when_it_does_not_any_more(
    windows: list[Window], zone: ZoneInfo, now: int
) -> None:
    assume(not list(problems(service(*windows))))
    end = closed_until(windows, zone, now)
    assert (end is not None) == is_open(windows, zone, now)
    if end is not None:
        assert end > now
        assert not is_open(windows, zone, end)
        assert all(is_open(windows, zone, each) for each in range(now, min(end, now + 300 * QUARTER), QUARTER))
        assert closed_until(windows, zone, end - 1) == end


@given(windows, st.sampled_from(ZONES), instants, st.text(max_size=5))
def test_who_meets_a_window_comes_after_its_end_and_in_no_other(
    windows: list[Window], zone: ZoneInfo, now: int, subject: str
) -> None:
    assume(not list(problems(service(*windows))))
    at, end = resumes(windows, zone, now, subject), closed_until(windows, zone, now)
    assert closed_until(windows, zone, at) is None
    assert at == now if end is None else end <= at < end + SPREAD


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-03-28T20:59:59", None),
        ("2026-03-28T21:00:00", "2026-03-29T01:00:00"),  # 2:30 is skipped: the clocks go from 2:00 to 3:00 at 1:00 UTC
        ("2026-03-29T00:59:59", "2026-03-29T01:00:00"),
        ("2026-10-24T20:00:00", "2026-10-25T01:30:00"),  # 2:30 is shown twice, at 0:30 and at 1:30 UTC
        ("2026-10-25T00:45:00", "2026-10-25T01:30:00"),
        ("2026-10-25T01:30:00", None),
        ("2026-10-31T22:00:00", "2026-11-01T01:30:00"),
    ],
)
def test_a_night_of_saturday_ends_by_the_wall_also_when_the_clocks_change(now: str, end: str | None) -> None:
    found = closed_until([weekly(["sat"], "22:00", "02:30")], AMSTERDAM, at(now))
    assert found == (at(end) if end else None)


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


def test_the_last_hour_that_is_shown_twice_does_not_lengthen_what_ends_as_it_begins() -> None:
    assert closed_until([weekly(["sat"], "22:00", "02:00")], AMSTERDAM, at("2026-10-24T21:00:00")) == at(
        "2026-10-25T00:00:00"
    )


def test_days_without_times_are_whole_days_the_last_included() -> None:
    christmas = [once("2026-12-24", "2026-12-26")]
    assert closed_until(christmas, AMSTERDAM, at("2026-12-23T22:59:59")) is None
    assert closed_until(christmas, AMSTERDAM, at("2026-12-23T23:00:00")) == at("2026-12-26T23:00:00")


def test_the_same_time_twice_is_a_whole_day_and_windows_that_touch_are_one() -> None:
    weekend = [weekly(["sat", "sun"], "00:00", "00:00"), once("2026-12-14T00:00", "2026-12-14T06:00")]
    assert closed_until(weekend, AMSTERDAM, at("2026-12-12T12:00:00")) == at("2026-12-14T05:00:00")


def test_those_who_waited_do_not_all_come_at_once_but_where_there_is_no_time_for_it() -> None:
    nightly = weekly(list(WEEK), "22:00", "02:00")
    now, end = at("2026-12-12T23:00:00"), at("2026-12-13T01:00:00")
    assert len({resumes([nightly], AMSTERDAM, now, str(number)) for number in range(200)}) > 100
    soon = weekly(list(WEEK), "02:01", "03:00")
    found = {resumes([nightly, soon], AMSTERDAM, now, str(number)) for number in range(200)}
    assert end <= min(found) < max(found) < end + 60
    assert len(found) > 40


def test_a_backlog_lasts_until_those_who_wait_for_the_window_have_come() -> None:
    nightly = weekly(list(WEEK), "22:00", "02:00")
    now, end = at("2026-12-12T23:00:00"), at("2026-12-13T01:00:00")
    assert delivered_by(service(nightly), AMSTERDAM, Gate(), 3, now) == end + SPREAD
    assert delivered_by(service(nightly), AMSTERDAM, Gate(), 0, now) == 0
    taken = Gate(next_free=(end + 90) * 1000)
    assert delivered_by(service(nightly, rate=1), AMSTERDAM, taken, 3, now) == end + 90
    assert delivered_by(service(nightly), AMSTERDAM, taken, 3, end) == end + 90


@pytest.mark.parametrize(
    ("fields", "right"),
    [
        ({"days": ["sat"], "from": "2026-12-24", "until": "02:00"}, "is a time such as 22:00"),
        ({"from": "22:00", "until": "02:00"}, "is a date such as"),
        ({"days": ["saturday"], "from": "22:00", "until": "02:00"}, "'sat'"),
        ({"days": ["sat"], "from": "22:00", "until": "24:00"}, "pattern"),
        ({"days": ["sat"], "from": "22:00"}, "required"),
    ],
)
def test_what_is_no_window_says_what_would_be_right(fields: dict[str, Any], right: str) -> None:
    with pytest.raises(ValidationError, match=right):
        Window.model_validate(fields)


@pytest.mark.parametrize(
    ("windows", "where"),
    [
        ([once("2026-02-30", "2026-03-01")], "services/sp.maintenance.0"),
        ([once("2026-12-24T10:00", "2026-12-24T10:00")], "services/sp.maintenance.0.until"),
        ([weekly(["mon"], "00:00", "01:00"), once("1800-01-01", "2026-01-01")], "services/sp.maintenance.1"),
        ([once("2026-12-24", "9999-12-31")], "services/sp.maintenance.0"),
        ([weekly(list(WEEK), "00:00", "12:00"), weekly(list(WEEK), "12:00", "00:00")], "services/sp.maintenance"),
    ],
)
def test_windows_that_never_come_or_never_end_are_refused(windows: list[Window], where: str) -> None:
    (found,) = problems(service(*windows))
    assert (found.where, bool(found.right)) == (where, True)
