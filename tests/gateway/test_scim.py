"""The SCIM endpoint by the standard: filters, paging, PATCH, versions, projection, errors (RFC 7643, RFC 7644)."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.gateway.world import ENTERPRISE, USER, World

PEOPLE: list[dict[str, Any]] = [
    {"userName": "ann", "title": "Dr", "active": True, "emails": [{"type": "work", "value": "ann@a.edu"}],
     "name": {"familyName": 'O"Neil\\'}, ENTERPRISE: {"department": "Arts", "employeeNumber": "17"}},
    {"userName": "bob", "active": False, "emails": [{"type": "home", "value": "bob@b.org", "primary": True}],
     "urn:acme:2.0:User": {"badge": 7, "Colour": "red"}, "shoeSize": 46},
    {"userName": "eve", "displayName": "Eve and not (Ann) or eq", "x509Certificates": [{"value": "QUJD"}]},
]  # fmt: skip


async def peopled() -> World:
    world = World()
    for person in PEOPLE:
        rest = {name: value for name, value in person.items() if name != "userName"}
        await world.user(person["userName"], **rest)
    return world


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ('userName eq "ANN"', "ann"),
        ('USERNAME EQ "ann"', "ann"),
        (f'{USER}:userName eq "ann"', "ann"),
        ('userName eq "ann" and active eq true', "ann"),
        ('userName eq "ann" and active eq false', ""),
        ('active eq "False"', "bob"),
        ("title pr", "ann"),
        ("not (title pr)", "bob eve"),
        ('userName ne "ann"', "bob eve"),
        ('emails eq "ann@a.edu"', "ann"),
        ('emails.value co "@B."', "bob"),
        ('emails[type eq "work" and value sw "ann"]', "ann"),
        ('emails[type eq "home" and value sw "ann"]', ""),
        ("emails[primary eq true]", "bob"),
        (f'{ENTERPRISE}:department eq "arts"', "ann"),
        ('urn:acme:2.0:User:colour eq "RED"', "bob"),
        ("urn:acme:2.0:User:badge ge 7", "bob"),
        ("shoesize gt 45.5", "bob"),
        ('name.familyName eq "O\\"Neil\\\\"', "ann"),
        ('displayName eq "Eve and not (Ann) or eq"', "eve"),
        ('displayName eq "\\u0045ve and not (Ann) or eq"', "eve"),
        ('userName eq "eve" or userName eq "bob" and active eq true', "eve"),
        ('(userName eq "eve" or userName eq "bob") and active eq false', "bob"),
        ('userName lt "b"', "ann"),
        ('x509Certificates.value eq "abc"', ""),
        ('meta.resourceType eq "User" and meta.created lt "2099-01-01T00:00:00Z"', "ann bob eve"),
        ('id eq "0000-0002"', "bob"),
        ('id eq "0000-0002" and userName eq "ann"', ""),
        ('nobody.knows eq "x"', ""),
        ("title eq null", "bob eve"),
    ],
)
async def test_a_filter_finds_whom_it_means(filter_: str, found: str) -> None:
    world = await peopled()
    answer = await world.scim("GET", "/Users", query=f"filter={quote(filter_)}")
    assert answer.status == 200, answer.text
    assert sorted(each["userName"] for each in answer.json["Resources"]) == found.split()
    assert answer.json["totalResults"] == len(found.split())


@pytest.mark.parametrize(
    "filter_",
    ["userName", "userName eq", "userName eq ann", 'userName eq "ann', 'eq "ann"', 'userName is "ann"', "(title pr",
     "title pr)", "not title pr", 'emails[type eq "work"', "and", 'userName eq "a" and', "[", '"', "active gt true",
     'userName eq "ann" userName eq "bob"', "(" * 50 + "title pr" + ")" * 50, " or ".join(["title pr"] * 200),
     "title pr" + " " * 5000, "userName eq {}", "userName eq [1]", "\x00 eq 1", 'userName eq "\\ud800"',
     "userName co null"],
)  # fmt: skip
async def test_what_is_no_filter_is_refused(world: World, filter_: str) -> None:
    answer = await world.scim("GET", "/Users", query=f"filter={quote(filter_)}")
    if filter_.strip() == "title pr":
        assert answer.status == 200
    else:
        assert (answer.status, answer.json["scimType"]) == (400, "invalidFilter")


async def test_a_walk_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioning.stages.gateway_scim_read.MOST_WALKED", 2)
    for name in ("ann", "bob", "eve"):
        await world.user(name)
    answer = await world.scim("GET", "/Users", query="filter=title+pr")
    assert (answer.status, answer.json["scimType"]) == (400, "tooMany")
    assert (await world.scim("GET", "/Users", query="filter=userName+eq+%22ann%22+and+title+pr")).status == 200


async def test_pages_are_by_index_and_nobody_is_in_two(world: World) -> None:
    for number in range(7):
        await world.user(f"user-{number}")
    seen = []
    for start in (1, 4, 7):
        page = (await world.scim("GET", "/Users", query=f"startIndex={start}&count=3")).json
        assert page["totalResults"] == 7
        seen += [each["userName"] for each in page["Resources"]]
    assert sorted(seen) == [f"user-{number}" for number in range(7)]
    for query, items in (("count=0", 0), ("count=-3", 0), ("startIndex=0", 7), ("startIndex=8", 0), ("count=9999", 7)):
        page = (await world.scim("GET", "/Users", query=query)).json
        assert (page["totalResults"], page["itemsPerPage"], len(page["Resources"])) == (7, items, items)
    for query in ("count=x", "startIndex=1.5", "count=99999999999", "count=²"):
        assert (await world.scim("GET", "/Users", query=query)).json["scimType"] == "invalidValue"


PATCHES: list[tuple[list[dict[str, Any]], dict[str, Any]]] = [
    ([{"op": "add", "path": "title", "value": "Prof"}], {"title": "Prof"}),
    ([{"op": "remove", "path": "title"}], {"title": None}),
    ([{"op": "replace", "path": "title", "value": None}], {"title": None}),
    ([{"op": "add", "path": "name.givenName", "value": "Ann"}], {"name": {"givenName": "Ann", "familyName": "Other"}}),
    ([{"op": "replace", "path": "name", "value": {"givenName": "A"}}],
     {"name": {"givenName": "A", "familyName": "Other"}}),
    ([{"op": "remove", "path": "name.familyName"}], {"name": None}),
    ([{"op": "add", "path": "emails", "value": [{"value": "b@a", "type": "home"}]}],
     {"emails": [{"value": "a@a", "type": "work", "primary": True}, {"value": "b@a", "type": "home"}]}),
    ([{"op": "add", "path": "emails", "value": {"value": "a@a", "type": "work"}}],
     {"emails": [{"value": "a@a", "type": "work", "primary": True}]}),
    ([{"op": "add", "path": "emails", "value": [{"value": "b@a", "primary": True}]}],
     {"emails": [{"value": "a@a", "type": "work", "primary": False}, {"value": "b@a", "primary": True}]}),
    ([{"op": "replace", "path": "emails", "value": [{"value": "c@a"}]}], {"emails": [{"value": "c@a"}]}),
    ([{"op": "remove", "path": 'emails[type eq "work"]'}], {"emails": None}),
    ([{"op": "remove", "path": 'emails[type eq "home"]'}],
     {"emails": [{"value": "a@a", "type": "work", "primary": True}]}),
    ([{"op": "remove", "path": 'emails[type eq "work"].type'}], {"emails": [{"value": "a@a", "primary": True}]}),
    ([{"op": "remove", "path": "emails", "value": [{"value": "a@a"}]}], {"emails": None}),
    ([{"op": "replace", "path": "emails.type", "value": "other"}],
     {"emails": [{"value": "a@a", "type": "other", "primary": True}]}),
    ([{"op": "add", "path": f"{ENTERPRISE}:department", "value": "arts"}], {ENTERPRISE: {"department": "arts"}}),
    ([{"op": "add", "path": ENTERPRISE, "value": {"department": "arts"}}, {"op": "remove", "path": ENTERPRISE}],
     {ENTERPRISE: None}),
    ([{"op": "add", "path": "urn:acme:2.0:User:badge", "value": 7}], {"urn:acme:2.0:User": {"badge": 7}}),
    ([{"op": "add", "value": {"urn:acme:2.0:User": {"badge": {"a": 1}}}}], {"urn:acme:2.0:User": {"badge": {"a": 1}}}),
    ([{"op": "add", "value": {"TITLE": "Prof", "ACTIVE": "TRUE"}}], {"title": "Prof", "active": True}),
    ([{"op": "add", "path": "shoeSizes", "value": [46]}, {"op": "add", "path": "shoeSizes", "value": [47]}],
     {"shoeSizes": [46, 47]}),
    ([{"op": "replace", "value": {"id": "x", "meta": {}, "groups": [], "password": "p"}}], {"title": "Dr"}),
    ([{"op": "replace", "path": "password", "value": "p"}], {"password": None}),
]  # fmt: skip


@pytest.mark.parametrize(("operations", "expected"), PATCHES)
async def test_a_patch_does_what_the_standard_says(
    world: World, operations: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    emails = [{"value": "a@a", "type": "work", "primary": True}]
    user = await world.user("ann", title="Dr", name={"familyName": "Other"}, emails=emails)
    answer = await world.patch(f"/Users/{user}", *operations)
    assert answer.status == 200, answer.text
    shown = (await world.scim("GET", f"/Users/{user}")).json
    assert answer.json == shown
    assert {name: shown.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ({"op": "move", "path": "title"}, "invalidSyntax"),
        ({"path": "title", "value": "x"}, "invalidSyntax"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "add", "value": "x"}, "invalidValue"),
        ({"op": "add", "path": 7, "value": "x"}, "invalidPath"),
        ({"op": "add", "path": "emails[", "value": "x"}, "invalidPath"),
        ({"op": "add", "path": "emails[type eq]", "value": "x"}, "invalidPath"),
        ({"op": "add", "path": "a b", "value": "x"}, "invalidPath"),
        ({"op": "add", "path": 'title[value eq "x"]', "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'emails[type ne "work"].value', "value": "x"}, "noTarget"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "add", "path": "groups", "value": [{"value": "x"}]}, "mutability"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
        ({"op": "replace", "path": "title", "value": {"a": 1}}, "invalidValue"),
        ({"op": "replace", "path": "userName", "value": ""}, "invalidValue"),
        ({"op": "remove", "path": "userName"}, "invalidValue"),
        ({"op": "add", "path": "name", "value": "Ann"}, "invalidValue"),
        ({"op": "add", "path": "schemas", "value": [7]}, "invalidSyntax"),
        ("remove", "invalidSyntax"),
    ],
)
async def test_a_patch_that_cannot_be_is_refused_whole(world: World, operation: Any, kind: str) -> None:
    user = await world.user()
    world.told()
    answer = await world.patch(f"/Users/{user}", {"op": "add", "path": "nickName", "value": "x"}, operation)
    assert (answer.status, answer.json["scimType"]) == (400, kind)
    assert "nickName" not in (await world.scim("GET", f"/Users/{user}")).json
    assert world.told() == []


async def test_versions_guard_reads_and_writes(world: World) -> None:
    user = await world.user()
    first = await world.scim("GET", f"/Users/{user}")
    assert (await world.scim("GET", f"/Users/{user}", If_None_Match=first.version)).status == 304
    body = {"schemas": [USER], "userName": "ann", "title": "Dr"}
    changed = await world.scim("PUT", f"/Users/{user}", body, If_Match=first.version)
    assert changed.version != first.version
    for method in ("PUT", "PATCH", "DELETE"):
        sent = {"Operations": [{"op": "remove", "path": "title"}]} if method == "PATCH" else body
        assert (await world.scim(method, f"/Users/{user}", sent, If_Match=first.version)).status == 412
    assert (await world.scim("GET", f"/Users/{user}", If_None_Match=first.version)).version == changed.version
    assert (await world.scim("DELETE", f"/Users/{user}", If_Match=f'"x", {changed.version}')).status == 204


async def test_only_what_was_asked_for_is_shown(world: World) -> None:
    user = await world.user("ann", name={"givenName": "A", "familyName": "O"}, emails=[{"value": "a", "type": "work"}])
    for query, names in (
        ("attributes=userName", {"schemas", "id", "userName"}),
        ("attributes=NAME.givenname,emails.value", {"schemas", "id", "name", "emails"}),
        ("excludedAttributes=meta,name,emails,id,schemas", {"schemas", "id", "userName"}),
        ("attributes=nothing", {"schemas", "id"}),
    ):
        assert set((await world.scim("GET", f"/Users/{user}", query=query)).json) == names
        page = await world.scim("GET", "/Users", query=query)
        assert [set(each) for each in page.json["Resources"]] == [names]
    shown = (await world.scim("GET", f"/Users/{user}", query="attributes=name.givenName,emails.value")).json
    assert (shown["name"], shown["emails"]) == ({"givenName": "A"}, [{"value": "a"}])
    less = (await world.scim("GET", f"/Users/{user}", query="excludedAttributes=name.givenName,emails.type")).json
    assert (less["name"], less["emails"]) == ({"familyName": "O"}, [{"value": "a"}])


async def test_what_nobody_knows_is_kept_as_it_is(world: World) -> None:
    own = {"urn:acme:2.0:User": {"a": [1, {"B": None}], "c": 1.5}, "shoeSize": 46, "x": {"Y": [[]]}}
    user = await world.user("ann", **own)
    shown = (await world.scim("GET", f"/Users/{user}")).json
    assert {name: shown[name] for name in own} == own
    assert "urn:acme:2.0:User" in shown["schemas"]
    (told,) = world.told()
    assert {name: told["fields"][name] for name in own} == own


async def test_names_are_spelt_as_the_schema_spells_them(world: World) -> None:
    body = {
        "SCHEMAS": [USER.upper()],
        "USERNAME": "ann",
        "Name": {"GIVENNAME": "A"},
        ENTERPRISE.lower(): {"DEPARTMENT": "x"},
    }
    shown = (await world.scim("POST", "/Users", body)).json
    assert (shown["userName"], shown["name"], shown[ENTERPRISE]) == ("ann", {"givenName": "A"}, {"department": "x"})
    twice = {"userName": "a", "USERNAME": "b"}
    assert (await world.scim("POST", "/Users", twice)).json["scimType"] == "invalidSyntax"


async def test_both_kinds_are_searched_at_once(world: World) -> None:
    ann = await world.user()
    staff = await world.group("staff", ann)
    found = (await world.scim("POST", "/.search", {"filter": 'displayName eq "staff" or userName pr', "count": 9})).json
    assert [each["id"] for each in found["Resources"]] == [ann, staff]
    assert (await world.scim("GET", "/Schemas", query="filter=id+pr")).status == 403
