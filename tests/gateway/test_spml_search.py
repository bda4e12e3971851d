"""Searches in pages, and what has changed since."""

import pytest

from tests.delivery.spml_objects import local
from tests.gateway.spml import SPACES, Said, add, change, equal, iterate, of, say, search
from tests.gateway.world import World

SUBSTRINGS = '<dsml:filter><dsml:substrings name="mail"><dsml:{0}>{1}</dsml:{0}></dsml:substrings></dsml:filter>'


async def three(world: World) -> None:
    await say(world, add("a1", uid="ann", mail=["Ann@x.edu", "a@y.edu"], level="5"))
    await say(world, add("b1", uid="bob", mail="bob@x.edu", level="10"))
    await say(world, add("c1", uid="cid", note="x"))
    await say(world, of("suspend:suspend", "c1"))
    world.told("people")


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("", ["a1", "b1", "c1"]),
        (equal("uid", "BOB"), ["b1"]),
        (equal("UID", "nobody"), []),
        (equal("mail", "a@y.edu"), ["a1"]),
        (equal("mail", "ann@X.edu", "approxMatch"), ["a1"]),
        (equal("level", "6", "greaterOrEqual"), ["b1"]),
        (equal("level", "6", "lessOrEqual"), ["a1"]),
        (SUBSTRINGS.format("initial", "bob"), ["b1"]),
        (SUBSTRINGS.format("any", "@X."), ["a1", "b1"]),
        (SUBSTRINGS.format("final", "y.edu"), ["a1"]),
        ('<dsml:filter><dsml:present name="note"/></dsml:filter>', ["c1"]),
        (f"<search:not>{equal('level', '5')}</search:not>", ["b1", "c1"]),
        (f"<search:or>{equal('uid', 'ann')}{equal('uid', 'cid')}</search:or>", ["a1", "c1"]),
        (f"<search:and>{equal('uid', 'ann')}{equal('level', '10')}</search:and>", []),
        (equal("uid", "ann") + equal("level", "5"), ["a1"]),
        ("<suspend:isActive/>", ["a1", "b1"]),
        ("<search:not><suspend:isActive/></search:not>", ["c1"]),
    ],
)
async def test_a_query_selects_what_it_says(world: World, clause: str, found: list[str]) -> None:
    await three(world)
    answer = await say(world, search(clause))
    assert (answer.status, answer.ids, answer.iterator) == ("success", found, None)


@pytest.mark.parametrize(
    ("scope", "base", "found"),
    [
        ("pso", "a1", ["a1"]),
        ("pso", "never", []),
        ("oneLevel", "staff", ["b1"]),
        ("subTree", "staff", ["b1"]),
        ("subTree", "a1", ["a1"]),
        ("oneLevel", "a1", []),
        ("subTree", "", ["a1", "b1"]),
    ],
)
async def test_a_scope_is_an_object_or_what_was_added_in_a_container(
    world: World, scope: str, base: str, found: list[str]
) -> None:
    await say(world, add("a1", uid="ann"))
    inside = add("b1", uid="bob").replace("<data>", '<containerID ID="staff"/><data>')
    assert (await say(world, inside)).status == "success"
    assert world.told("people")[-1]["fields"]["container"] == "staff"
    answer = await say(world, search(f'<search:basePsoID ID="{base}"/>', query=f'scope="{scope}"'))
    assert answer.ids == found


async def test_a_search_goes_on_in_any_process_until_all_were_shown(world: World) -> None:
    ids = [f"p{number:03}" for number in range(7)]
    for id_ in ids:
        await say(world, add(id_, uid=id_, part="even" if int(id_[1:]) % 2 == 0 else "odd"))
    page = await say(world, search(equal("part", "even"), 'maxSelect="2" returnData="identifier"'))
    found, pages = page.ids, 1
    while page.iterator is not None:
        page = await say(world, iterate(page.iterator))
        found += page.ids
        pages += 1
    assert found == ids[::2]
    assert pages <= 3


async def test_a_page_goes_on_after_an_object_that_was_deleted_meanwhile(world: World) -> None:
    for number in range(4):
        await say(world, add(f"p{number}", uid=f"p{number}"))
    page = await say(world, search(request='maxSelect="2"'))
    for gone in ("p1", "p2"):
        await say(world, of("delete", gone))
    assert page.iterator is not None
    assert (await say(world, iterate(page.iterator))).ids == ["p3"]
    assert (await say(world, iterate(page.iterator, "closeIterator"))).status == "success"


async def test_a_page_ends_before_its_answer_is_too_large_or_too_many_were_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await say(world, add(f"p{number}", uid=f"p{number}", note="x" * 300))
    monkeypatch.setattr("provisioning.stages.gateway_spml_read.MOST_TEXT", 1200)
    page = await say(world, search())
    assert (page.ids, page.iterator is not None) == (["p0", "p1", "p2"], True)
    monkeypatch.setattr("provisioning.stages.gateway_spml_read.MOST_WALKED", 1)
    monkeypatch.setattr("provisioning.stages.gateway_spml_read.CHUNK", 1)
    page = await say(world, search(equal("note", "never")))
    assert (page.ids, page.iterator is not None) == ([], True)


async def test_by_the_unique_attribute_one_is_found_among_any_number(world: World) -> None:
    await three(world)
    before = sum(world.pushed.requests.values())
    await say(world, search(equal("uid", "bob")))
    assert sum(world.pushed.requests.values()) - before == 3, "the claim, the object, and what is unsent"


async def test_an_iterator_that_was_made_up_is_not_known(world: World) -> None:
    await three(world)
    page = await say(world, search(request='maxSelect="1"'))
    assert page.iterator is not None
    for wrong in (page.iterator[:-3], page.iterator + "A" * 9000, page.iterator.replace("s1-", "u1-"), "s1-", "x"):
        answer = await say(world, iterate(wrong))
        assert answer.error == "noSuchIdentifier"


def updates(request: str = "", inner: str = "") -> str:
    return f"<updates:updatesRequest {request} {SPACES}>{inner}</updates:updatesRequest>"


def kinds(answer: Said) -> dict[str, str]:
    return {each[0].get("ID", ""): each.get("updateKind", "") for each in answer.element if local(each) == "update"}


async def test_updates_since_a_token_are_what_was_made_changed_and_deleted(world: World) -> None:
    await three(world)
    first = await say(world, updates())
    assert kinds(first) == {"a1": "add", "b1": "add", "c1": "add"}
    world.now += 3600
    await say(world, change("a1", ("add", "note", ["y"])))
    await say(world, of("delete", "b1"))
    await say(world, add("d1", uid="dee"))
    await say(world, of("delete", "c1"))
    await say(world, add("c1", uid="cid"))
    world.now += 3600
    token = first.element.get("token")
    world_since = await say(world, updates('updatedSince="2027-01-15T08:30:00Z"'))
    assert kinds(world_since) == {"a1": "modify", "b1": "delete", "c1": "add", "d1": "add"}
    second = await say(world, updates(f'token="{token}"'))
    assert kinds(second)["b1"] == "delete"
    third = await say(world, updates(f'token="{second.element.get("token")}"'))
    assert (kinds(third), third.status) == ({}, "success")


async def test_updates_go_on_page_by_page_and_end_with_a_token(world: World) -> None:
    for number in range(5):
        await say(world, add(f"p{number}", uid=f"p{number}"))
    for number in range(3):
        await say(world, of("delete", f"p{number}"))
    page = await say(world, updates('updatedSince="2027-01-01T00:00:00Z" maxSelect="2"'))
    found = kinds(page)
    while page.iterator is not None:
        assert page.element.get("token") is None
        page = await say(world, iterate(page.iterator, space="updates"))
        found |= kinds(page)
    assert page.element.get("token")
    assert found == {**{f"p{number}": "delete" for number in range(3)}, "p3": "add", "p4": "add"}


async def test_what_is_as_new_as_a_token_is_told_twice_rather_than_never(world: World) -> None:
    first = await say(world, updates())
    await say(world, add("a1", uid="ann"))
    again = await say(world, updates(f'token="{first.element.get("token")}"'))
    assert kinds(again) == {"a1": "add"}


async def test_what_nobody_remembers_is_not_said_to_be_nothing(world: World) -> None:
    assert (await say(world, updates('updatedSince="2020-01-01T00:00:00Z"'))).error == "customError"
    inner = "<updates:updatedByCapability>urn:x</updates:updatedByCapability>"
    assert (await say(world, updates(inner=inner))).error == "unsupportedOperation"


async def test_updates_are_narrowed_by_a_query_and_their_iterators_are_their_own(world: World) -> None:
    await three(world)
    query = f"<search:query>{equal('uid', 'bob')}</search:query>"
    assert kinds(await say(world, updates(inner=query))) == {"b1": "add"}
    page = await say(world, updates('maxSelect="1"'))
    assert page.iterator is not None
    assert (await say(world, iterate(page.iterator, "closeIterator", "updates"))).status == "success"
    answer = await say(world, iterate(page.iterator))
    assert answer.error == "noSuchIdentifier"
