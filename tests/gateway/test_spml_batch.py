"""Several requests as one, and requests that are answered later."""

from tests.gateway.spml import SPACES, add, batch, change, of, say
from tests.gateway.world import World


async def test_a_batch_is_done_in_its_order_up_to_its_first_failure_or_to_its_end(world: World) -> None:
    requests = (add("a1", 'requestID="r1"', uid="ann"), add("a1", 'requestID="r2"', uid="bob"), add("c1", uid="cid"))
    stopped = await say(world, batch(*requests))
    assert (stopped.status, [each.error for each in stopped.inner]) == ("failure", ["success", "alreadyExists"])
    assert [each.element.get("requestID") for each in stopped.inner] == ["r1", "r2"]
    resumed = await say(world, batch(*requests, request='onError="resume" processing="parallel"'))
    assert [each.error for each in resumed.inner] == ["alreadyExists", "alreadyExists", "success"]
    done = await say(world, batch(change("a1", ("add", "x", ["y"])), of("suspend:suspend", "a1"), of("lookup", "a1")))
    assert (done.status, len(done.inner)) == ("success", 3)
    assert done.inner[2].values == {"uid": ["ann"], "x": ["y"]}
    assert {item["key"] for item in world.told("people")} == {"a1", "c1"}


async def test_what_a_batch_may_be_is_bounded(world: World) -> None:
    assert (await say(world, batch(*(of("lookup", "x") for _ in range(201))))).error == "customError"
    big = ["x" * 50_000]
    await say(world, add("a1", uid="ann", note=big))
    full = await say(world, batch(*(of("lookup", "a1") for _ in range(40)), change("a1", ("add", "x", ["y"])),
                                  request='onError="resume"'))  # fmt: skip
    assert [each.error for each in full.inner[:2]] == ["success", "success"]
    assert full.inner[39].error == "resultSetToLarge"
    assert (full.inner[40].error, full.inner[40].ids) == ("success", ["a1"]), (
        "what changes is done, and shown by its id"
    )


async def test_an_asynchronous_request_is_done_and_its_answer_is_there_for_a_day(world: World) -> None:
    later = 'executionMode="asynchronous" requestID="r1"'
    taken = await say(world, add("a1", later, uid="ann"))
    assert (taken.status, taken.element.get("requestID"), list(taken.element)) == ("pending", "r1", [])
    assert [item["key"] for item in world.told("people")] == ["a1"]
    status = f'<async:statusRequest asyncRequestID="r1" returnResults="true" {SPACES}/>'
    told = await say(world, status)
    assert (told.element.get("asyncRequestID"), told.inner[0].status, told.inner[0].id) == ("r1", "success", "a1")
    brief = await say(world, status.replace("true", "false"))
    assert (brief.inner[0].status, list(brief.inner[0].element)) == ("success", [])
    cancel = f'<async:cancelRequest asyncRequestID="r1" {SPACES}/>'
    answer = await say(world, cancel)
    assert answer.error == "noSuchRequest"
    world.now += 86401
    assert (await say(world, status)).error == "noSuchRequest"


async def test_a_failure_of_an_asynchronous_request_is_told_when_it_is_asked_for(world: World) -> None:
    taken = await say(world, of("delete", "never", 'executionMode="asynchronous"'))
    given = taken.element.get("requestID")
    assert taken.status == "pending"
    told = await say(world, f'<async:statusRequest asyncRequestID="{given}" returnResults="true" {SPACES}/>')
    assert (told.status, told.inner[0].error) == ("success", "noSuchIdentifier")
    every = await say(world, f"<async:statusRequest {SPACES}/>")
    assert [each.element.get("requestID") for each in every.inner] == [given]


async def test_a_large_answer_is_kept_by_the_ids_of_its_objects(world: World) -> None:
    adds = [add(f"a{number}", uid=f"a{number}", note="x" * 90_000) for number in range(4)]
    await say(world, batch(*adds, request='executionMode="asynchronous" requestID="r1"'))
    told = await say(world, f'<async:statusRequest asyncRequestID="r1" returnResults="true" {SPACES}/>')
    (answer,) = told.inner
    assert [each.ids for each in answer.inner] == [[f"a{number}"] for number in range(4)]
