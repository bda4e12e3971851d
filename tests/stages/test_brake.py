"""The brake of a service: a mistake takes away no more than it lets through, and an operator says what is next."""

import asyncio
from collections import Counter
from typing import Any

from provisioning.core.account import Account, Condition, Phase
from provisioning.core.brake import Lane, Share
from provisioning.core.catalog import Bundle
from provisioning.stages.campaign import steps, write_step
from provisioning.stages.holds import Holds, held, release, withdraw
from provisioning.stages.population import EVERY, population
from tests.stages.bench import Bench, new_bench
from tests.stages.linking import leaves, tells
from tests.stages.tenant import DAY, affiliation, bundle, rule, says

LEAST = 5
BRAKE: dict[str, Any] = {"window": "P1D", "removals": LEAST, "least": LEAST}
PEOPLE = [f"p{number}" for number in range(1, 51)]


def braked(**changes: Any) -> Bundle:
    """The library lets five a day through; who leaves is suspended for 30 days, and then removed."""
    return bundle({"library": {"brake": BRAKE}, "wiki": {"brake": BRAKE}}, **changes)


async def students(*kinds: Any, count: int = len(PEOPLE)) -> Bench:
    return await new_bench(braked(), [says(key, 1, *(kinds or ("student",))) for key in PEOPLE[:count]])


def active(bench: Bench) -> int:
    return sum(bool(user.body["active"]) for user in bench.providers["library"].users.values())


def holds(bench: Bench) -> Holds:
    return Holds(bench.store, bench.store, bench.bells, bench.say)


async def careless(bench: Bench) -> None:
    """Somebody publishes a rule that gives the library to nobody any more."""
    rules = [rule("readers", "library", 'affiliation.type == "studnet"')]
    await bench.publish(braked(rules=rules))
    for step in steps(2):
        bench.queues["campaign"].send(write_step(step))
    await bench.settle(bench.now + 60)


async def test_a_careless_rule_takes_away_what_the_brake_lets_through_and_the_rest_is_held_with_its_cause() -> None:
    bench = await students()
    await careless(bench)
    assert active(bench) == len(PEOPLE) - LEAST
    found = await held(holds(bench), "library", 1000)
    assert Counter(account.error for account in found) == {
        "suspension held by the brake, sudden, by policy, bundle 2": len(PEOPLE) - LEAST
    }
    await bench.settle(bench.now + 7 * DAY)
    await bench.sweep()
    await bench.settle(bench.now + 600)
    assert active(bench) == len(PEOPLE) - LEAST, "that the window has passed releases nobody"


async def test_what_is_held_dissolves_when_the_mistake_is_mended() -> None:
    bench = await students()
    await careless(bench)
    await bench.publish(braked())
    for step in steps(3):
        bench.queues["campaign"].send(write_step(step))
    await bench.settle(bench.now + 600)
    assert active(bench) == len(PEOPLE)
    assert await held(holds(bench), "library", 1000) == []
    assert {account["library"].condition for account in bench.store.accounts.values()} == {Condition.SETTLED}


async def test_an_operator_releases_some_and_then_all() -> None:
    bench = await students()
    await careless(bench)
    shell = holds(bench)
    for expected in (10, len(PEOPLE) - LEAST - 10):
        accounts = (await held(shell, "library", 1000))[:10] if expected == 10 else await held(shell, "library", 1000)
        assert await release(shell, accounts, int(bench.now), "operator") == expected
        await bench.settle(bench.now + 60)
    assert (active(bench), await held(shell, "library", 1000)) == (0, [])
    assert {account["library"].known.phase for account in bench.store.accounts.values()} == {Phase.SUSPENDED}


async def test_what_is_withdrawn_stays_until_something_else_is_wanted() -> None:
    bench = await students()
    await careless(bench)
    shell = holds(bench)
    cause = "suspension held by the brake, sudden, by policy, bundle 2"
    assert await withdraw(shell, await held(shell, "library", 1000, cause), "a mistake", "operator") == 45
    await bench.settle(bench.now + 600)
    assert active(bench) == len(PEOPLE) - LEAST
    conditions = Counter(account["library"].condition for account in bench.store.accounts.values())
    assert conditions == {Condition.PARKED: 45, Condition.SETTLED: LEAST}
    await bench.publish(braked())
    for step in steps(3):
        bench.queues["campaign"].send(write_step(step))
    await bench.settle(bench.now + 600)
    assert active(bench) == len(PEOPLE)


async def test_what_is_held_and_then_wanted_otherwise_is_asked_for_again() -> None:
    bench = await students()
    await careless(bench)
    bench.now += 2 * DAY
    (first, *_) = await held(holds(bench), "library", 1000)
    key = bench.store.identities[first.identity].records["registry"].key
    await bench.process.receive(says(key, 2, "student", name="Another"))
    await bench.settle(bench.now + 60)
    account = bench.account(key=key)
    assert (account.condition, account.known.phase, account.asked) == (Condition.SETTLED, Phase.SUSPENDED, "")
    assert active(bench) == len(PEOPLE) - LEAST - 1


async def test_ends_that_were_announced_long_before_have_a_limit_of_their_own() -> None:
    announced = {**BRAKE, "least": 20, "announced": {"ahead": "P2D"}}
    bench = await new_bench(bundle({"library": {"brake": announced}}))
    ends = int(bench.now) + 10 * DAY
    await bench.arrive(*(says(key, 1, affiliation("student", end=ends)) for key in PEOPLE[:20]))
    bench.now = ends
    await bench.process.evaluate(*(bench.bell(key=key) for key in PEOPLE[:20]))
    await bench.settle(bench.now + 60)
    assert active(bench) == 0
    brake = await bench.store.brake("library")
    assert {share: sum(buckets.values()) for share, buckets in brake.taken.items()} == {Share(Lane.ANNOUNCED): 20}


async def test_a_retry_a_redelivery_and_whoever_died_are_counted_once() -> None:
    for at in range(1, 12):
        bench = await students(count=1)
        await bench.process.receive(says("p1", 2))
        bell = bench.bell()
        bench.drain()
        died = await bench.killed(bench.process.deliver("library", bell), at)
        bench.now += 400
        for _ in range(3):
            await bench.process.deliver("library", bell)
            bench.now += 400
        brake = await bench.store.brake("library")
        assert (active(bench), sum(brake.taken[Share(Lane.SUDDEN)].values())) == (0, 1), at
        if not died:
            return
    raise AssertionError("more awaits than expected")


async def test_two_hundred_who_take_at_once_never_exceed_the_limit() -> None:
    bench = await students()
    for key in PEOPLE:
        await bench.process.receive(says(key, 2))
    bells = [bench.bell(key=key) for key in PEOPLE]
    bench.drain()
    deliveries = [bench.process.deliver("library", bell) for bell in bells for _ in range(4)]
    await asyncio.gather(*deliveries)
    assert active(bench) == len(PEOPLE) - LEAST
    assert sum((await bench.store.brake("library")).taken[Share(Lane.SUDDEN)].values()) == LEAST


async def test_memberships_that_are_lost_are_counted_one_by_one() -> None:
    bench = await new_bench(braked(), [says(key, 1, "staff", tags=["admin"]) for key in PEOPLE[:8]])
    await bench.arrive(*(says(key, 2, "staff", tags=[]) for key in PEOPLE[:8]))
    assert len(bench.members()["administrators"]) == 8 - LEAST
    (cause,) = {account.error for account in await held(holds(bench), "wiki", 100)}
    assert cause == "membership held by the brake, sudden, by notification, bundle 1"


async def test_members_that_leave_a_group_together_are_counted_too() -> None:
    content = bundle({"wiki": {"brake": BRAKE, "scim": {"member_batch": 100}}})
    bench = await new_bench(content, [says(key, 1, "staff", tags=["admin"]) for key in PEOPLE[:12]])
    await bench.process.receive(*(says(key, 2, "staff", tags=[]) for key in PEOPLE[:12]))
    await bench.settle(bench.now + 120)
    assert len(bench.members()["administrators"]) == 12 - LEAST
    shell = holds(bench)
    assert await release(shell, await held(shell, "wiki", 100), int(bench.now), "operator") == 12 - LEAST
    await bench.settle(bench.now + 600)
    assert (bench.members()["administrators"], len(bench.members()["editors"])) == ([], 12)
    assert await held(shell, "wiki", 100) == []


async def test_where_the_brake_is_off_nothing_is_counted() -> None:
    off = {"brake": {"off": "a sandbox"}}
    bench = await new_bench(bundle({"library": off}), [says(key, 1, "student") for key in PEOPLE])
    await bench.arrive(*(says(key, 2) for key in PEOPLE))
    assert (active(bench), bench.store.brakes) == (0, {})


async def test_accounts_are_counted_a_shard_at_a_time_and_raise_the_limit() -> None:
    bench = await students()
    start = int(bench.now) - int(bench.now) % EVERY
    for turn in range(bench.store.shards):
        await population(bench.process.policies, bench.store, start + turn * EVERY)
        await population(bench.process.policies, bench.store, start + turn * EVERY + 60)
    brake = await bench.store.brake("library")
    assert (sum(brake.population.values()), len(brake.population)) == (len(PEOPLE), bench.store.shards)


async def test_an_account_that_was_written_meanwhile_is_looked_at_again() -> None:
    bench = await students(count=1)
    await bench.process.receive(says("p1", 2))
    bell = bench.bell()
    bench.drain()
    real, once = bench.store.put_permits, [True]

    async def put_permits(service: str, brake: Any, accounts: list[Account]) -> None:
        if once.pop() if once else False:
            await bench.process.receive(says("p1", 3, "student"))  # they stay
            stored = bench.account()
            await bench.store.put_account(stored)
        await real(service, brake, accounts)

    bench.store.put_permits = put_permits  # type: ignore[method-assign,assignment]
    await bench.process.deliver("library", bell)
    await bench.settle(bench.now + 60)
    assert (active(bench), (await bench.store.brake("library")).taken) == (1, {})


async def test_a_mass_removal_in_one_domain_uses_up_nothing_of_anothers_share() -> None:
    asserts = {"attributes": {"login": ["*"], "name": ["*"]}, "affiliations": {"type": ["*"]}}
    sources = [
        {"id": id_, "domain": id_, "asserts": {**asserts, "keys": [f"{id_}-*"], "supports": {"library": ["*"]}}}
        for id_ in ("north", "south")
    ]
    told = {id_: ["login", "name"] for id_ in ("north", "south")}
    services = {name: {"brake": BRAKE, "receives": told} for name in ("library", "wiki", "badges")}
    people = [(id_, f"{id_}-{number}") for id_ in ("north", "south") for number in range(12)]
    here = [tells(id_, key, 1, "student", name=key, login=key) for id_, key in people]
    bench = await new_bench(bundle(services, sources=sources), here)
    assert active(bench) == 24
    await bench.arrive(*(leaves(id_, key, 2) for id_, key in people if id_ == "north"))
    assert active(bench) == 24 - LEAST
    await bench.arrive(*(leaves("south", f"south-{number}", 2) for number in range(3)))
    assert active(bench) == 24 - LEAST - 3
    brake = await bench.store.brake("library")
    assert {share.domain: sum(buckets.values()) for share, buckets in brake.taken.items()} == {"north": 5, "south": 3}
