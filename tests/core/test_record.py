from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.catalog import Limits
from provisioning.core.errors import InvalidError
from provisioning.core.period import BEGINNING, FOREVER
from provisioning.core.record import Schema, read_record

SCHEMA = Schema(
    {"login": "string", "level": "int", "staff": "bool", "tags": "list(string)", "score": "double"},
    {"type": "string", "organization": "string"},
    ZoneInfo("Europe/Amsterdam"),
    Limits(affiliations=5, values=3, text=20),
)


def record(**changes: Any) -> dict[str, Any]:
    return {"key": "p1", "version": 3, "attributes": {"login": "ada"}, "affiliations": [], **changes}


def refused(data: Any) -> tuple[str, str]:
    with pytest.raises(InvalidError) as caught:
        read_record("registry", data, SCHEMA)
    assert caught.value.right, "an error says what would be right"
    return caught.value.where, caught.value.problem


def test_a_record_keeps_what_the_tenant_declares_and_drops_the_rest() -> None:
    read = read_record("registry", record(attributes={"login": "ada", "salary": 1, "level": None}), SCHEMA)
    assert (read.source, read.key, read.version, dict(read.attributes)) == ("registry", "p1", 3, {"login": "ada"})


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ([], "data"),
        (record(key=""), "data.key"),
        (record(key=7), "data.key"),
        ({"key": "p1"}, "data.version"),
        (record(version="3"), "data.version"),
        (record(version=True), "data.version"),
        (record(version=-1), "data.version"),
        (record(version=2**63), "data.version"),
        (record(deleted="yes"), "data.deleted"),
        (record(attributes=[]), "data.attributes"),
        (record(attributes={"level": "high"}), "data.attributes.level"),
        (record(attributes={"level": True}), "data.attributes.level"),
        (record(attributes={"level": 2**64}), "data.attributes.level"),
        (record(attributes={"tags": "a"}), "data.attributes.tags"),
        (record(attributes={"tags": ["a", 1]}), "data.attributes.tags[1]"),
        (record(attributes={"tags": list("abcd")}), "data.attributes.tags"),
        (record(attributes={"login": "a" * 21}), "data.attributes.login"),
        (record(attributes={"login": "a\x00b"}), "data.attributes.login"),
        (record(attributes={"login": "\ud800"}), "data.attributes.login"),
        (record(affiliations={}), "data.affiliations"),
        (record(affiliations=["x"]), "data.affiliations[0]"),
        (record(affiliations=[{"type": "staff"}]), "data.affiliations[0].id"),
        (record(affiliations=[{"id": "a"}, {"id": "a"}]), "data.affiliations[1].id"),
        (record(affiliations=[{"id": "a", "start": "soon"}]), "data.affiliations[0].start"),
        (record(affiliations=[{"id": "a", "start": "2026-02-02", "end": "2026-01-01"}]), "data.affiliations[0]"),
        (record(affiliations=[{"id": str(n)} for n in range(6)]), "data.affiliations"),
    ],
)
def test_a_bad_field_is_named(data: Any, where: str) -> None:
    assert refused(data)[0] == where


def test_ten_thousand_affiliations_are_refused_with_the_limit() -> None:
    where, problem = refused(record(affiliations=[{"id": str(n)} for n in range(10_000)]))
    assert (where, problem) == ("data.affiliations", "10000 affiliations")


def test_the_year_9999_is_open_and_noticed() -> None:
    read = read_record(
        "registry", record(affiliations=[{"id": "a", "start": "2026-01-01", "end": "9999-12-31"}]), SCHEMA
    )
    assert read.affiliations[0].end == FOREVER
    assert read.notices == ("data.affiliations[0].end: 9999-12-31 is out of range and taken as open",)


def test_a_start_in_the_year_9999_never_begins_and_is_noticed() -> None:
    read = read_record("registry", record(affiliations=[{"id": "a", "start": "9999-12-31"}]), SCHEMA)
    assert (read.affiliations[0].start, len(read.notices)) == (FOREVER, 1)


def test_an_affiliation_without_dates_has_always_been_and_is_open() -> None:
    read = read_record("registry", record(affiliations=[{"id": "a"}]), SCHEMA)
    assert read.affiliations[0].period == (BEGINNING, FOREVER)


def test_equal_names_in_different_unicode_forms_are_equal() -> None:
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    read = [
        read_record("registry", record(attributes={"login": text}), SCHEMA).attributes
        for text in (composed, decomposed)
    ]
    assert read[0] == read[1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, json_values, json_values)
def test_whatever_comes_is_read_or_refused_with_a_place(version: Any, attributes: Any, affiliations: Any) -> None:
    try:
        read_record(
            "registry", {"key": "k", "version": version, "attributes": attributes, "affiliations": affiliations}, SCHEMA
        )
    except InvalidError as error:
        assert error.where.startswith("data")
        assert error.right
