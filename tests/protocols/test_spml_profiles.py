"""Values in both profiles, and what is validated of them: options, names, and every message by the schemas."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.catalog import Service, Spml
from provisioning.protocols import spml_requests as requests
from provisioning.protocols.spml_batch import batch
from provisioning.protocols.spml_check import check
from provisioning.protocols.spml_message import http, named
from provisioning.protocols.spml_names import CORE, SEARCH
from provisioning.protocols.spml_values import Texts, equals, make_data, modifications, same, shown_values, value_change
from provisioning.protocols.xml import Element, is_writable
from tests.delivery.spml_grader import Call, invalid, judge, schema
from tests.delivery.spml_objects import Held, change, modify_elements, read_data, write_data
from tests.protocols.spml_talk import element, service

DSML = Spml(entity="person")
XSD = Spml(entity="Person", profile="xsd", namespace="urn:example:people")
TEXTS: st.SearchStrategy[str] = (
    st.text(min_size=1, max_size=9).filter(is_writable).filter(lambda text: "\r" not in text)
)
VALUES = st.dictionaries(
    st.sampled_from(["uid", "mail", "sn", "cn"]), st.lists(TEXTS, min_size=1, max_size=3, unique=True).map(tuple)
)
PSO = requests.ObjectId("1").element(target="t")


def sent(inner: Element) -> Any:
    """An element as another parser reads it out of a message."""
    return element(http(Element("urn:oasis:names:tc:SPML:2:0", "xRequest", children=(inner,))))[0]


@pytest.mark.parametrize("options", [DSML, XSD])
@given(VALUES, VALUES)
def test_a_modification_brings_a_target_from_what_it_has_to_what_is_wanted(
    options: Spml, before: dict[str, Texts], wanted: dict[str, Texts]
) -> None:
    entity, values = read_data(options.profile, sent(make_data(options, options.entity, before)))
    assert (entity, {name: tuple(some) for name, some in values.items()}) == (options.entity, before)
    for modification in modifications(options, before, wanted):
        apply(sent(modification), values)
    assert all(same(tuple(values.get(name, ())), some) for name, some in wanted.items())
    assert {*values} == {*wanted}
    assert modifications(options, wanted, wanted) == []


@pytest.mark.parametrize("options", [DSML, XSD])
@given(st.lists(TEXTS, min_size=1, unique=True))
def test_one_value_of_several_comes_and_goes_alone(options: Spml, texts: list[str]) -> None:
    values: dict[str, list[str]] = {}
    for text in texts:
        for modification in value_change(options, "memberOf", "add", text):
            apply(sent(modification), values)
    assert values == {"memberOf": texts}
    for modification in value_change(options, "memberOf", "delete", texts[0]):
        apply(sent(modification), values)
    assert values.get("memberOf", []) == texts[1:]


def apply(modification: Any, values: dict[str, list[str]]) -> None:
    """What the tests' own provider makes of a modification."""
    component = next((child for child in modification if child.tag.endswith("component")), None)
    data = next((child for child in modification if child.tag.endswith("data")), None)
    if component is not None:
        modify_elements(modification.get("modificationMode"), component.get("path"), data, values)
        return
    for each in data if data is not None else ():
        change(values, each.get("name"), each.get("operation"), [value.text or "" for value in each])


@pytest.mark.parametrize("options", [DSML, XSD])
def test_what_is_shown_is_read_whatever_its_case(options: Spml) -> None:
    held = Held("1", options.entity, {"UID": ["ann"], "uid": ["x"], "mail": ["a", "b"]})
    data = Element("", "data", children=tuple(own(each) for each in write_data(options.profile, "urn:x", held)))
    shown = shown_values(options, data)
    assert (shown["uid"], shown["mail"]) == (("ann", "x"), ("a", "b"))
    assert shown_values(options, Element("", "data")) == {}


def own(other: Any) -> Element:
    space, _, name = other.tag[1:].rpartition("}")
    return Element(space, name, dict(other.attrib), tuple(own(child) for child in other), other.text or "")


def messages(options: Spml) -> list[Element]:
    """One of each request, with all that it may have."""
    data = make_data(options, options.entity, {"uid": ("a<&\"'",), "mail": ("a", "b")})
    changes = [
        *modifications(options, {"uid": ("a",), "sn": ("x",)}, {"uid": ("b",), "cn": ("y",)}),
        *value_change(options, "memberOf", "delete", 'a"b'),
        requests.reference("add", "memberOf", requests.ObjectId("g").element("toPsoID")),
    ]
    query = requests.query(equals(options, "uid", 'a"b'), "t", "ou=people")
    return [
        requests.add(data, "t", proposed="p", container="c"), requests.add(data, None),
        requests.modify(PSO, changes), requests.delete(PSO), requests.lookup(PSO), requests.list_targets(),
        requests.suspend(PSO), requests.resume(PSO), requests.active(PSO), requests.search(query),
        requests.search(requests.query(equals(options, "cn", "g", group=True), None, None)),
        requests.iterate("i1"), requests.close("i1"), requests.status("r1"),
    ]  # fmt: skip


@pytest.mark.parametrize("options", [DSML, XSD], ids=["dsml", "xsd"])
def test_every_message_is_as_the_grammar_has_it(options: Spml) -> None:
    for message in messages(options):
        request = http(named(message, "operation"))
        assert request.content is not None
        assert list(judge(Call(dict(request.headers), request.content))) == []


@pytest.mark.skipif(schema() is None, reason="OASIS's schemas are not ours to ship: SPML_XSD names their folder")
@pytest.mark.parametrize("options", [DSML, XSD], ids=["dsml", "xsd"])
def test_every_message_is_valid_by_the_schemas(options: Spml) -> None:
    several = batch([named(message, "o") for message in messages(options)[2:5]])
    for message in [*messages(options), several]:
        assert invalid(element(http(named(message, "operation")))) == []


@pytest.mark.skipif(schema() is None, reason="OASIS's schemas are not ours to ship: SPML_XSD names their folder")
def test_the_schemas_refuse_what_is_wrong() -> None:
    for message in (
        Element(CORE, "deleteRequest"),
        Element(CORE, "lookupRequest", {"returnData": "all"}, (PSO,)),
        Element(CORE, "addRequest", children=(PSO,)),
        Element(SEARCH, "searchRequest", children=(Element(SEARCH, "query", {"scope": "subLevel"}),)),
        Element(CORE, "deleteRequest", {"requestID": "0"}, (PSO,)),
    ):
        assert invalid(element(http(message))) != []


WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"spml": None}, "spml"),
    ({"owner": None}, {}, "spml.owner"),
    ({"reference": None}, {"groups": {"a": "b"}}, "spml"),
    ({"member_of": "memberOf"}, {}, "spml.reference"),
    ({"active": {"status": "open"}}, {}, "spml.active"),
    ({"owner": "a b"}, {}, "spml.owner"),
    ({"suspended": {"a_b": "x"}}, {}, "spml.suspended"),
    ({"profile": "xsd", "entity": "a:b"}, {}, "spml.entity"),
    ({}, {"account": {"uid": "x", "given.name": "x"}}, "account.given.name"),
    ({}, {"account": {"uid": "x", "userPassword": "x"}}, "account.userPassword"),
    ({}, {"account": {"uid": "x", "employeenumber": "x"}}, "account.employeenumber"),
    ({}, {"account": {"uid": "x", "objectClass": "x"}}, "account.objectClass"),
    ({}, {"account": {"uid": "x", "UID": "x"}}, "account.uid"),
    ({}, {"match": "cn"}, "match"),
]


def wrong(options: dict[str, Any], fields: dict[str, Any]) -> Service:
    return service(options).model_copy(update=fields) if "spml" in fields else service(options, **fields)


@pytest.mark.parametrize(("options", "fields", "where"), WRONG)
def test_what_cannot_be_delivered_is_told_when_the_bundle_is_checked(
    options: dict[str, Any], fields: dict[str, Any], where: str
) -> None:
    assert [problem.where for problem in check(wrong(options, fields))] == [f"services/library.{where}"]


def test_options_that_can_be_are_accepted() -> None:
    by_value = {"active": {"status": "open"}, "suspended": {"status": "closed"}}
    for options in ({}, {"owner": None, "identifier": "identity"}, {"profile": "xsd"}, by_value):
        assert check(service(options)) == ()
    assert check(service({"owner": None}, adopt="match")) == ()
