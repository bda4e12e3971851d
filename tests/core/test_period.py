from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from provisioning.core.errors import InvalidError
from provisioning.core.period import BEGINNING, FOREVER, Duration, parse_duration, parse_end, parse_start, shift, show

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def instant(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]  # parts are year to second


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("P30D", Duration(30, 0)),
        ("P2W", Duration(14, 0)),
        ("PT12H", Duration(0, 43200)),
        ("P1DT1M30S", Duration(1, 90)),
        ("PT0S", Duration(0, 0)),
    ],
)
def test_a_duration_is_days_and_seconds(text: str, duration: Duration) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "P", "PT", "30D", "P1M", "P1Y", "P-1D", "P1.5D", "P99999999999D", " P1D"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="duration"):
        parse_duration(text)


def test_a_day_begins_at_the_zones_midnight_and_includes_its_last_second() -> None:
    assert parse_start("2026-09-01", AMSTERDAM) == (instant(2026, 8, 31, 22), False)
    assert parse_end("2026-09-01", AMSTERDAM) == (instant(2026, 9, 1, 22), False)


def test_days_on_which_the_clocks_change_have_23_and_25_hours() -> None:
    spring = parse_end("2026-03-29", AMSTERDAM)[0] - parse_start("2026-03-29", AMSTERDAM)[0]
    autumn = parse_end("2026-10-25", AMSTERDAM)[0] - parse_start("2026-10-25", AMSTERDAM)[0]
    assert (spring, autumn) == (23 * 3600, 25 * 3600)


def test_an_instant_with_an_offset_is_itself_at_both_ends() -> None:
    assert parse_start("2026-09-01T08:00:00+02:00", AMSTERDAM) == (instant(2026, 9, 1, 6), False)
    assert parse_end("2026-09-01T06:00:00Z", AMSTERDAM) == (instant(2026, 9, 1, 6), False)


@pytest.mark.parametrize("text", ["9999-12-31", "2200-01-01", "9999-12-31T23:59:59Z"])
def test_a_far_date_is_open_and_flagged(text: str) -> None:
    assert parse_end(text, AMSTERDAM) == (FOREVER, True)


def test_a_date_before_the_calendars_use_is_always_and_flagged() -> None:
    assert parse_start("0001-01-01", AMSTERDAM) == (BEGINNING, True)


@pytest.mark.parametrize("text", ["2026-13-01", "tomorrow", "2026-09-01T08:00:00", "2026-02-30", "20260901", ""])
def test_what_is_no_date_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_start(text, AMSTERDAM)
    assert caught.value.right


def test_days_keep_the_local_time_across_a_change_of_clocks() -> None:
    before = instant(2026, 3, 28, 11)  # noon in Amsterdam, winter
    assert shift(before, Duration(1), AMSTERDAM) == instant(2026, 3, 29, 10)  # noon, summer
    assert shift(before, Duration(0, 86400), AMSTERDAM) == instant(2026, 3, 29, 11)
    assert shift(instant(2026, 3, 29, 10), Duration(1), AMSTERDAM, -1) == before


def test_no_boundary_stays_no_boundary() -> None:
    assert shift(FOREVER, Duration(30), AMSTERDAM) == FOREVER
    assert shift(BEGINNING, Duration(30), AMSTERDAM, -1) == BEGINNING


def test_instants_are_shown_in_utc() -> None:
    assert [show(instant(2026, 9, 1)), show(FOREVER), show(BEGINNING)] == ["2026-09-01T00:00:00Z", "open", "always"]


@pytest.mark.parametrize("text", ["2026-W01-1", "2026-09-01T08Z", "20260901T080000Z", "2026-09-01T08:00:00+02:00:30"])
def test_of_iso_8601_only_what_rfc_3339_has_is_read(text: str) -> None:
    with pytest.raises(InvalidError, match="not a date"):
        parse_start(text, AMSTERDAM)


@pytest.mark.parametrize("text", ["P999999D", "P9999W", "PT99999H", "PT999999999S", "P99999DT99999H"])
def test_the_written_form_of_a_duration_is_read_as_the_same(text: str) -> None:
    assert parse_duration(str(parse_duration(text))) == parse_duration(text)


@pytest.mark.parametrize("text", ["P9999W999999D", "PT1M999999999S"])
def test_a_duration_whose_written_form_would_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="too long"):
        parse_duration(text)


def test_fractions_of_a_second_are_dropped_towards_the_past() -> None:
    assert parse_start("1950-01-01T00:00:00.5Z", AMSTERDAM)[0] == instant(1950, 1, 1)


def test_a_day_begins_where_the_clocks_skip_its_midnight() -> None:
    # From 23:30 on 30 March 1919 Toronto went to 0:30 on the 31st.
    toronto = ZoneInfo("America/Toronto")
    assert parse_start("1919-03-31", toronto)[0] == instant(1919, 3, 31, 4, 30)


def test_what_lies_beyond_the_calendar_is_no_boundary() -> None:
    assert shift(instant(1950, 1, 1), Duration(999_999), AMSTERDAM, -1) == BEGINNING
    late = instant(2190, 1, 1)
    for _ in range(3):
        late = shift(late, Duration(999_999), AMSTERDAM)
    assert late == FOREVER
