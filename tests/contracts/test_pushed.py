"""Ports Pushed and Changes: what a source pushed, who is in which group, and what is not told onwards yet."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from provisioning.adapters.aws.changes import SourceQueues
from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.pushed import PushedTable
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.memory.pushed import MemoryChanges, MemoryPushed
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.core.errors import ConflictError, PermanentError, TransientError
from provisioning.core.pushed import LONGEST_ANSWER, MOST_GROUPS, Answer, Gone, Kind, Resource, TakenError
from provisioning.ports.pushed import Changes, Pushed
from tests.contracts.backends import new_table
from tests.contracts.boxes import Box, MemoryBox, new_queue
from tests.contracts.samples import NOW, STRANGE

pytestmark = pytest.mark.asyncio(loop_scope="session")
SOURCE = "registry"


@pytest_asyncio.fixture(loop_scope="session")
async def pushed(backend: Clients | None) -> Pushed:
    return MemoryPushed() if backend is None else PushedTable(Rows(backend, await new_table(backend)))


def user(id_: str, name: str = "", **content: Any) -> Resource:
    return Resource(SOURCE, "User", id_, {"schemas": [], "userName": name or id_, **content}, NOW, NOW)


def group(id_: str, name: str = "", **content: Any) -> Resource:
    return Resource(SOURCE, "Group", id_, {"schemas": [], "displayName": name or id_, **content}, NOW, NOW)


async def put(pushed: Pushed, *resources: Resource) -> list[Resource]:
    return [await pushed.put_resource(each, None, tell=each.kind == "User") for each in resources]


async def waiting(pushed: Pushed) -> list[str]:
    return sorted(each.id for each in await pushed.unsent(SOURCE, 100))


async def told(pushed: Pushed) -> None:
    await pushed.sent(SOURCE, await pushed.unsent(SOURCE, 100))


async def version(pushed: Pushed, id_: str, kind: Kind = "User") -> int:
    held = await pushed.get(SOURCE, kind, id_)
    assert held is not None
    return held.resource.version


async def test_what_was_put_is_there_and_unsent_until_it_is_said_to_be_sent(pushed: Pushed) -> None:
    (stored,) = await put(pushed, user("u1", "Ann", externalId="00uA", strange=dict(STRANGE)))
    held = await pushed.get(SOURCE, "User", "u1")
    assert held is not None
    assert (held.resource, held.groups) == (stored, ())
    assert stored.version == 1
    assert await pushed.get(SOURCE, "Group", "u1") is None
    assert await pushed.get("other", "User", "u1") is None
    assert await waiting(pushed) == ["u1"]
    await told(pushed)
    assert await waiting(pushed) == []


async def test_a_write_on_what_was_read_before_another_wrote_is_refused_and_changes_nothing(pushed: Pushed) -> None:
    (first,) = await put(pushed, user("u1"))
    second = await pushed.put_resource(replace(first, content={**first.content, "title": "Dr"}), first, tell=True)
    with pytest.raises(ConflictError):
        await pushed.put_resource(replace(first, content={**first.content, "userName": "late"}), first, tell=True)
    with pytest.raises(ConflictError):
        await put(pushed, user("u1", "again"))
    assert (await pushed.get_many(SOURCE, "User", ["u1"])) == [second]
    assert await pushed.find(SOURCE, "User", "userName", "late") == []


async def test_of_two_that_race_one_wins(pushed: Pushed) -> None:
    (first,) = await put(pushed, user("u1"))
    both = [replace(first, content={**first.content, "title": title}) for title in ("Dr", "Prof")]
    ended = await asyncio.gather(
        *(pushed.put_resource(each, first, tell=True) for each in both), return_exceptions=True
    )
    won = [each for each in ended if isinstance(each, Resource)]
    lost = [each for each in ended if isinstance(each, ConflictError | TransientError)]
    assert (len(won), len(lost)) == (1, 1)
    assert await pushed.get_many(SOURCE, "User", ["u1"]) == won


async def test_names_are_had_by_one_whatever_their_case_and_are_free_when_given_back(pushed: Pushed) -> None:
    (ann,) = await put(pushed, user("u1", "Ann", externalId="X"))
    for taken, attribute in ((user("u2", "aNN"), "userName"), (user("u2", "bob", externalId="X"), "externalId")):
        with pytest.raises(TakenError, match=attribute):
            await put(pushed, taken)
    await put(pushed, user("u2", "bob", externalId="x"), group("g1", "ann"))
    assert await pushed.find(SOURCE, "User", "userName", "ANN") == ["u1"]
    assert await pushed.find(SOURCE, "User", "externalId", "x") == ["u2"]
    assert await pushed.find("other", "User", "userName", "ann") == []
    moved = await pushed.put_resource(replace(ann, content={"schemas": [], "userName": "eve"}), ann, tell=True)
    await put(pushed, user("u3", "ann"))
    assert await pushed.find(SOURCE, "User", "userName", "ann") == ["u3"]
    await pushed.put_resource(replace(moved, content={}, deleted=True), moved, tell=True)
    assert await pushed.find(SOURCE, "User", "userName", "eve") == []


async def test_groups_of_one_name_are_all_found(pushed: Pushed) -> None:
    await put(pushed, group("g1", "Staff"), group("g2", "staff"), group("g3", "students"))
    assert sorted(await pushed.find(SOURCE, "Group", "displayName", "STAFF")) == ["g1", "g2"]


async def test_all_are_listed_but_for_the_deleted(pushed: Pushed) -> None:
    made = await put(pushed, *(user(f"u{number}") for number in range(30)), group("g1"))
    await pushed.put_resource(replace(made[3], content={}, deleted=True, modified=NOW), made[3], tell=True)
    expected = sorted(f"u{number}" for number in range(30) if number != 3)
    assert list(await pushed.ids(SOURCE, "User")) == expected
    assert [each.id for each in await pushed.get_many(SOURCE, "User", ["u4", "u3", "no", "u0"])] == ["u4", "u0"]
    gone = await pushed.get(SOURCE, "User", "u3")
    assert gone is not None
    assert (gone.resource.deleted, gone.resource.version, gone.resource.content) == (True, 2, {})


async def test_who_comes_and_goes_has_a_version_more_and_is_unsent(pushed: Pushed) -> None:
    ids = [f"u{number:02}" for number in range(30)]
    await put(pushed, *(user(id_) for id_ in ids), group("g1"))
    await told(pushed)
    assert await pushed.change_members(SOURCE, "g1", [*ids, "nobody"], ())
    assert list(await pushed.members(SOURCE, "g1", "", 100)) == sorted([*ids, "nobody"])
    assert list(await pushed.members(SOURCE, "g1", "u01", 2)) == ["u02", "u03"]
    assert await waiting(pushed) == ids
    held = await pushed.get(SOURCE, "User", "u07")
    assert held is not None
    assert (held.resource.version, held.resource.memberships, held.groups) == (2, 1, ("g1",))
    await told(pushed)
    assert not await pushed.change_members(SOURCE, "g1", ids[:5], ["stranger"]), "nothing to do"
    assert await waiting(pushed) == []
    assert await pushed.change_members(SOURCE, "g1", (), ["u00", "u01", "nobody"])
    assert await waiting(pushed) == ["u00", "u01"]
    assert await version(pushed, "u00") == 3
    assert await pushed.holds(SOURCE, "g1", ["u00", "u02", "nobody"]) == {"u02"}


async def test_what_was_changed_while_it_was_sent_stays_unsent(pushed: Pushed) -> None:
    (first,) = await put(pushed, user("u1"))
    read = await pushed.unsent(SOURCE, 10)
    await pushed.put_resource(replace(first, content={**first.content, "title": "Dr"}), first, tell=True)
    await pushed.sent(SOURCE, read)
    assert await waiting(pushed) == ["u1"]


async def test_users_are_touched_but_not_the_deleted(pushed: Pushed) -> None:
    first, second = await put(pushed, user("u1"), user("u2"))
    await pushed.put_resource(replace(second, content={}, deleted=True), second, tell=True)
    await told(pushed)
    await pushed.touch(SOURCE, ["u1", "u2", "nobody"])
    assert await waiting(pushed) == ["u1"]
    assert [await version(pushed, id_) for id_ in ("u1", "u2")] == [first.version + 1, 2]


async def test_changes_of_one_group_and_its_users_at_once_are_all_there_in_the_end(pushed: Pushed) -> None:
    await put(pushed, *(user(f"u{number}") for number in range(4)), group("g1"), group("g2"))
    await asyncio.gather(
        pushed.change_members(SOURCE, "g1", ["u0", "u1"], ()),
        pushed.change_members(SOURCE, "g2", ["u1", "u2"], ()),
        pushed.touch(SOURCE, ["u1", "u3"]),
    )
    held = await pushed.get(SOURCE, "User", "u1")
    assert held is not None
    assert (held.resource.version, held.resource.memberships, held.groups) == (4, 2, ("g1", "g2"))


async def test_nobody_is_in_more_groups_than_a_message_holds(pushed: Pushed) -> None:
    (first,) = await put(pushed, user("u1"))
    await pushed.put_resource(replace(first, memberships=MOST_GROUPS), first, tell=True)
    await put(pushed, group("g1"))
    with pytest.raises(PermanentError, match="u1"):
        await pushed.change_members(SOURCE, "g1", ["u1"], ())


async def test_a_deleted_user_leaves_its_groups(pushed: Pushed) -> None:
    (first, *_) = await put(pushed, user("u1"), group("g1"), group("g2"))
    for id_ in ("g1", "g2"):
        await pushed.change_members(SOURCE, id_, ["u1"], ())
    await pushed.forget_memberships(SOURCE, "User", "u1", ["g1", "g2"])
    held = await pushed.get(SOURCE, "User", "u1")
    assert held is not None
    assert held.groups == ()
    assert await pushed.members(SOURCE, "g1", "", 10) == []
    assert first.id == "u1"


async def test_what_was_deleted_is_listed_by_id_with_its_time(pushed: Pushed) -> None:
    made = await put(pushed, *(user(f"u{number}") for number in range(5)), group("g1"))
    for number in (4, 0, 2):
        gone = replace(made[number], content={}, deleted=True, modified=NOW + number)
        await pushed.put_resource(gone, made[number], tell=True)
    every = [Gone("u0", NOW), Gone("u2", NOW + 2), Gone("u4", NOW + 4)]
    assert list(await pushed.gone(SOURCE, "User", "", 10)) == every
    assert list(await pushed.gone(SOURCE, "User", "u0", 1)) == every[1:2]
    assert list(await pushed.gone(SOURCE, "User", "u4", 10)) == []
    assert list(await pushed.gone(SOURCE, "Group", "", 10)) == []
    assert list(await pushed.gone("other", "User", "", 10)) == []


async def test_what_was_deleted_can_be_put_again_and_deleted_again(pushed: Pushed) -> None:
    (first,) = await put(pushed, user("u1", "ann"))
    gone = await pushed.put_resource(replace(first, content={}, deleted=True, modified=NOW), first, tell=True)
    again = await pushed.put_resource(replace(user("u1", "ann"), version=gone.version), gone, tell=True)
    assert again.version == 3
    assert await pushed.get_many(SOURCE, "User", ["u1"]) == [again]
    assert await pushed.find(SOURCE, "User", "userName", "ann") == ["u1"]
    await pushed.put_resource(replace(again, content={}, deleted=True, modified=NOW + 9), again, tell=True)
    assert list(await pushed.gone(SOURCE, "User", "", 10)) == [Gone("u1", NOW + 9)]


async def test_a_new_resource_begins_at_the_version_that_it_is_given(pushed: Pushed) -> None:
    stored = await pushed.put_resource(replace(user("u1"), version=NOW), None, tell=True)
    assert stored.version == NOW + 1
    assert await version(pushed, "u1") == NOW + 1


async def test_answers_are_kept_by_request_for_as_long_as_they_were_meant_to_be(pushed: Pushed) -> None:
    first, other = Answer("r1", "<a>ü</a>", NOW + 60), Answer("r2 #/é", "x" * LONGEST_ANSWER, NOW + 90)
    for answer in (other, first):
        await pushed.keep_answer(SOURCE, answer)
    assert list(await pushed.answers(SOURCE, 10, NOW)) == [first, other]
    assert list(await pushed.answers(SOURCE, 1, NOW)) == [first]
    assert list(await pushed.answers(SOURCE, 10, NOW, "r2 #/é")) == [other]
    assert list(await pushed.answers(SOURCE, 10, NOW + 60)) == [other]
    assert list(await pushed.answers(SOURCE, 10, NOW, "r")) == []
    assert list(await pushed.answers("other", 10, NOW)) == []
    newer = Answer("r1", "<b/>", NOW + 99)
    await pushed.keep_answer(SOURCE, newer)
    assert list(await pushed.answers(SOURCE, 10, NOW, "r1")) == [newer]


@pytest_asyncio.fixture(loop_scope="session")
async def changes(backend: Clients | None) -> AsyncIterator[tuple[Changes, Box]]:
    if backend is None:
        queue = MemoryQueue(lambda: 0.0)
        yield MemoryChanges({SOURCE: queue}), MemoryBox(queue, [0.0])
    else:
        box = await new_queue(backend, fifo=False)
        yield SourceQueues(backend, {SOURCE: box.url}), box


async def test_messages_reach_the_queue_of_their_source_however_many_and_large(changes: tuple[Changes, Box]) -> None:
    port, box = changes
    bodies = [f"{number}" for number in range(23)] + ["x" * 900_000, "ü" * 100_000]
    await port.publish(SOURCE, bodies)
    found: list[str] = []
    while taken := await box.receive():
        found += [item.body for item in taken]
        for item in taken:
            await box.delete(item)
    assert sorted(found) == sorted(bodies)


async def test_a_source_without_a_queue_is_not_silently_heard(changes: tuple[Changes, Box]) -> None:
    with pytest.raises(TransientError, match="nobody"):
        await changes[0].publish("nobody", ["x"])
