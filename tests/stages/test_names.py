"""Names from candidates: chosen once, never given twice, whoever dies, whoever races, whatever the SP has."""

import asyncio
from typing import Any, Final

import pytest

from provisioning.core.account import LAST_NUMBER, Condition, Phase
from provisioning.core.catalog import Bundle
from provisioning.ports import Name
from provisioning.stages.names import MOST_REFUSED
from tests.stages.bench import VISIBILITY, Bench, Process, new_bench
from tests.stages.steps import lost_after, lost_before, refused, says_no
from tests.stages.tenant import bundle, says
from tests.stages.test_kill import MOST_AWAITS, Scene, everywhere, nothing_twice

BASE: Final = "person.name.ascii().lower()"
CANDIDATES: Final = {"candidates": [BASE, f"{BASE} + string(counter)"]}
ACCOUNT: Final = {"userName": CANDIDATES, "displayName": "person.name"}


def campus(account: dict[str, Any] = ACCOUNT, **library: Any) -> Bundle:
    """The tenant, with names from candidates at the library, which forgets who is suspended at once."""
    return bundle({"library": {"account": account, "lifecycle": {"retention": "PT0S"}, **library}})


async def wanting(*names: str, account: dict[str, Any] = ACCOUNT, **library: Any) -> Bench:
    """People p1, p2, … of these names for whom all is decided and nothing delivered."""
    bench = await new_bench(campus(account, **library))
    await bench.process.receive(*(says(f"p{number}", 1, "student", name=name) for number, name in enumerate(names, 1)))
    bench.drain()
    return bench


def reserved(bench: Bench) -> dict[str, str]:
    """Who has which name, by the person's key; refused names by a question mark."""
    keys = {identity: key for (_, key), identity in bench.store.linked.items()}
    return {name.value: "?" if name.refused else keys[name.identity] for name in bench.store.names.values()}


async def test_a_name_is_reserved_before_the_intent_and_the_sp_is_asked_for_it() -> None:
    bench = await wanting("Åse")
    await bench.deliver()
    assert (list(bench.users()), reserved(bench)) == (["ase"], {"ase": "p1"})
    assert bench.account().known.values == {"userName": "ase", "displayName": "Åse"}


async def test_the_second_of_a_name_gets_a_number() -> None:
    bench = await wanting("Åse", "ASE", "ase")
    for key in ("p1", "p2", "p3"):
        await bench.deliver("library", key)
    assert {name: user["displayName"] for name, user in bench.users().items()} == {
        "ase": "Åse", "ase2": "ASE", "ase3": "ase",
    }  # fmt: skip


async def test_of_many_that_race_for_one_name_each_gets_one_of_its_own() -> None:
    bench = await wanting(*["Åse"] * 6)
    keys = [f"p{number}" for number in range(1, 7)]
    await asyncio.gather(
        bench.deliver("library", *keys[:3]),
        *(Process(bench).deliver("library", bench.bell("library", key)) for key in keys[3:]),
    )  # fmt: skip
    assert sorted(bench.users()) == ["ase", "ase2", "ase3", "ase4", "ase5", "ase6"]
    assert sorted(reserved(bench).values()) == keys
    assert {user["externalId"] for user in bench.users().values()} == {bench.identity(key).id for key in keys}


async def test_two_deliveries_of_one_identity_choose_one_name() -> None:
    bench = await wanting("Åse")
    await asyncio.gather(*(Process(bench).deliver("library", bench.bell("library")) for _ in range(3)))
    await bench.settle()
    assert (list(bench.users()), reserved(bench)) == (["ase"], {"ase": "p1"})


async def test_a_name_is_kept_when_the_person_has_another_one() -> None:
    bench = await wanting("Åse")
    await bench.deliver()
    await bench.arrive(says("p1", 2, "student", name="Bo"))
    assert bench.users()["ase"]["displayName"] == "Bo"
    assert reserved(bench) == {"ase": "p1"}


async def test_nobody_inherits_a_name_and_who_returns_finds_it_again() -> None:
    bench = await wanting("Åse", "Åse")
    await bench.deliver()
    await bench.arrive(says("p1", 2, name="Åse"))
    assert (bench.users(), bench.account().known.phase) == ({}, Phase.ABSENT)
    await bench.deliver("library", "p2")
    assert list(bench.users()) == ["ase2"]
    await bench.arrive(says("p1", 3, "student", name="Åse"))
    assert sorted(bench.users()) == ["ase", "ase2"]


@pytest.mark.parametrize("step", [lost_before, lost_after])
async def test_after_a_lost_create_the_name_that_it_used_is_looked_for_and_kept(step: Any) -> None:
    bench = await wanting("Åse")
    bench.steps["library"].append(step)
    await bench.deliver()
    assert bench.account().condition is Condition.UNKNOWN
    await bench.version(2, "student", name="Bo")
    await bench.settle()
    assert {name: user["displayName"] for name, user in bench.users().items()} == {"ase": "Bo"}
    assert (reserved(bench), bench.account().condition) == ({"ase": "p1"}, Condition.SETTLED)


async def test_a_create_that_never_left_may_have_another_name_the_next_time() -> None:
    bench = await wanting("Åse")
    bench.steps["library"].append(refused)
    await bench.deliver()
    await bench.version(2, "student", name="Bo")
    await bench.settle()
    assert list(bench.users()) == ["bo"]
    assert reserved(bench) == {"ase": "p1", "bo": "p1"}


async def test_a_name_that_the_sp_has_for_somebody_else_is_passed_over_for_good() -> None:
    bench = await wanting("Åse", "Åse")
    theirs = bench.providers["library"].plant("ASE", displayName="theirs")
    await bench.deliver()
    account = bench.account()
    assert (account.condition, account.due_at) == (Condition.FAILED, int(bench.now))
    await bench.settle()
    assert (sorted(bench.users()), bench.account().condition) == (["ASE", "ase2"], Condition.SETTLED)
    assert bench.providers["library"].users[theirs].body["displayName"] == "theirs"
    del bench.providers["library"].users[theirs]
    await bench.deliver("library", "p2")
    assert (sorted(bench.users()), reserved(bench)) == (["ase2", "ase3"], {"ase": "?", "ase2": "p1", "ase3": "p2"})


async def test_a_name_that_the_sp_refuses_but_does_not_show_is_passed_over_after_a_look() -> None:
    bench = await wanting("Åse")
    bench.providers["library"].plant("ase")
    for user in bench.providers["library"].users.values():
        user.visible_at = bench.now + 10**9
    await bench.deliver()
    assert bench.account().condition is Condition.UNKNOWN
    await bench.settle()
    assert (sorted(bench.users()), bench.account().condition) == (["ase", "ase2"], Condition.SETTLED)


async def test_a_lost_create_whose_name_turns_out_to_be_another_s_gets_the_next_one() -> None:
    bench = await wanting("Åse")
    bench.steps["library"].append(lost_before)
    await bench.deliver()
    bench.providers["library"].plant("ase")
    await bench.settle()
    assert (sorted(bench.users()), bench.account().condition) == (["ase", "ase2"], Condition.SETTLED)
    assert reserved(bench) == {"ase": "?", "ase2": "p1"}


async def test_an_account_that_nobody_owns_is_adopted_by_its_name_if_the_operator_says_so() -> None:
    bench = await wanting("Åse", adopt="match")
    bench.providers["library"].plant("ase", displayName="theirs")
    await bench.deliver()
    assert bench.users()["ase"]["externalId"] == bench.identity().id
    assert bench.account().known.values["userName"] == "ase"


async def test_after_so_many_refused_names_a_person_must_look() -> None:
    bench = await wanting("Åse")
    for number in ("", *range(2, 20)):
        bench.providers["library"].plant(f"ase{number}")
    await bench.deliver()
    await bench.settle()
    account = bench.account()
    assert account.condition is Condition.PARKED
    assert account.error == f"userName: the SP has each of {MOST_REFUSED} names for somebody else"
    assert bench.methods().count("POST") == MOST_REFUSED


async def test_when_all_names_are_taken_the_account_is_parked_until_there_are_others() -> None:
    bench = await wanting("Åse")
    for number in ("", *range(2, LAST_NUMBER + 1)):
        await bench.store.reserve(Name("library", "userName", f"ase{number}", "somebody"))
    await bench.deliver()
    account = bench.account()
    assert (account.condition, account.error) == (
        Condition.PARKED, f"userName: all {LAST_NUMBER} candidates are taken",
    )  # fmt: skip
    assert bench.calls == []
    await bench.arrive(says("p1", 2, "student", name="Bo"))
    assert (list(bench.users()), bench.account().condition) == (["bo"], Condition.SETTLED)


async def test_without_any_candidate_the_account_is_parked_and_says_so() -> None:
    bench = await wanting(
        "Åse", account={"userName": {"candidates": ["person.tags[0]", "person.tags[0] + string(counter)"]}}
    )
    await bench.deliver()
    account = bench.account()
    assert (account.condition, account.error) == (Condition.PARKED, "userName: no candidate has a value")
    assert bench.store.names == {}


async def test_another_refusal_of_the_sp_parks_as_ever() -> None:
    bench = await wanting("Åse")
    bench.steps["library"].append(says_no(400, "invalid"))
    await bench.deliver()
    assert (bench.account().condition, reserved(bench)) == (Condition.PARKED, {"ase": "p1"})


async def test_a_queue_s_names_are_reserved_too() -> None:
    bench = await new_bench(bundle({"badges": {"account": {"login": CANDIDATES}}}))
    await bench.arrive(says("p1", 1, "visitor", name="Åse"), says("p2", 1, "visitor", name="ase"))
    assert sorted(badge["values"]["login"] for badge in bench.badges.values()) == ["ase", "ase2"]


async def test_an_existing_account_gets_a_name_when_its_mapping_comes_to_need_one() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student", name="Åse")])
    account = {"userName": "person.login", "nickName": CANDIDATES, "title": {**CANDIDATES, "strength": "create"}}
    await bench.publish(campus(account))
    bench.now += 60  # until processes look for a newer bundle
    await bench.arrive(says("p1", 2, "student", name="Åse"), says("p2", 1, "student", name="Åse"))
    assert bench.account().known.values == {"userName": "login-p1", "nickName": "ase"}
    assert bench.account(key="p2").known.values == {"userName": "login-p2", "nickName": "ase2", "title": "ase"}
    shown = {name: (user["nickName"], user.get("title")) for name, user in bench.users().items()}
    assert shown == {"login-p1": ("ase", None), "login-p2": ("ase2", "ase")}


# Deaths.


@pytest.fixture(params=[0, VISIBILITY], ids=["at once", "after the visibility time-out"])
def later(request: pytest.FixtureRequest) -> int:
    """Seconds until the dead handler's messages come again."""
    seconds: int = request.param
    return seconds


async def creates(bench: Bench, again: bool) -> None:
    for key in ("p1", "p2"):
        assert not await bench.deliver("library", key)


def named(*names: str) -> Any:
    """Each of the people has exactly one name, and none is lost to a death."""

    def check(bench: Bench) -> None:
        nothing_twice(bench)
        assert sorted(bench.users()) == sorted(names)
        assert sorted(name for name, key in reserved(bench).items() if key != "?") == ["ase", "ase2"][: len(names)]

    return check


async def test_whoever_dies_gets_the_same_name_when_it_is_repeated(later: int) -> None:
    await everywhere(Scene(lambda: wanting("Åse", "Åse"), creates), later, named("ase", "ase2"))


async def test_whoever_dies_at_an_sp_that_allows_a_name_twice_gets_one_account(later: int) -> None:
    async def prepare() -> Bench:
        bench = await wanting("Åse", "Åse")
        bench.providers["library"].unique = False
        return bench

    await everywhere(Scene(prepare, creates), later, named("ase", "ase2"))


@pytest.mark.parametrize("later", [0, VISIBILITY])
async def test_whoever_dies_while_the_sp_refuses_a_name_still_gets_one(later: int) -> None:
    for at in range(1, MOST_AWAITS):
        bench = await wanting("Åse")
        bench.providers["library"].plant("ase")
        died = await bench.killed(bench.deliver(), at)
        bench.now += later if died else 0
        await bench.deliver()
        await bench.settle()
        assert (sorted(bench.users()), bench.account().condition) == (["ase", "ase2"], Condition.SETTLED), at
        assert reserved(bench) == {"ase": "?", "ase2": "p1"}, at
        if not died:
            assert at > 8, "there were awaits to die at"
            return
    raise AssertionError("the work does not end")


# Costs.


async def test_a_name_costs_one_request_for_each_that_is_tried_and_a_change_none() -> None:
    bench = await wanting("Åse", "Åse")
    plain = {"BatchGetItem": 1, "call": 1}
    await bench.process.policies.current()
    with bench.counted() as first:
        await bench.deliver("library", "p1")
    assert first == {**plain, "PutItem": 2 + 1}
    with bench.counted() as second:
        await bench.deliver("library", "p2")
    assert second == {**plain, "PutItem": 2 + 2}
    await bench.process.receive(says("p1", 2, "student", name="Bo"))
    bench.drain()
    with bench.counted() as change:
        await bench.deliver("library", "p1")
    assert change == {**plain, "PutItem": 1}
