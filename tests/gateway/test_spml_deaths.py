"""Whatever dies and whatever is asked in whatever order: what is told is what is stored."""

import asyncio
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.core.errors import TransientError
from tests.gateway.spml import SPACES, add, batch, change, envelope, of, say, search, send
from tests.gateway.world import SPML_TOKEN, World
from tests.stages.deaths import Deaths

LATER = 'executionMode="asynchronous" requestID="r1"'
STEPS = {
    "add": add("new", uid="new"),
    "add without an id": add(uid="new"),
    "add what was deleted": add("gone", uid="gone"),
    "modify": change("a1", ("replace", "uid", ["anna"]), ("add", "mail", ["x"])),
    "suspend": of("suspend:suspend", "a1"),
    "delete": of("delete", "a1"),
    "batch": batch(add("new", uid="new"), of("suspend:suspend", "a1"), of("delete", "b1"), request='onError="resume"'),
    "asynchronous": add("new", LATER, uid="new"),
    "asynchronous batch": batch(add("new", uid="new"), of("delete", "b1"), request=f'onError="resume" {LATER}'),
}


async def before() -> World:
    world = World()
    for id_ in ("a1", "b1", "gone"):
        await say(world, add(id_, uid=id_))
    await say(world, of("delete", "gone"))
    return world


def take(world: World, last: dict[str, Any]) -> None:
    """Hear everything that was told, as a receiver does: the newest version of each counts."""
    for item in world.told("people"):
        if item["version"] >= last.get(item["key"], item)["version"]:
            last[item["key"]] = item


def is_so(world: World, last: dict[str, Any]) -> None:
    """The newest that was told of each object is what is stored of it."""
    assert world.pushed.waiting == {}
    assert {id_ for _, _, id_ in world.pushed.resources} == set(last)
    for (_, _, id_), stored in world.pushed.resources.items():
        told = last[id_]
        assert told["version"] == stored.version
        shown = None if stored.deleted else {**stored.content, "id": id_, "groups": []}
        assert told["fields"] == shown


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_await_and_asked_for_anything_again_all_is_told_that_is_so(step: str) -> None:
    for at in count(1):
        world, last, deaths = await before(), dict[str, Any](), Deaths()
        take(world, last)
        world.pushed.checkpoint = world.changes.checkpoint = deaths.checkpoint
        died = await deaths.kill(send(world, envelope(STEPS[step])), at)
        world.pushed.checkpoint = world.changes.checkpoint = World().changes.checkpoint
        assert (await say(world, search())).status == "success"
        take(world, last)
        is_so(world, last)
        if not died:
            return


@pytest.mark.parametrize("step", [step for step in STEPS if step != "add without an id"])
async def test_killed_at_any_await_and_repeated_a_request_has_the_effect_that_it_would_have_had(step: str) -> None:
    whole = await before()
    await send(whole, envelope(STEPS[step]))
    for at in count(1):
        world, deaths = await before(), Deaths()
        world.pushed.checkpoint = world.changes.checkpoint = deaths.checkpoint
        died = await deaths.kill(send(world, envelope(STEPS[step])), at)
        world.pushed.checkpoint = world.changes.checkpoint = World().changes.checkpoint
        answer = await say(world, STEPS[step])
        assert answer.error in ("success", "pending", "alreadyExists", "noSuchIdentifier", "customError")
        assert state(world) == state(whole)
        assert set(world.pushed.kept) == set(whole.pushed.kept)
        if not died:
            return


def state(world: World) -> Any:
    """Everything but the versions, which go on with each attempt."""
    return {place: (each.content, each.deleted) for place, each in world.pushed.resources.items()}


@pytest.mark.parametrize("step", [step for step in STEPS if "asynchronous" in step])
async def test_what_is_said_to_be_taken_has_an_answer(step: str) -> None:
    for at in count(1):
        world, deaths = await before(), Deaths()
        world.pushed.checkpoint = world.changes.checkpoint = deaths.checkpoint
        died = await deaths.kill(send(world, envelope(STEPS[step])), at)
        world.pushed.checkpoint = world.changes.checkpoint = World().changes.checkpoint
        asked = await say(world, f'<async:statusRequest asyncRequestID="r1" {SPACES}/>')
        assert died or asked.status == "success"
        if asked.status == "success":  # then it is done, and told
            assert world.pushed.waiting == {}
            assert [each.status for each in asked.inner] == ["success"]
        if not died:
            return


async def test_when_the_queue_does_not_answer_the_client_is_told_to_repeat_and_nothing_is_lost() -> None:
    world = World()

    async def broken() -> None:
        raise TransientError("no queue")

    world.changes.checkpoint = broken
    for content in (add("a1", LATER, uid="ann"), search()):
        headers = {"Content-Type": "text/xml"}
        answer = await world.ask("POST", "/spml", envelope(content), headers=headers, token=SPML_TOKEN)
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert world.pushed.kept == {}, "nothing was said to be taken"
    world.changes.checkpoint = World().changes.checkpoint
    assert (await say(world, add("a1", uid="ann"))).error == "alreadyExists"
    assert [item["key"] for item in world.told("people")] == ["a1"]


async def test_two_changes_of_one_object_at_once_are_both_there() -> None:
    world = await before()

    async def turn() -> None:
        await asyncio.sleep(0)

    world.pushed.checkpoint = turn
    changes = [change("a1", ("add", name, ["x"])) for name in ("one", "two", "three")]
    answers = await asyncio.gather(*(say(world, each) for each in (*changes, of("suspend:suspend", "a1"))))
    assert [answer.status for answer in answers] == ["success"] * 4
    newest = max(world.told("people"), key=lambda item: (item["key"] == "a1", int(item["version"])))["fields"]
    assert {"one", "two", "three"} <= set(newest["attributes"])
    assert newest["active"] is False


async def test_of_two_adds_of_one_id_or_one_name_at_once_one_is_refused() -> None:
    for one, other in ((add("x", uid="x"), add("x", uid="y")), (add("x", uid="x"), add("y", uid="X"))):
        world = World()

        async def turn() -> None:
            await asyncio.sleep(0)

        world.pushed.checkpoint = turn
        answers = await asyncio.gather(say(world, one), say(world, other))
        assert sorted(answer.error for answer in answers) == ["alreadyExists", "success"]


IDS, UIDS = st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "Y", "y", "z"])
CHANGES = st.tuples(
    st.sampled_from(["add", "delete", "replace"]), st.sampled_from(["uid", "mail", "MAIL", "objectclass"]),
    st.lists(st.sampled_from(["x", "y", "person"]), max_size=2),
)  # fmt: skip
ONE = st.one_of(
    st.builds(lambda id_, uid: add(id_, uid=uid), IDS, UIDS),
    st.builds(lambda uid: add(uid=uid), UIDS),
    st.builds(lambda id_, changes: change(id_, *changes), IDS, st.lists(CHANGES, min_size=1, max_size=3)),
    st.builds(of, st.sampled_from(["delete", "lookup", "suspend:suspend", "suspend:resume", "suspend:active"]), IDS),
)
REQUESTS = st.lists(
    ONE
    | st.builds(lambda some, on: batch(*some, request=f'onError="{on}"'), st.lists(ONE, min_size=1, max_size=4),
                st.sampled_from(["exit", "resume"])),
    max_size=15,
)  # fmt: skip


@given(REQUESTS)
@settings(max_examples=60, deadline=None)
def test_after_any_requests_what_was_told_is_what_is_stored_and_what_is_shown(requests: list[str]) -> None:
    async def run() -> None:
        world, last = World(), dict[str, Any]()
        for request in requests:
            world.now += 1
            await say(world, request)
            take(world, last)
            is_so(world, last)
        live = {id_: item["fields"] for id_, item in last.items() if item["fields"] is not None}
        assert (await say(world, search())).ids == sorted(live)
        names = [fields["userName"].casefold() for fields in live.values() if "userName" in fields]
        assert len(names) == len(set(names))
        for id_, fields in live.items():
            shown = await say(world, of("lookup", id_))
            assert shown.values == fields["attributes"]

    asyncio.run(run())
