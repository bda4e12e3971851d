"""SCIM events: what each tells, of whom, and in which order. The RFC's own examples among them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.catalog import Source, Tenant
from provisioning.core.errors import InvalidError
from provisioning.core.identity import Identity, absorb
from provisioning.core.notification import Listening, Wanted
from provisioning.core.reading import compile_reading
from provisioning.core.record import Record
from provisioning.core.signed_event import Passed, Told, read_event, unwrap
from provisioning.core.token import Token
from tests.core.test_notification import SCHEMA

NOW = 1_458_505_050_000_000
IAT = 1_458_505_044
PREFIX = "urn:ietf:params:scim:event:"
READING = {
    "key": "id", "fields": {"login": {"path": "userName"}}, "attributes": {"login": "fields.login"},
}  # fmt: skip
FILES = {"files": {"place": "s3:///x", "full": "*.csv", "key": "id"}}
TENANT = Tenant.model_validate({"id": "campus", "person": {"login": "string"}})


def listening(reading: dict[str, Any] | None = None, signed: dict[str, Any] | None = None, **more: Any) -> Listening:
    source = Source.model_validate(
        {
            "id": "hr", "format": "scim-events", "record": {**READING, **(reading or {})},
            "signed": {"issuer": "i", "audience": ["a"], "secret": "s", **(signed or {})}, **more,
        }
    )  # fmt: skip
    return Listening(source, compile_reading(source, TENANT), SCHEMA)


def token(*events: str, subject: Any = "/Users/u1", payload: dict[str, Any] | None = None, **claims: Any) -> Token:
    sub_id = {"format": "scim", "uri": subject, "externalId": "jdoe"} if isinstance(subject, str) else subject
    made = {"jti": "j", "iat": IAT, "sub_id": sub_id, "events": {f"{PREFIX}{event}": payload or {} for event in events}}
    return Token("ES256", None, {**made, **claims}, b"", b"")


def told(read: Told | Passed) -> Any:
    assert isinstance(read, Told)
    return read.notification.told


FULL = {"data": {"userName": "jdoe"}}
EMAIL = {"format": "email", "email": "x"}


def test_the_examples_of_rfc_9967() -> None:
    """Figures 2 to 11 and 14, in short: what a source that can be asked, and one that cannot, makes of each."""
    both = {
        "feed:add": (Wanted, InvalidError), "feed:remove": (Wanted, Record), "prov:create:full": (Record, Record),
        "prov:create:notice": (Wanted, InvalidError), "prov:patch:full": (Wanted, InvalidError),
        "prov:patch:notice": (Wanted, InvalidError), "prov:put:full": (Record, Record),
        "prov:put:notice": (Wanted, InvalidError), "prov:delete": (Record, Record),
        "prov:activate": (Wanted, InvalidError), "prov:deactivate": (Wanted, InvalidError),
        "misc:asyncresp": (Passed, Passed),
    }  # fmt: skip
    for name, expected in both.items():
        found = []
        for source in (listening({"version": "meta.lastModified"}, poll=FILES), listening()):
            try:
                read = read_event(source, token(name, payload=FULL if name.endswith("full") else {}), NOW)
                found.append(type(read) if isinstance(read, Passed) else type(told(read)))
            except InvalidError:
                found.append(InvalidError)
        assert tuple(found) == expected, name


def test_a_whole_resource_is_read_by_the_sources_mapping() -> None:
    payload = {"version": "a330bc54f0671c9", "data": {"schemas": ["x"], "userName": "jdoe", "externalId": "jdoe"}}
    record = told(read_event(listening(), token("prov:put:full", payload=payload), NOW))
    assert (record.key, record.attributes, record.version) == ("u1", {"login": "jdoe"}, IAT * 1_000_000)


@pytest.mark.parametrize(
    ("reading", "claims", "version"),
    [
        ({}, {}, IAT * 1_000_000),
        ({}, {"iat": IAT + 0.25}, IAT * 1_000_000 + 250_000),
        ({}, {"toe": IAT - 100}, (IAT - 100) * 1_000_000),
        ({"version": "meta.lastModified"}, {}, 1_458_505_043_500_000),
        ({"version": "meta.created"}, {}, IAT * 1_000_000),  # it has none: the token's own
    ],
)
def test_the_version_is_the_resources_or_else_the_tokens(
    reading: dict[str, Any], claims: dict[str, Any], version: int
) -> None:
    data = {"data": {"userName": "jdoe", "meta": {"lastModified": "2016-03-20T20:17:23.5Z"}}}
    read = read_event(listening(reading), token("prov:put:full", payload=data, **claims), NOW)
    assert told(read).version == version


def after(*tokens: Token) -> str | None:
    """What is known of somebody after these tokens, each a little later than the one before; None: gone."""
    identity = Identity("i")
    for number, each in enumerate(tokens):
        identity, _ = absorb(identity, told(read_event(listening(), each, NOW + number)), NOW // 1_000_000)
    record = identity.records["hr"]
    return None if record.deleted else str(record.attributes["login"])


def put(name: str, at: float) -> Token:
    return token("prov:put:full", payload={"data": {"userName": name}}, iat=at)


@given(st.permutations(["first", "second", "gone"]))
def test_arrival_means_nothing_where_seconds_differ(order: list[str]) -> None:
    tokens = {
        "first": put("first", IAT), "second": put("second", IAT + 1), "gone": token("prov:delete", iat=IAT + 2),
    }  # fmt: skip
    assert after(*(tokens[name] for name in order)) is None
    tokens["gone"] = token("prov:delete", iat=IAT - 1)
    assert after(*(tokens[name] for name in order)) == "second"


def test_of_one_second_the_later_arrival_is_believed_and_a_deletion_is_last() -> None:
    assert after(put("first", IAT), put("second", IAT)) == "second"
    gone = token("prov:delete")
    assert after(put("first", IAT), gone) is None
    assert after(gone, put("first", IAT)) is None
    assert after(gone, put("again", IAT + 1)) == "again"


@pytest.mark.parametrize(
    ("key", "sub_id", "expected"),
    [
        ("id", {"format": "scim", "uri": "/Users/u%201"}, "u 1"),
        ("id", {"format": "scim", "uri": "https://scim.example.com/v2/users/u1?x=1"}, "u1"),
        ("id", {"format": "scim", "uri": "Users/u1", "id": "u1"}, "u1"),
        ("externalId", {"format": "scim", "uri": "/Users/u1", "externalId": "jdoe"}, "jdoe"),
        ("userName", {"format": "scim", "uri": "/Users/u1", "userName": "jd"}, "jd"),
        ("id", {"format": "opaque", "id": "o1"}, "o1"),
        ("email", {"format": "email", "email": "jdoe@example.com"}, "jdoe@example.com"),
        ("sub", {"format": "iss_sub", "iss": "https://i", "sub": "s1"}, "s1"),
        ("uri", {"format": "account", "uri": "acct:j@example.com"}, "acct:j@example.com"),
        ("id", {"format": "aliases", "identifiers": [EMAIL, {"format": "scim", "uri": "/Users/u1"}]}, "u1"),
        ("email", {"format": "aliases", "identifiers": [{"format": "x"}, EMAIL]}, "x"),
    ],
)  # fmt: skip
def test_the_subject_is_identified_as_the_sources_key_says(key: str, sub_id: dict[str, Any], expected: str) -> None:
    gone = told(read_event(listening({"key": key}), token("prov:delete", subject=sub_id), NOW))
    assert (gone.key, gone.deleted) == (expected, True)


@pytest.mark.parametrize(
    "sub_id",
    [
        None, [], {}, {"format": "x"}, {"format": ["scim"]}, {"format": "scim"}, {"format": "scim", "uri": 7},
        {"format": "scim", "uri": "/"}, {"format": "scim", "uri": "/Users/"}, {"format": "scim", "uri": "u1"},
        {"format": "scim", "uri": "//[x/Users/u1"}, {"format": "scim", "uri": "/Users/u1", "id": "u2"},
        {"format": "scim", "uri": "/Users/\ud800"}, {"format": "opaque"}, {"format": "opaque", "id": 7},
        {"format": "aliases"}, {"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": []}, 7]},
    ],
)  # fmt: skip
def test_a_subject_that_is_none_is_refused(sub_id: Any) -> None:
    with pytest.raises(InvalidError, match=r"^token\.sub_id"):
        read_event(listening(), token("prov:delete", subject=sub_id), NOW)


def test_a_key_that_the_subject_has_not_is_named() -> None:
    with pytest.raises(InvalidError, match=r"token\.sub_id: text is missing \(id, externalId"):
        read_event(listening({"key": "employeeNumber"}), token("prov:delete"), NOW)


def test_events_of_other_resources_are_passed_over_unless_they_are_the_persons() -> None:
    group = token("prov:delete", subject="/Groups/g1")
    assert isinstance(read_event(listening(), group, NOW), Passed)
    assert told(read_event(listening(signed={"endpoint": "groups"}), group, NOW)).key == "g1"


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        (("prov:put:full", "prov:deactivate"), "whole"), (("prov:patch:full", "prov:put:full"), "whole"),
        (("prov:delete", "prov:put:full"), "gone"), (("feed:remove", "prov:put:full"), "whole"),
        (("feed:remove", "prov:deactivate"), "gone"),
    ],
)  # fmt: skip
def test_several_events_are_one_change_and_what_says_most_decides(events: tuple[str, ...], kind: str) -> None:
    record = told(read_event(listening(), token(*events, payload=FULL), NOW))
    assert record.deleted is (kind == "gone")


@pytest.mark.parametrize(
    "payload",
    [{}, {"data": []}, {"data": None}, {"data": {"id": "u2"}}, {"data": {}, "attributes": []}, {"data": {"id": 1}}],
)
def test_a_full_event_that_is_not_full_or_of_another_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidError, match=r"^token\.events"):
        read_event(listening(), token("prov:put:full", payload=payload), NOW)


def test_more_events_than_any_change_has_are_refused() -> None:
    with pytest.raises(InvalidError, match="51 events"):
        read_event(listening(), token(*(f"prov:{number}" for number in range(51))), NOW)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"signed": None}, "belong together"), ({"format": "json"}, "belong together"), ({"record": None}, "`record`"),
        ({"poll": FILES}, "record.version"),
    ],
)  # fmt: skip
def test_a_source_whose_events_could_not_be_ordered_or_believed_is_refused(more: dict[str, Any], fault: str) -> None:
    signed = {"issuer": "i", "audience": ["a"], "secret": "s"}
    source = {"id": "hr", "format": "scim-events", "record": READING, "signed": signed}
    with pytest.raises(ValueError, match=fault):
        Source.model_validate({name: value for name, value in {**source, **more}.items() if value is not None})


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["Type", "Message", "specversion", "data", "type", "id", "detail"]) | st.text(max_size=3), inner
    ),
    max_leaves=8,
)  # fmt: skip


@given(documents | st.text())
def test_any_body_is_a_token_or_an_object_or_refused(body: Any) -> None:
    for text in (body if isinstance(body, str) else json.dumps(body), json.dumps({"Message": json.dumps(body)})):
        try:
            found = unwrap(text, 10_000)
        except InvalidError:
            continue
        assert isinstance(found, str | dict)


@given(st.dictionaries(st.sampled_from(["format", "uri", "id", "identifiers", "email", "externalId"]), documents))
def test_any_subject_is_read_passed_over_or_refused(sub_id: Any) -> None:
    for format_ in (sub_id.get("format"), "scim", "aliases", "opaque"):
        try:
            read = read_event(listening(), token("prov:delete", subject={**sub_id, "format": format_}), NOW)
        except InvalidError:
            continue
        assert isinstance(read, Passed | Told)
