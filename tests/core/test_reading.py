"""The IDMS's own fields → a record."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.catalog import Source, Tenant
from provisioning.core.errors import InvalidError
from provisioning.core.keylist import escape, unescape
from provisioning.core.notification import Listening, read_notification
from provisioning.core.publication import compile_bundle
from provisioning.core.reading import Reader, compile_reading
from provisioning.core.record import Absence, Record, Schema, read_record
from provisioning.core.version import read_version
from tests.stages.tenant import bundle

TENANT = {
    "id": "campus", "person": {"login": "string", "mail": "string", "phones": "list(string)"},
    "affiliation": {"type": "string", "organization": "string"},
}  # fmt: skip
RECORD: dict[str, Any] = {
    "key": "personId",
    "version": "meta.modified",
    "fields": {
        "login": "string",
        "status": "string",
        "mail": {"path": 'emails[type eq "work"].value'},
        "phones": {"path": "phone", "kind": "list(string)"},
        "until": {"path": "contract.until"},
    },
    "deleted": 'has(fields.status) && fields.status == "left"',
    "attributes": {"login": "fields.login", "mail": "fields.mail", "phones": "fields.phones"},
    "affiliations": [
        {
            "each": "jobs",
            "item": {"number": "int", "unit": "string", "end": "string"},
            "when": 'item.unit != "trainee"',
            "id": '"job-" + string(item.number)',
            "end": "item.end",
            "facts": {"type": '"staff"', "organization": "item.unit"},
        },
        {"when": "has(fields.until)", "id": '"contract"', "end": "fields.until", "facts": {"type": '"guest"'}},
    ],
}
PERSON: dict[str, Any] = {
    "personId": 4711,
    "meta": {"modified": "2026-09-01T08:00:00.000001Z"},
    "login": "ada",
    "emails": [{"type": "home", "value": "h"}, {"type": "work", "value": "ada@campus.edu"}],
    "phone": ["1", "2"],
    "jobs": [
        {"number": 1, "unit": "arts", "end": "2027-01-31"},
        {"number": 2, "unit": "trainee"},
        {"number": 3, "unit": "law"},
    ],
}


def reader(**changes: Any) -> Reader:
    source = Source.model_validate({"id": "hr", "record": {**RECORD, **changes}})
    made = compile_reading(source, Tenant.model_validate(TENANT))
    assert made is not None
    return made


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in PERSON.items() if name not in names}


def test_a_record_is_made_of_the_fields() -> None:
    made = reader()
    assert made.key_of(PERSON) == "4711"
    assert made.read(PERSON, None, 0) == {
        "key": "4711",
        "version": 1788249600000001,
        "attributes": {"login": "ada", "mail": "ada@campus.edu", "phones": ["1", "2"]},
        "affiliations": [
            {"id": "job-1", "end": "2027-01-31", "type": "staff", "organization": "arts"},
            {"id": "job-3", "type": "staff", "organization": "law"},
        ],
    }


def test_who_is_gone_by_the_mapping_is_a_deletion_with_the_source_s_version() -> None:
    assert reader().read({**PERSON, "status": "left"}, "k", 0) == {
        "key": "k", "version": 1788249600000001, "deleted": True,
    }  # fmt: skip


def test_a_source_without_versions_is_ordered_by_observation() -> None:
    assert reader(version=None).read(PERSON, "k", 17)["version"] == 17


def test_an_attribute_whose_field_is_absent_is_left_out() -> None:
    assert reader().read(without("emails", "phone"), "k", 0)["attributes"] == {"login": "ada"}


@pytest.mark.parametrize(
    ("person", "changes", "where"),
    [
        ({**PERSON, "meta": {}}, {}, "version"),
        ({**PERSON, "meta": {"modified": "yesterday"}}, {}, "version"),
        ({**PERSON, "login": 7}, {}, "fields.login"),
        ({**PERSON, "jobs": {}}, {}, "sources/hr.record.affiliations.0"),
        ({**PERSON, "jobs": ["x"]}, {}, "sources/hr.record.affiliations.0[0]"),
        ({**PERSON, "jobs": [{"number": "1", "unit": "arts"}]}, {}, "sources/hr.record.affiliations.0[0].item.number"),
        # Without the unit nobody knows whether there is an affiliation: to leave it out would end what it gives.
        ({**PERSON, "jobs": [{"number": 1}]}, {}, "sources/hr.record.affiliations.0[0].when"),
        ({**PERSON, "jobs": [{"number": 1, "unit": "x"}] * 101}, {}, "sources/hr.record.affiliations.0"),
        (without("status"), {"deleted": 'fields.status == "left"'}, "sources/hr.record.deleted"),
        (PERSON, {"attributes": {"login": "string(int(fields.login))"}}, "login"),
        ([], {}, "data"),
    ],
)
def test_a_guess_is_never_made(person: Any, changes: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidError) as caught:
        reader(**changes).read(person, "k", 0)
    assert caught.value.where == where
    assert caught.value.right


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"attributes": {"shoe": "fields.login"}}, "sources/hr.record.attributes.shoe"),
        ({"attributes": {"login": "fields.nothing"}}, "sources/hr.record.attributes.login"),
        ({"deleted": "fields.login"}, "sources/hr.record.deleted"),
        ({"fields": {"login": "text"}}, "sources/hr.record.fields.login"),
        ({"fields": {"login": {"path": "a..b"}}}, "sources/hr.record.fields.login"),
        ({"key": "a["}, "sources/hr.record.key"),
        ({"affiliations": [{"id": '"x"', "facts": {"rank": '"x"'}}]}, "sources/hr.record.affiliations.0.facts.rank"),
        ({"affiliations": [{"id": "1"}]}, "sources/hr.record.affiliations.0.id"),
        ({"affiliations": [{"id": '"x"', "when": "item.x"}]}, "sources/hr.record.affiliations.0.when"),
    ],
)
def test_a_mapping_that_cannot_be_right_is_found_in_the_bundle(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidError) as caught:
        reader(**changes)
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("written", "version"),
    [
        (7, 7),
        ("7", 7),
        (1.5e9, 1_500_000_000),
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T01:00:01+01:00", 1_000_000),
        ("1970-01-01 00:00:01.000002", 1_000_002),
        ("19700101000001Z", 1_000_000),
        ("19700101000001.5Z", 1_500_000),
        ("19700101010001+01", 1_000_000),
    ],
)
def test_versions_are_numbers_or_instants(written: object, version: int) -> None:
    assert read_version(written, "version") == version


@pytest.mark.parametrize("written", [None, True, "", "soon", -1, 2**63, "9" * 19, "1" * 100, [], 1.5, float("nan")])
def test_what_is_no_version_is_refused(written: object) -> None:
    with pytest.raises(InvalidError, match="version"):
        read_version(written, "version")


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PERSON, "value", "unit"]), inner),
    max_leaves=20,
))  # fmt: skip
def test_whatever_arrives_is_a_record_or_refused_with_its_place(document: Any) -> None:
    tenant = Tenant.model_validate(TENANT)
    schema = Schema(tenant.person, tenant.affiliation, compile_bundle(bundle()).zone, tenant.limits)
    try:
        record = read_record("hr", reader().read(document, "k", 1), schema)
    except InvalidError as error:
        assert error.where
    else:
        assert record.key == "k"


@given(st.lists(st.text(), min_size=2, max_size=2))
def test_keys_stay_apart_and_sort_as_their_bytes_do(keys: list[str]) -> None:
    one, other = (escape(key) for key in keys)
    assert (unescape(one), unescape(other)) == tuple(keys)
    assert (one == other) == (keys[0] == keys[1])
    assert b"\t" not in one
    assert b"\n" not in one


def _listening(**source: Any) -> Listening:
    made = Source.model_validate({"id": "hr", "record": RECORD, **source})
    tenant = Tenant.model_validate(TENANT)
    schema = Schema(tenant.person, tenant.affiliation, compile_bundle(bundle()).zone, tenant.limits)
    return Listening(made, compile_reading(made, tenant), schema)


@pytest.mark.parametrize(
    "envelope",
    [
        lambda event: event,
        lambda event: {"Type": "Notification", "MessageId": "m", "Message": json.dumps(event)},
        lambda event: {"detail-type": "person", "source": "hr", "id": "e", "detail": event},
        lambda event: {
            "Type": "Notification", "Message": json.dumps({"detail-type": "person", "id": "e", "detail": event}),
        },
    ],
    ids=["raw", "SNS", "EventBridge", "EventBridge in SNS"],
)  # fmt: skip
@pytest.mark.parametrize("format_", ["json", "cloudevents"])
def test_the_idms_s_own_json_is_read_in_every_envelope(format_: str, envelope: Any) -> None:
    event = PERSON if format_ == "json" else {"specversion": "1.0", "id": "e", "data": PERSON}
    told = read_notification(_listening(format=format_), json.dumps(envelope(event)), 0).told
    assert isinstance(told, Record)
    assert (told.key, told.attributes["login"], told.observed) == ("4711", "ada", 0)


def test_what_poll_says_is_an_observation_whatever_the_source_s_format() -> None:
    data = {"key": "k", "observed": 5, "fields": PERSON}
    event = {"specversion": "1.0", "type": "provisioning.observed", "id": "e", "data": data}
    told = read_notification(_listening(format="json"), json.dumps(event), 0).told
    assert isinstance(told, Record)
    assert (told.key, told.version, told.observed) == ("k", 1788249600000001, 5)
    gone = read_notification(_listening(), json.dumps({**event, "data": {**data, "fields": None}}), 0).told
    assert gone == Absence("hr", "k", 5)


def test_what_gateway_says_has_its_own_version() -> None:
    data = {"key": "k", "version": 3, "fields": without("meta")}
    event = {"specversion": "1.0", "type": "provisioning.pushed", "id": "e", "data": data}
    listening = _listening(record={**RECORD, "version": None})
    told = read_notification(listening, json.dumps(event), 99).told
    assert isinstance(told, Record)
    assert (told.version, told.observed) == (3, 0)
    gone = read_notification(listening, json.dumps({**event, "data": {**data, "fields": None}}), 99).told
    assert gone == Record("hr", "k", 3, deleted=True)
