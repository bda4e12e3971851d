"""What an extract is made from, what it is compared with, and what its manifest says."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.template import TIMEOUTS
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.extract import (
    HEARD,
    KEPT,
    LATENCY,
    LEASE,
    MOST_PARTS,
    Extracts,
    Kind,
    Part,
    Published,
    Run,
    acknowledged,
    advanced,
    begin,
    folder_of,
    given_up,
    is_busy,
    manifest,
    published,
    released,
    shrinkage,
)
from provisioning.core.extract_rows import layout_of

NOW = 1_800_000_000
DAY = 86400
ZONE = ZoneInfo("Europe/Amsterdam")


def service(**options: Any) -> Service:
    return Service.model_validate({
        "id": "badges", "protocol": "extract", "endpoint": "s3:///badges", "match": "login",
        "account": {"login": "person.login"}, "extract": options,
    })  # fmt: skip


WEEKLY = service(full_every="P7D")
SCHEMA = layout_of(WEEKLY).schema


def made(number: int = 1, kind: Kind = Kind.FULL, **changes: Any) -> Published:
    return Published(number, kind, **{"schema": SCHEMA, "watermark": NOW - DAY, "rows": 100, **changes})


def part(rows: int, removed: int = 0) -> Part:
    return Part(f"part-{rows}", rows, removed, 10 * rows, "00")


def started(item: Extracts, of: Service = WEEKLY, now: int = NOW, *, full: bool = False) -> Run:
    run = begin(item, of, ZONE, 3, "request", now, full=full).run
    assert run is not None
    return run


def test_writes_that_began_before_the_watermark_have_ended_when_the_extract_begins() -> None:
    assert TIMEOUTS["deliver"] + 30 <= LATENCY
    assert started(Extracts("badges")).watermark == NOW - LATENCY


def test_a_delta_begins_where_the_acknowledged_extract_ended() -> None:
    base = made(4)
    run = started(Extracts("badges", 5, acknowledged=base, full=base, published=(base, made(5))))
    assert (run.kind, run.since, run.number, run.because) == (Kind.DELTA, base, 6, "")


@pytest.mark.parametrize(
    ("item", "of", "because"),
    [
        (Extracts("badges"), WEEKLY, "none was acknowledged"),
        (Extracts("badges", full=made(), published=(made(),)), WEEKLY, "none was acknowledged"),
        (Extracts("badges", full=made(), acknowledged=made(schema="other")), WEEKLY, "columns or population changed"),
        (Extracts("badges", full=made(), acknowledged=made()), service(), "every extract of this service is full"),
        (Extracts("badges", full=made(watermark=NOW - 7 * DAY), acknowledged=made()), WEEKLY, "it is time for one"),
    ],
)
def test_without_a_base_or_when_it_is_time_an_extract_is_full_and_says_why(
    item: Extracts, of: Service, because: str
) -> None:
    run = started(item, of)
    assert (run.kind, run.since, run.because) == (Kind.FULL, None, because)


def test_a_week_is_seven_days_of_the_tenant_s_calendar() -> None:
    before = 1_806_148_800  # the Saturday before the clocks go forward in Amsterdam, in 2027
    item = Extracts("badges", full=made(watermark=before), acknowledged=made(watermark=before))
    assert started(item, now=before + 7 * DAY - 3600).kind is Kind.FULL
    assert started(item, now=before + 7 * DAY - 3601).kind is Kind.DELTA


@pytest.mark.parametrize("changed", [
    {"full_every": "P7D", "phases": ["active"]}, {"full_every": "P7D", "format": "jsonl"},
    {"full_every": "P7D", "identity": None}, {"full_every": "P7D", "groups": "g"},
    {"full_every": "P7D", "separator": ";"}, {"full_every": "P7D", "guard": False}, {},
])  # fmt: skip
def test_whatever_changes_what_a_row_says_changes_the_schema(changed: dict[str, Any]) -> None:
    assert layout_of(service(**changed)).schema != SCHEMA


def test_when_and_how_files_are_cut_does_not_change_the_schema() -> None:
    other = service(full_every="P1D", schedule="0 3 * * *", part_rows=7, part_bytes=65536, shrinkage=0.5)
    assert layout_of(other).schema == SCHEMA


def test_a_run_is_given_up_after_its_lease_and_a_held_one_is_nobody_s_work() -> None:
    run = started(Extracts("badges"))
    assert is_busy(run, NOW + LEASE - 1)
    assert not is_busy(run, NOW + LEASE)
    assert not is_busy(replace(run, held="why"), NOW)


# Shrinkage


@given(had=st.integers(0, 10**6), rows=st.integers(0, 10**6), share=st.floats(0, 1))
def test_a_full_extract_is_held_exactly_if_more_than_the_share_and_more_than_ten_would_go(
    had: int, rows: int, share: float
) -> None:
    of = service(shrinkage=share)
    item = Extracts("badges", full=made(rows=had))
    run = replace(started(item, of), parts=(part(rows),))
    assert bool(shrinkage(item, run, of)) == (had - rows > 10 and had - rows > int(share * had))
    assert not shrinkage(item, replace(run, released=True), of)


def test_the_deletions_of_a_delta_are_compared_with_the_last_full_extract() -> None:
    item = Extracts("badges", full=made(), acknowledged=made())
    run = started(item)
    assert not shrinkage(item, replace(run, parts=(part(50, 10),)), WEEKLY)
    reason = shrinkage(item, replace(run, parts=(part(50, 6), part(5, 5))), WEEKLY)
    assert reason == (
        "11 of 100 rows would go since extract 1, more than the 10 that may go unseen: release or discard extract 1"
    )


def test_the_first_extract_is_compared_with_nothing() -> None:
    assert not shrinkage(Extracts("badges"), started(Extracts("badges")), WEEKLY)


# What comes after


def test_only_a_full_extract_is_what_the_next_one_is_compared_with() -> None:
    item = Extracts("badges", 1, full=made(), acknowledged=made())
    delta = replace(started(item), parts=(part(3),))
    after = published(item, delta, NOW)
    assert (after.run, after.full, [each.number for each in after.waiting]) == (None, made(), [2])
    full = replace(started(item, full=True), parts=(part(7), part(2)))
    assert published(item, full, NOW + 5).full == Published(2, Kind.FULL, SCHEMA, NOW - LATENCY, 9, 2, NOW + 5)


def test_after_an_acknowledgement_only_newer_ones_may_be_the_next_base() -> None:
    item = Extracts("badges", published=(made(1), made(2), made(3)))
    after = acknowledged(item, made(2))
    assert (after.acknowledged, after.waiting) == (made(2), (made(3),))


def test_of_extracts_that_nobody_acknowledges_the_newest_are_remembered() -> None:
    item = Extracts("badges")
    for _ in range(KEPT + 5):
        item = begin(item, WEEKLY, ZONE, 1, "r", NOW)
        assert item.run is not None
        item = published(item, item.run, NOW)
    assert [each.number for each in item.waiting] == list(range(6, KEPT + 6))


def test_parts_are_remembered_with_the_place_where_the_walk_stands() -> None:
    item = begin(Extracts("badges"), WEEKLY, ZONE, 1, "r", NOW)
    assert item.run is not None
    first = advanced(item, item.run, part(3), "3/x", NOW + 5).run
    assert first is not None
    assert (first.rows, first.position, first.walked, first.touched_at) == (3, "3/x", False, NOW + 5)
    last = advanced(item, first, None, None, NOW + 6).run
    assert last is not None
    assert (last.parts, last.walked) == ((part(3),), True)
    after = released(item, replace(last, held="why"), NOW + 9).run
    assert after is not None
    assert (after.held, after.released) == ("", True)


def test_more_parts_than_an_item_can_hold_are_refused() -> None:
    item = begin(Extracts("badges"), WEEKLY, ZONE, 1, "r", NOW)
    assert item.run is not None
    run = replace(item.run, parts=(part(1),) * MOST_PARTS)
    with pytest.raises(InvalidError, match="larger parts"):
        advanced(item, run, part(1), "x", NOW)


def test_starts_are_known_again_and_the_oldest_are_forgotten() -> None:
    item = Extracts("badges")
    for number in range(HEARD + 3):
        item = begin(item, WEEKLY, ZONE, 1, f"r{number}", NOW)
    assert item.requests == tuple(f"r{number}" for number in range(3, HEARD + 3))
    assert begin(item, WEEKLY, ZONE, 1, "", NOW).requests == item.requests, "a run that begins again is no start"


def test_a_run_that_is_given_up_leaves_its_reason_until_the_next_one_begins() -> None:
    item = begin(Extracts("badges"), WEEKLY, ZONE, 1, "r", NOW)
    assert item.run is not None
    after = given_up(item, item.run, "no disk")
    assert (after.run, after.trouble) == (None, "extract 1 was not published: no disk")
    assert begin(after, WEEKLY, ZONE, 1, "s", NOW).trouble == ""


def test_a_manifest_says_what_a_consumer_needs() -> None:
    item = Extracts("badges", 8, acknowledged=made(7), full=made(7))
    run = replace(started(item), parts=(part(3, 1), part(2)))
    assert folder_of(run.number, run.kind) == "000009-delta"
    assert manifest(run, layout_of(WEEKLY), "badges") == {
        "manifest": 1,
        "service": "badges",
        "number": 9,
        "kind": "delta",
        "format": "csv",
        "schema": {"version": SCHEMA, "columns": ["operation", "identity", "login", "phase"]},
        "since": {"number": 7, "watermark": "2027-01-14T08:00:00Z"},
        "watermark": "2027-01-15T07:57:00Z",
        "rows": 5,
        "removed": 1,
        "parts": [
            {"name": "part-3", "rows": 3, "bytes": 30, "sha256": "00"},
            {"name": "part-2", "rows": 2, "bytes": 20, "sha256": "00"},
        ],
    }
