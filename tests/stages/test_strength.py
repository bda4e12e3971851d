"""Strengths: values for new accounts only, and values only where the SP has none."""

from typing import Any, Final

import pytest

from provisioning.core.account import Condition
from tests.stages.bench import Bench, new_bench
from tests.stages.steps import lost_after, says_no
from tests.stages.tenant import bundle, says

CREATE: Final = {"value": "person.name", "strength": "create"}
FILL: Final = {"value": "person.name", "strength": "fill"}


async def campus(**account: Any) -> Bench:
    """A library whose accounts have a user name and these values; p1 is not known yet."""
    library = {"account": {"userName": "person.login", **account}, "adopt": "match"}
    return await new_bench(bundle({"library": library}))


def shown(bench: Bench, attribute: str = "title") -> Any:
    return bench.users()["login-p1"].get(attribute)


@pytest.mark.parametrize("value", [CREATE, FILL])
async def test_a_new_account_gets_it_and_its_later_changes_ring_nobody(value: dict[str, str]) -> None:
    bench = await campus(title=value)
    await bench.arrive(says("p1", 1, "student", name="first"))
    assert shown(bench) == "first"
    with bench.counted() as counted:
        await bench.arrive(says("p1", 2, "student", name="second"))
    assert counted == {"BatchGetItem": 1, "Query": 1, "PutItem": 1}, "the record is stored, and that is all"
    assert (shown(bench), bench.methods()) == ("first", ["POST"])


async def test_a_change_of_another_value_leaves_it_as_it_was() -> None:
    bench = await campus(title=CREATE, displayName="person.name", nickName=FILL)
    await bench.arrive(says("p1", 1, "student", name="first"))
    bench.providers["library"].users["library-1"].body["title"] = "theirs"
    await bench.arrive(says("p1", 2, "student", name="second"))
    assert bench.methods() == ["POST", "PATCH"]
    assert [shown(bench, name) for name in ("title", "nickName", "displayName")] == ["theirs", "first", "second"]


@pytest.mark.parametrize(("theirs", "result", "methods"), [("theirs", "theirs", []), ("", "new", ["PATCH"])])
async def test_a_value_that_comes_later_fills_what_is_empty_after_one_look(
    theirs: str, result: str, methods: list[str]
) -> None:
    bench = await campus(title={"value": "person.tags[0]", "strength": "fill"})
    await bench.arrive(says("p1", 1, "student"))
    bench.providers["library"].users["library-1"].body["title"] = theirs
    await bench.arrive(says("p1", 2, "student", tags=["new"]))
    assert (shown(bench), bench.methods()) == (result, ["POST", "GET", *methods])
    await bench.arrive(says("p1", 3, "student", tags=["newer"]), says("p1", 4, "student"))
    await bench.arrive(says("p1", 5, "student", tags=["newest"]))
    assert bench.methods().count("GET") == 1, "it is known to have a value"


async def test_a_value_for_new_accounts_that_comes_later_is_not_sent() -> None:
    bench = await campus(title={"value": "person.tags[0]", "strength": "create"})
    await bench.arrive(says("p1", 1, "student"))
    await bench.arrive(says("p1", 2, "student", tags=["new"]))
    assert (shown(bench), bench.methods()) == (None, ["POST"])


async def test_an_adopted_account_keeps_what_it_has_and_gets_what_it_lacks() -> None:
    bench = await campus(title=CREATE, nickName=FILL, displayName=FILL, locale=CREATE)
    bench.providers["library"].plant("login-p1", title="theirs", nickName="theirs")
    await bench.arrive(says("p1", 1, "student", name="ours"))
    attributes = ("title", "nickName", "displayName", "locale")
    assert [shown(bench, name) for name in attributes] == ["theirs", "theirs", "ours", None]


async def test_a_lost_create_is_not_repeated_with_newer_values() -> None:
    bench = await campus(title=CREATE, nickName=FILL, displayName="person.name")
    await bench.process.receive(says("p1", 1, "student", name="first"))
    bench.steps["library"].append(lost_after)
    bench.drain()
    await bench.deliver()
    await bench.version(2, "student", name="second")
    await bench.settle()
    assert [shown(bench, name) for name in ("title", "nickName", "displayName")] == ["first", "first", "second"]
    known = bench.account().known
    assert (known.values, known.filled) == ({"userName": "login-p1", "displayName": "second"}, ("nickName",))


@pytest.mark.parametrize("value", [CREATE, FILL])
async def test_an_account_that_the_sp_would_not_make_is_tried_again_with_the_next_value(value: dict[str, str]) -> None:
    bench = await campus(title=value)
    bench.steps["library"].append(says_no(400, "invalid"))
    await bench.arrive(says("p1", 1, "student", name="wrong"))
    assert bench.account().condition is Condition.PARKED
    await bench.arrive(says("p1", 2, "student", name="right"))
    assert (shown(bench), bench.account().condition) == ("right", Condition.SETTLED)


async def test_what_a_new_account_needs_may_be_lost_by_one_that_exists() -> None:
    bench = await campus(title={"value": "person.tags[0]", "strength": "create", "required": True})
    await bench.arrive(says("p1", 1, "student"))
    assert bench.account().condition is Condition.PARKED
    await bench.arrive(says("p1", 2, "student", tags=["now"]))
    await bench.arrive(says("p1", 3, "student", login="other"))
    assert bench.account().condition is Condition.SETTLED
    assert bench.users()["other"]["title"] == "now"


async def test_a_value_that_becomes_ours_is_sent_and_one_that_stops_being_ours_stays() -> None:
    bench = await campus(title=CREATE, nickName="person.name")
    await bench.arrive(says("p1", 1, "student", name="first"))
    library = {"account": {"userName": "person.login", "title": "person.name", "nickName": FILL}}
    await bench.publish(bundle({"library": library}))
    bench.now += 60  # until processes look for a newer bundle
    await bench.arrive(says("p1", 2, "student", name="second"))
    assert [shown(bench, name) for name in ("title", "nickName")] == ["second", "first"]
    await bench.arrive(says("p1", 3, "student", name="third"))
    assert [shown(bench, name) for name in ("title", "nickName")] == ["third", "first"]


async def test_a_value_that_filled_and_is_no_longer_mapped_is_left_to_the_sp() -> None:
    bench = await campus(title=CREATE, nickName=FILL)
    await bench.arrive(says("p1", 1, "student", name="first"))
    await bench.publish(bundle({"library": {"account": {"userName": "person.login"}}}))
    bench.now += 60  # until processes look for a newer bundle
    await bench.arrive(says("p1", 2, "student", name="second"))
    assert [shown(bench, name) for name in ("title", "nickName")] == ["first", "first"]
