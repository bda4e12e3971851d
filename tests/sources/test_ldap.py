"""Directories as a source: what is shown of an entry, changes by both ways, groups, and what evidence is worth."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import ldap3
import pytest
from pydantic import ValidationError

from provisioning.adapters.sources.ldap_groups import fold
from provisioning.adapters.sources.ldap_item import read_time
from provisioning.core.errors import InvalidError
from provisioning.core.source import Item, Page
from provisioning.core.source_ldap import LdapSource
from tests.sources.ldap_world import PICTURE, LdapWorld, ldap_world
from tests.sources.slapd import GROUPS, PEOPLE, ROOT, ROOT_PASSWORD, SUFFIX
from tests.sources.world import everything, since

GROUP: dict[str, Any] = {"groups": {"base": GROUPS}}
UNITS = {"given": "Given", "unit": "arts"}


@pytest.fixture
async def directory() -> AsyncIterator[LdapWorld]:
    async with ldap_world() as made:
        yield made


@pytest.fixture(params=[True, False], ids=["sync", "timestamp"])
async def either(request: pytest.FixtureRequest) -> AsyncIterator[LdapWorld]:
    async with ldap_world(sync=request.param) as made:
        yield made


async def begun(world: LdapWorld, **options: Any) -> str:
    async with world.open(**options) as source:
        place = await source.begin()
    assert place is not None
    return place


async def look(world: LdapWorld, place: str, **options: Any) -> tuple[dict[str, Item], str]:
    """Who changed, by uid, or by key who is gone; and the place after."""
    async with world.open(**options) as source:
        items, after = await since(source, place)
    return {str(item.fields["uid"]) if item.fields is not None else item.key: item for item in items}, after


async def lost(world: LdapWorld, place: str, **options: Any) -> str:
    async with world.open(**options) as source:
        page = await source.changes(place)
    assert page.lost
    assert page.position is not None
    return page.lost


async def shown(world: LdapWorld, **options: Any) -> tuple[dict[str, Mapping[str, Any]], Page]:
    async with world.open(**options) as source:
        items, last = await everything(source)
    assert all(item.fields is not None for item in items)
    return {str(item.fields["uid"]): item.fields for item in items if item.fields is not None}, last


async def test_an_entry_is_shown_as_text_that_is_the_same_for_the_same_entry(directory: LdapWorld) -> None:
    await directory.put("ann", UNITS)
    directory.change("ann", mail=["b@x.org", "a@x.org"], jpegPhoto=[PICTURE])
    people, _ = await shown(
        directory, binary=["jpegPhoto"], exclude=["objectClass"], attributes=["*", "createTimestamp"]
    )
    created = str(people["ann"].pop("createTimestamp")[0])  # type: ignore[attr-defined]
    assert read_time(created.replace("-", "").replace("T", "").replace(":", "")).isoformat() == created[:-1] + "+00:00"
    assert people["ann"] == {
        "dn": f"uid=ann,{PEOPLE}", "uid": "ann", "cn": ["ann"], "sn": ["ann"], "givenName": "Given", "ou": ["arts"],
        "mail": ["a@x.org", "b@x.org"], "jpegPhoto": ["/9j/4AAQSkZJRg=="],
    }  # fmt: skip


async def test_only_what_is_asked_for_is_shown(directory: LdapWorld) -> None:
    await directory.put("ann", UNITS)
    people, _ = await shown(directory, attributes=["uid", "SN"], exclude=["sn"], base=SUFFIX)
    assert people == {"ann": {"dn": f"uid=ann,{PEOPLE}", "uid": "ann"}}


async def test_an_entry_without_its_key_is_spoiled_and_one_too_large_keeps_its_key(directory: LdapWorld) -> None:
    await directory.put("ann", UNITS)
    key = await directory.put("bob", UNITS)
    directory.change("bob", description=["x" * 250_000])
    async with directory.open(key="employeeNumber") as source:
        page = await source.snapshot(None)
    assert [each.key for each in page.spoiled] == [None, None]
    async with directory.open() as source:
        page = await source.snapshot(None)
    assert [(each.key, each.where) for each in page.spoiled] == [(key, f"uid=bob,{PEOPLE}")]
    assert "bytes" in page.spoiled[0].reason
    assert len(page.spoiled[0].body) <= 1000


async def test_who_leaves_the_filter_is_told_to_be_gone_by_synchronization(directory: LdapWorld) -> None:
    key = await directory.put("ann", UNITS)
    place = await begun(directory, filter="(ou=arts)")
    directory.change("ann", ou=["law"])
    found, _ = await look(directory, place, filter="(ou=arts)")
    assert found[key].fields is None


async def test_with_another_key_deletions_are_left_to_snapshots(directory: LdapWorld) -> None:
    for name in ("ann", "bob"):
        await directory.put(name, UNITS)
    place = await begun(directory, key="uid")
    await directory.remove("ann")
    directory.change("bob", ou=["law"])
    found, _ = await look(directory, place, key="uid")
    assert list(found) == ["bob"]
    assert found["bob"].key == "bob"


async def test_a_refresh_goes_on_from_page_to_page_and_begins_again_elsewhere(directory: LdapWorld) -> None:
    place = await begun(directory)
    for number in range(7):
        await directory.put(f"p{number}", UNITS)
    async with directory.open() as source:
        first = await source.changes(place)
        assert first.position is not None
        assert (len(first.items), first.more) == (3, True)
        second = await source.changes(first.position)
        assert {item.key for item in first.items}.isdisjoint(item.key for item in second.items)
    found, after = await look(directory, first.position)  # whoever asked died
    assert set(found) == {f"p{number}" for number in range(7)}
    assert (await look(directory, after))[0].keys() <= {"p6"}


async def test_a_place_asked_for_again_is_shown_again(directory: LdapWorld) -> None:
    place = await begun(directory)
    for number in range(7):
        await directory.put(f"p{number}", UNITS)
    async with directory.open() as source:
        first, again = await source.changes(place), await source.changes(place)
    assert {item.key for item in first.items} == {item.key for item in again.items}


async def test_another_question_makes_a_place_useless(either: LdapWorld) -> None:
    place = await begun(either)
    assert "another question" in await lost(either, place, filter="(objectClass=person)")
    assert "another question" in await lost(either, place, attributes=["uid"])
    found, _ = await look(either, place, urls=[f"{either.server.url}/"])
    assert found == {}


async def test_groups_are_shown_and_who_came_and_who_left_is_told(either: LdapWorld) -> None:
    for name in ("ann", "bob", "cid", "dan"):
        await either.put(name, UNITS)
    either.group("staff", "ann", "bob")
    either.group("guests", "ann")
    people, _ = await shown(either, **GROUP)
    assert {name: fields["groups"] for name, fields in people.items()} == {
        "ann": ["guests", "staff"], "bob": ["staff"], "cid": [], "dan": [],
    }  # fmt: skip
    place = await begun(either, overlap=0, **GROUP)
    either.group("staff", "ann", "cid")
    found, after = await look(either, place, overlap=0, **GROUP)
    groups = {name: item.fields["groups"] for name, item in found.items() if item.fields is not None}
    assert (groups["bob"], groups["cid"]) == ([], ["staff"])
    assert either.eyes.delete(f"cn=guests,{GROUPS}")
    found, _ = await look(either, after, overlap=0, **GROUP)
    assert found["ann"].fields is not None
    assert found["ann"].fields["groups"] == ["staff"]


async def test_only_those_whose_memberships_changed_are_read_again(directory: LdapWorld) -> None:
    names = [f"p{number}" for number in range(20)]
    for name in names:
        await directory.put(name, UNITS)
    directory.group("staff", *names)
    place = await begun(directory, **GROUP)
    directory.group("staff", *names[1:])
    found, after = await look(directory, place, **GROUP)
    assert [name for name, item in found.items() if item.fields is not None] == ["p0"]
    directory.eyes.modify(f"cn=staff,{GROUPS}", {"description": [(ldap3.MODIFY_REPLACE, ["no member is touched"])]})
    found, _ = await look(directory, after, **GROUP)
    assert not [name for name, item in found.items() if item.fields is not None]


async def test_more_memberships_than_can_be_told_need_a_snapshot(directory: LdapWorld) -> None:
    place = await begun(directory, **GROUP)
    directory.group("staff", *(f"p{number}" for number in range(500)))
    assert "memberships" in await lost(directory, place, **GROUP)


async def test_groups_may_name_their_members_by_uid(either: LdapWorld) -> None:
    for name in ("ann", "bob"):
        await either.put(name, UNITS)
    values = {"cn": "staff", "gidNumber": "7", "memberUid": ["ann"]}
    assert either.eyes.add(f"cn=staff,{GROUPS}", "posixGroup", values), either.eyes.result
    options = {"groups": {"base": GROUPS, "filter": "(objectClass=posixGroup)", "member": "memberUid", "kind": "uid"}}
    people, _ = await shown(either, **options)
    assert {name: fields["groups"] for name, fields in people.items()} == {"ann": ["staff"], "bob": []}
    place = await begun(either, overlap=0, **options)
    either.eyes.modify(f"cn=staff,{GROUPS}", {"memberUid": [(ldap3.MODIFY_REPLACE, ["bob"])]})
    found, _ = await look(either, place, overlap=0, **options)
    groups = {name: item.fields["groups"] for name, item in found.items() if item.fields is not None}
    assert (groups["ann"], groups["bob"]) == ([], ["staff"])


async def test_one_person_is_fetched_with_groups_and_a_key_that_is_none_is_nobody(directory: LdapWorld) -> None:
    key = await directory.put("ann", UNITS)
    directory.group("staff", "ann")
    async with directory.open(**GROUP) as source:
        ann, nobody, other = await source.fetch([key, "no uuid (*)", f"{key[:-1]}z"])
    assert ann.fields is not None
    assert ann.fields["groups"] == ["staff"]
    assert nobody.fields is None
    assert other.fields is None


async def test_several_entries_with_a_fetched_key_are_an_error(directory: LdapWorld) -> None:
    for name in ("ann", "bob"):
        await directory.put(name, UNITS)
    async with directory.open(key="ou") as source:
        with pytest.raises(InvalidError, match=r"poll\.ldap\.key"):
            await source.fetch(["arts"])


async def test_a_directory_that_shows_only_some_is_not_believed() -> None:
    async with ldap_world(size="5") as world:
        for number in range(9):
            await world.put(f"p{number}", UNITS)
        _, last = await shown(world)
    assert last.evidence is not None
    assert "only some" in last.evidence.problem
    assert last.evidence.expected is None


async def test_groups_that_are_shown_in_part_are_an_error() -> None:
    async with ldap_world(size="5") as world:
        for number in range(9):
            world.group(f"g{number}")
        async with world.open(**GROUP) as source:
            with pytest.raises(InvalidError, match=r"poll\.ldap\.groups"):
                await source.snapshot(None)


async def test_parts_of_the_tree_that_are_elsewhere_are_said_unless_they_are_not_wanted(directory: LdapWorld) -> None:
    await directory.put("ann", UNITS)
    server = ldap3.Server(directory.server.url, get_info=ldap3.NONE)
    eyes: Any = ldap3.Connection(server, ROOT, ROOT_PASSWORD, auto_bind=True, auto_referrals=False)
    classes = ["referral", "extensibleObject"]
    eyes.add(f"ou=far,{PEOPLE}", classes, {"ou": "far", "ref": "ldap://elsewhere.example/ou=far"})
    assert eyes.result["result"] == 0, eyes.result
    eyes.unbind()
    _, last = await shown(directory)
    assert last.evidence is not None
    assert "other directories" in last.evidence.problem
    people, last = await shown(directory, ignore_referrals=True)
    assert (set(people), last.evidence and last.evidence.problem) == ({"ann"}, "")


async def test_entries_come_again_within_the_overlap() -> None:
    async with ldap_world(sync=False) as world:
        await world.put("ann", UNITS)
        place = await begun(world)
        found, _ = await look(world, place)
        assert set(found) == {"ann"}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("20261123191036Z", "2026-11-23T19:10:36+00:00"),
        ("20261123191036.25Z", "2026-11-23T19:10:36.250000+00:00"),
        ("202611231910+0130", "2026-11-23T17:40:00+00:00"),
        ("2026112319,5-02", "2026-11-23T21:30:00+00:00"),
    ],
)
def test_an_instant_is_read_in_each_of_its_forms(text: str, right: str) -> None:
    assert read_time(text).isoformat() == right


@pytest.mark.parametrize("text", ["", "2026", "20261323191036Z", "20261123191036", "99999999999999Z", "x" * 15])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time data|out of range|^" + text[:4]):
        read_time(text)


def test_a_name_is_the_same_whatever_its_case_spaces_and_escapes() -> None:
    assert fold("UID=ann, OU=People,dc=x") == fold("uid=Ann,ou=people , dc=X")
    assert fold(r"cn=Doe\, Ann,dc=x") == fold(r"CN=doe\2c ann,DC=x")
    assert fold("uid=ann,dc=x") != fold("uid=anna,dc=x")


@pytest.mark.parametrize(
    ("options", "right"),
    [
        ({"exclude": ["ENTRYUUID"]}, "it cannot be excluded"),
        ({"bind": "cn=x"}, "bind needs a secret"),
        ({"urls": ["ldap://x"], "start_tls": False}, "start_tls: true"),
        ({"urls": ["http://x"]}, "urls"),
        ({"filter": "uid=x"}, "filter"),
        ({"attributes": ["a b"]}, "attributes"),
    ],
)
def test_options_that_cannot_be_meant_say_what_would_be_right(options: dict[str, Any], right: str) -> None:
    with pytest.raises(ValidationError, match=right):
        LdapSource.model_validate({"urls": ["ldaps://x"], "base": "dc=x", **options})
