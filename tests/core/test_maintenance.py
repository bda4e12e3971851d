"""When a service that is maintained may be called again, beside a walk along the zone's clock, minute by minute."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from provisioning.core.gate import MAINTAINED, after_maintenance
from provisioning.core.maintenance import FURTHEST, open_again
from provisioning.core.maintenance_options import DAYS, Window
from tests.core.wall import wall

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
# Days around which clocks change: by an hour, by half of one, at midnight, over midnight, by a whole day.
CHANGES = [
    ("Europe/Amsterdam", "2026-03-29"), ("Europe/Amsterdam", "2026-10-25"), ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"), ("Africa/Cairo", "2024-04-26"), ("America/St_Johns", "2010-11-07"),
    ("America/Havana", "2026-03-08"), ("Pacific/Apia", "2011-12-30"), ("Asia/Kathmandu", "2026-06-10"),
]  # fmt: skip
BEFORE, AFTER = 5, 12  # days that are walked around one


def at(text: str, zone: ZoneInfo = AMSTERDAM, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp())


def weekly(days: str, start: str, until: str) -> Window:
    return Window.model_validate({"days": days.split(), "from": start, "until": until})


def once(since: str, until: str) -> Window:
    return Window(since=since, until=until)


class Walk:
    """The minutes around a day, and what the wall shows at each."""

    def __init__(self, name: str, day: str) -> None:
        self.zone, middle = ZoneInfo(name), int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
        self.minutes = range(middle - BEFORE * 86400, middle + AFTER * 86400, 60)
        self.shown: dict[datetime, list[int]] = {}
        for minute in self.minutes:
            self.shown.setdefault(wall(minute, self.zone), []).append(minute)

    def first(self, moment: datetime) -> int:
        return self._passed(moment)[0]

    def last(self, moment: datetime) -> int:
        found = self._passed(moment)
        return found[-1] if moment in self.shown else found[0]

    def _passed(self, moment: datetime) -> list[int]:
        while moment not in self.shown:
            moment += timedelta(minutes=1)
        return self.shown[moment]

    def spells(self, window: Window) -> list[range]:
        """The minutes in which a window is open."""
        if window.since is not None:
            since, until = (datetime.fromisoformat(text) for text in (window.since, window.until))
            return [range(self.first(since), self.last(until))]
        found = []
        first_day = wall(self.minutes[0], self.zone).replace(hour=0, minute=0)
        for number in range(1, BEFORE + AFTER - 2):
            day = first_day + timedelta(days=number)
            begins = datetime.fromisoformat(f"{day.date()}T{window.start}")
            ends = datetime.fromisoformat(f"{day.date()}T{window.until}")
            if DAYS[day.weekday()] in window.days:
                found.append(range(self.first(begins), self.last(ends if ends > begins else ends + timedelta(days=1))))
        return found


@cache
def walk(name: str, day: str) -> Walk:
    return Walk(name, day)


def minutes(low: int, high: int) -> st.SearchStrategy[int]:
    """Minutes of a day, often those around which clocks change."""
    near = [number for number in (0, 1, 59, 60, 90, 119, 120, 150, 179, 180, 1380, 1439) if low <= number <= high]
    return st.sampled_from(near) | st.integers(low, high)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def windows(draw: st.DrawFn, day: str) -> Window:
    if draw(st.booleans()):
        days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=4))
        return weekly(" ".join(days), clock(draw(minutes(0, 1439))), clock(draw(minutes(0, 1439))))
    since = datetime.fromisoformat(day) + timedelta(days=draw(st.integers(-1, 1)), minutes=draw(minutes(0, 1439)))
    until = since + timedelta(minutes=draw(minutes(1, 4000)))
    return once(since.isoformat()[:16], until.isoformat()[:16])


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_service_may_be_called_again_at_the_first_minute_of_the_walk_that_no_window_covers(
    data: st.DataObject,
) -> None:
    name, day = data.draw(st.sampled_from(CHANGES))
    walked = walk(name, day)
    chosen = data.draw(st.lists(windows(day), max_size=4))
    noon = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    now = int(noon) + data.draw(st.integers(-1440, 2880)) * 60
    covered = {minute for window in chosen for spell in walked.spells(window) for minute in spell[::60]}
    expected = now
    while expected in covered:
        expected += 60
    if expected <= walked.minutes[-1] - 4 * 86400:  # beyond, the walk has no windows
        assert open_again(chosen, walked.zone, now) == (expected if expected > now else None)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_minute_counts_by_its_seconds_and_an_end_is_outside(data: st.DataObject) -> None:
    name, day = data.draw(st.sampled_from(CHANGES))
    zone, window = ZoneInfo(name), data.draw(windows(day))
    now = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) + data.draw(st.integers(-86400, 172800))
    ends = open_again([window], zone, now)
    if ends is not None:
        assert ends > now
        assert open_again([window], zone, ends) is None
        assert open_again([window], zone, ends - 1) == ends


def test_without_windows_none_is_open() -> None:
    assert open_again((), AMSTERDAM, at("2026-07-04T23:00")) is None


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-07-04T21:59", None),  # a Saturday
        ("2026-07-04T22:00", "2026-07-05T02:00"),
        ("2026-07-05T01:59", "2026-07-05T02:00"),
        ("2026-07-05T02:00", None),
        ("2026-07-05T22:00", "2026-07-06T02:00"),
        ("2026-07-06T22:00", None),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins(now: str, ends: str | None) -> None:
    assert open_again([weekly("sat sun", "22:00", "02:00")], AMSTERDAM, at(now)) == (at(ends) if ends else None)


def test_windows_that_overlap_or_touch_are_one() -> None:
    three = [
        weekly("sat", "22:00", "02:00"),
        once("2026-07-05T01:00", "2026-07-05T04:00"),
        weekly("sun", "04:00", "05:00"),
        weekly("sun", "05:01", "06:00"),
    ]
    assert open_again(three, AMSTERDAM, at("2026-07-04T22:30")) == at("2026-07-05T05:00")


def test_a_time_that_the_clocks_skip_begins_and_ends_at_the_first_instant_after() -> None:
    change = at("2026-03-29T03:00")
    begins = [weekly("sun", "02:30", "04:00")]
    assert open_again(begins, AMSTERDAM, change - 1) is None
    assert open_again(begins, AMSTERDAM, change) == at("2026-03-29T04:00")
    assert open_again([weekly("sun", "01:00", "02:30")], AMSTERDAM, change - 1) == change
    assert open_again([weekly("sun", "02:10", "02:50")], AMSTERDAM, change) is None, "there is none on that day"


def test_a_time_that_comes_twice_counts_from_the_first_to_the_last() -> None:
    window = [weekly("sun", "02:15", "02:30")]
    first, last = at("2026-10-25T02:15"), at("2026-10-25T02:30", fold=1)
    assert last - first == 75 * 60
    assert [open_again(window, AMSTERDAM, now) for now in (first - 1, first, last - 1, last)] == [
        None,
        last,
        last,
        None,
    ]


def test_a_day_that_a_zone_skips_has_no_window_but_what_is_left_of_it_the_day_after() -> None:
    apia = ZoneInfo("Pacific/Apia")  # went from 29 to 31 December
    friday, begins = [weekly("fri", "22:00", "02:00")], at("2011-12-31T00:00", apia)
    assert [open_again(friday, apia, now) for now in (begins - 1, begins)] == [None, begins + 7200]


def test_clocks_that_are_set_back_over_midnight_leave_windows_of_both_days_open() -> None:
    st_johns = ZoneInfo("America/St_Johns")  # Sunday 0:01 was Saturday 23:01 again
    midnight = at("2010-11-07T00:00", st_johns)
    saturday_again, last = midnight + 60, at("2010-11-06T23:30", st_johns, fold=1)
    sunday = [weekly("sun", "00:00", "00:30")]
    assert open_again(sunday, st_johns, saturday_again) == at("2010-11-07T00:30", st_johns)
    friday = [weekly("fri", "23:40", "23:30")]
    assert [open_again(friday, st_johns, now) for now in (midnight, last - 1, last)] == [last, last, None]


@pytest.mark.parametrize(
    "forever", [weekly(" ".join(DAYS), "00:00", "00:00"), once("2026-01-01T00:00", "2099-01-01T00:00")]
)
def test_a_chain_of_more_than_a_year_is_cut_there(forever: Window) -> None:
    now = at("2026-07-04T12:34")
    assert open_again([forever], AMSTERDAM, now) == now + FURTHEST


@given(st.text(max_size=20), st.integers(0, 10**10), st.integers(1, 10**6))
def test_who_waited_comes_after_the_end_within_what_was_waited_and_five_minutes(
    subject: str, now: int, length: int
) -> None:
    later = after_maintenance(now + length, subject, now) - now - length
    assert 0 <= later < max(1, min(MAINTAINED, length))
    assert after_maintenance(now + length, subject, now) == now + length + later


@pytest.mark.parametrize(
    ("window", "right"),
    [
        ({"from": "22:00", "until": "02:00"}, "no `days`: some of mon, tue"),
        ({"days": ["sat"], "until": "02:00"}, "no `from`: the time at which it begins"),
        ({"until": "02:00"}, "one of `days`"),
        ({"days": ["sat"], "from": "22:00", "since": "2026-12-24T00:00", "until": "02:00"}, "one of `days`"),
        ({"days": ["sat"], "from": "22:00", "until": "2026-12-24T00:00"}, "`until` is a date: a time"),
        ({"since": "2026-12-24T00:00", "until": "02:00"}, "`until` is a time: a date"),
        ({"since": "2026-12-24T00:00", "until": "2026-12-24T00:00"}, "not after `since`"),
        ({"since": "2026-02-30T00:00", "until": "2026-12-24T00:00"}, "'2026-02-30T00:00' is not a date and a time"),
        ({"days": ["sat"], "from": "25:00", "until": "02:00"}, "'25:00' is not a time such as \"22:00\""),
        ({"since": "2026-12-24T00:00Z", "until": "2026-12-25T00:00"}, "is not a date and a time such as"),
    ],
)
def test_what_is_no_window_is_refused_with_what_would_be_right(window: dict[str, object], right: str) -> None:
    with pytest.raises(ValidationError, match=right):
        Window.model_validate(window)
