"""Two people who both have accounts become one, and two again: nobody loses an account, whatever is under way."""

import json
from collections.abc import Awaitable, Callable

import pytest

from provisioning.core.account import Condition, Phase
from provisioning.core.errors import InvalidError
from provisioning.core.linking import Answer
from provisioning.stages.answer import Answering, part, unite
from provisioning.stages.forward import found_at
from provisioning.stages.message import Message
from tests.stages.bench import Bench, new_bench
from tests.stages.confirming import hear
from tests.stages.linking import ADA, consistent, federation, leaves, persons, tells, together
from tests.stages.reconciling import Rig
from tests.stages.tenant import DAY

_GIVEN = {"student": "library", "staff": "wiki", "visitor": "badges"}


def shell(bench: Bench) -> Answering:
    return Answering(bench.process.receiving.decide, bench.bells)


async def two(*kinds: str, same: str = "student", other: str = "staff") -> Bench:
    """Registry's p1 and hr's h1, who have one ORCID and two birth days; each with an account."""
    bench = await new_bench(federation())
    await bench.arrive(tells("registry", "p1", 1, same, orcid=ADA, birth="1970-01-01", name="Ada"))
    await bench.arrive(tells("hr", "h1", 1, other, *kinds, orcid=ADA, birth="1971-01-01", name="Ada"))
    return bench


def of(bench: Bench, source: str, key: str) -> str:
    return bench.store.linked[source, key]


async def merge(bench: Bench) -> str:
    """hr's goes into registry's."""
    return await unite(shell(bench), of(bench, "hr", "h1"), of(bench, "registry", "p1"), int(bench.now))


async def passes(bench: Bench, seconds: int) -> None:
    """Let time pass, as the clock has it: whatever is due meanwhile is rung."""
    until = bench.now + seconds
    await bench.settle(bench.now)
    while True:
        instants = [each.due_at for each in bench.store.identities.values()]
        instants += [each.due_at for some in bench.store.accounts.values() for each in some.values()]
        due = [at for at in instants if at is not None and at <= until]
        if not due:
            break
        bench.now = max(bench.now, min(due))
        await bench.sweep()
        await bench.settle(bench.now)
        bench.now += 1
    bench.now = until
    await bench.settle(until)


def ids(bench: Bench, service: str) -> dict[str, str]:
    """The SP's own id of every account that is active there, by its owner's mark."""
    users = bench.providers[service].users.values()
    return {user.body["externalId"]: user.id for user in users if user.body["active"]}


def creates(bench: Bench) -> int:
    return sum(method == "POST" and path == "/Users" for _, method, path in bench.calls)


async def test_whoever_goes_takes_their_accounts_along_and_the_sp_sees_the_same_ones() -> None:
    bench = await two("visitor")
    stays, goes = of(bench, "registry", "p1"), of(bench, "hr", "h1")
    before, calls = {name: ids(bench, name) for name in ("library", "wiki")}, creates(bench)
    assert await merge(bench) == stays
    await passes(bench, 3600)
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    assert {name: ids(bench, name) for name in ("library", "wiki")} == before
    assert creates(bench) == calls
    accounts = bench.store.accounts[stays]
    assert {name: (each.condition, each.known.phase, each.subject) for name, each in accounts.items()} == {
        "library": (Condition.SETTLED, Phase.ACTIVE, stays),
        "wiki": (Condition.SETTLED, Phase.ACTIVE, goes),
        "badges": (Condition.SETTLED, Phase.ACTIVE, goes),
    }
    assert (await found_at(bench.store, goes)).identity == bench.store.identities[stays]
    consistent(bench)


async def test_a_change_after_the_merge_reaches_the_account_that_came_along() -> None:
    bench = await two()
    await merge(bench)
    await passes(bench, 3600)
    await bench.arrive(tells("registry", "p1", 2, "student", orcid=ADA, birth="1970-01-01", name="Ada Byron"))
    await passes(bench, 3600)
    assert {user["displayName"] for name in ("library", "wiki") for user in bench.users(name).values()} == {"Ada Byron"}


async def test_whoever_leaves_both_loses_what_came_along_too() -> None:
    bench = await two("visitor")
    await merge(bench)
    await passes(bench, 3600)
    for source, key in (("registry", "p1"), ("hr", "h1")):
        await bench.arrive(leaves(source, key, 5))
    await passes(bench, 400 * DAY)
    assert not bench.users("library")
    assert not bench.users("wiki")
    assert [content["phase"] for content in bench.badges.values()] == ["absent"]


async def test_where_both_have_an_account_the_second_ends_like_any_whose_right_has_ended() -> None:
    bench = await two(other="student")
    stays, goes = of(bench, "registry", "p1"), of(bench, "hr", "h1")
    assert len(ids(bench, "library")) == 2
    await merge(bench)
    await passes(bench, 3600)
    assert set(ids(bench, "library")) == {stays}, "suspended, and not gone"
    assert len(bench.users()) == 2
    await passes(bench, 31 * DAY)
    assert set(ids(bench, "library")) == {stays}
    assert len(bench.users()) == 1
    assert bench.store.accounts[goes]["library"].known.phase is Phase.ABSENT
    consistent(bench)


@pytest.mark.parametrize("other", ["staff", "student", "visitor"])
async def test_a_split_gives_back_what_the_merge_took(other: str) -> None:
    bench = await two(other=other)
    service = _GIVEN[other]
    before = {name: ids(bench, name) for name in ("library", "wiki")}
    goes, calls = of(bench, "hr", "h1"), creates(bench)
    await merge(bench)
    await passes(bench, 3600)
    assert await part(shell(bench), "hr", "h1", int(bench.now)) == goes
    await passes(bench, 3600)
    assert persons(bench) == together(["registry/p1"], ["hr/h1"])
    assert {name: ids(bench, name) for name in ("library", "wiki")} == before
    assert creates(bench) == calls
    account = bench.store.accounts[goes][service]
    assert (account.condition, account.known.phase, account.mark) == (Condition.SETTLED, Phase.ACTIVE, "")
    assert not bench.store.identities[goes].forward
    consistent(bench)


async def test_whoever_was_split_is_not_matched_again_on_the_same_evidence() -> None:
    bench = await two()
    await merge(bench)
    await passes(bench, 3600)
    await part(shell(bench), "hr", "h1", int(bench.now))
    await passes(bench, 3600)
    for version, orcid in ((2, None), (3, ADA)):
        await bench.arrive(tells("hr", "h1", version, "staff", orcid=orcid, birth="1970-01-01"))
    assert persons(bench) == together(["registry/p1"], ["hr/h1"])
    assert {each.answer for each in bench.store.asked.values()} == {Answer.SEPARATE}


async def test_a_record_that_was_linked_when_it_came_leaves_as_a_new_person() -> None:
    bench = await new_bench(federation())
    await bench.arrive(tells("registry", "p1", 1, "student", orcid=ADA))
    await bench.arrive(tells("hr", "h1", 1, "staff", orcid=ADA))
    assert persons(bench) == together(["registry/p1", "hr/h1"])
    stays = of(bench, "registry", "p1")
    new = await part(shell(bench), "hr", "h1", int(bench.now))
    await passes(bench, 3600)
    assert persons(bench) == together(["registry/p1"], ["hr/h1"])
    assert (set(ids(bench, "library")), set(ids(bench, "wiki"))) == ({stays}, {new}), "who has the right has an account"
    with pytest.raises(InvalidError, match="all of its records"):
        await part(shell(bench), "hr", "h1", int(bench.now))
    consistent(bench)


async def test_what_was_merged_twice_is_found_and_comes_back_step_by_step() -> None:
    bench = await two()
    await bench.arrive(tells("grid", "g1", 1, "visitor"))
    first, second, third = of(bench, "hr", "h1"), of(bench, "registry", "p1"), of(bench, "grid", "g1")
    await merge(bench)
    await passes(bench, 3600)
    await unite(shell(bench), second, third, int(bench.now))
    await passes(bench, 3600)
    assert (await found_at(bench.store, first)).identity == bench.store.identities[third]
    subjects = {name: each.subject for name, each in bench.store.accounts[third].items() if each.may_exist}
    assert subjects == {"wiki": first, "library": second, "badges": third}
    await part(shell(bench), "registry", "p1", int(bench.now))
    await passes(bench, 3600)
    assert persons(bench) == together(["registry/p1", "hr/h1"], ["grid/g1"])
    assert (set(ids(bench, "library")), set(ids(bench, "wiki"))) == ({second}, {first})
    assert bench.store.accounts[second]["wiki"].mark == first
    consistent(bench)


async def test_two_of_one_source_are_not_merged() -> None:
    bench = await new_bench(federation())
    await bench.arrive(tells("hr", "h1", 1, "staff"), tells("hr", "h2", 1, "staff"))
    with pytest.raises(InvalidError, match="both have a record of hr"):
        await unite(shell(bench), of(bench, "hr", "h1"), of(bench, "hr", "h2"), int(bench.now))
    with pytest.raises(InvalidError, match="one person already"):
        await unite(shell(bench), of(bench, "hr", "h1"), of(bench, "hr", "h1"), int(bench.now))
    with pytest.raises(InvalidError, match="no such person"):
        await unite(shell(bench), "nobody", of(bench, "hr", "h1"), int(bench.now))
    with pytest.raises(InvalidError, match="nobody is known as hr/h9"):
        await part(shell(bench), "hr", "h9", int(bench.now))


@pytest.mark.parametrize("act", ["merge", "split"])
async def test_a_change_that_is_under_way_meanwhile_is_not_lost(act: str) -> None:
    bench = await two()
    if act == "split":
        await merge(bench)
        await passes(bench, 3600)
    bench.meanwhile = _acting(bench, act)
    # While they are one, registry's word comes first.
    if act == "merge":
        change = tells("hr", "h1", 2, "staff", orcid=ADA, birth="1971-01-01", name="Countess")
    else:
        change = tells("registry", "p1", 2, "student", orcid=ADA, birth="1970-01-01", name="Countess")
    await bench.process.receive(change)
    await passes(bench, 2 * 3600)
    assert bench.meanwhile is None
    expected = together(["registry/p1", "hr/h1"]) if act == "merge" else together(["registry/p1"], ["hr/h1"])
    assert persons(bench) == expected
    owner = of(bench, "hr", "h1")
    assert [user["displayName"] for user in bench.users("wiki").values()] == ["Ada"]
    account = bench.store.accounts[owner]["wiki"]
    assert (account.condition, account.intent) == (Condition.SETTLED, None)
    consistent(bench)


async def test_an_account_that_is_being_made_meanwhile_is_made_once() -> None:
    bench = await new_bench(federation())
    await bench.arrive(tells("registry", "p1", 1, "student"))
    bench.meanwhile = _acting(bench, "merge")
    await bench.process.receive(tells("hr", "h1", 1, "staff"))
    await passes(bench, 2 * 3600)
    assert bench.meanwhile is None
    assert len(bench.users("wiki")) == 1
    account = bench.store.accounts[of(bench, "registry", "p1")]["wiki"]
    assert (account.condition, account.known.phase) == (Condition.SETTLED, Phase.ACTIVE)


def _acting(bench: Bench, act: str) -> Callable[[], Awaitable[object]]:
    async def acting() -> object:
        return await (merge(bench) if act == "merge" else part(shell(bench), "hr", "h1", int(bench.now)))

    return acting


async def test_an_sp_that_confirms_by_the_old_subject_is_understood() -> None:
    services = {"badges": {"queue": {"confirm": "PT10M", "sends": 3}}}
    bench = await new_bench(federation(services=services))
    await bench.arrive(tells("registry", "p1", 1, "student"), tells("hr", "h1", 1, "visitor"))
    await merge(bench)
    for _ in range(3):
        bench.now += 120
        await bench.sweep()
        await bench.settle(bench.now)
    account = bench.store.accounts[of(bench, "registry", "p1")]["badges"]
    (sent,) = bench.badges
    assert (sent, account.condition) == (account.subject, Condition.UNKNOWN)
    last = [operation for service, _, operation in bench.calls if service == "badges"][-1]
    body = json.dumps({"identity": sent, "operation": last, "status": "done"})
    assert await hear(bench, Message("word", body, "badges")) == frozenset()
    account = bench.store.accounts[of(bench, "registry", "p1")]["badges"]
    assert (account.condition, account.known.phase) == (Condition.SETTLED, Phase.ACTIVE)


@pytest.mark.parametrize("act", ["merge", "split"])
async def test_whoever_dies_in_between_has_done_all_of_it_or_nothing(act: str) -> None:
    for at in range(1, 60):
        bench = await two(other="student")
        if act == "split":
            await merge(bench)
            await passes(bench, 3600)
        expected = together(["registry/p1", "hr/h1"]) if act == "merge" else together(["registry/p1"], ["hr/h1"])
        died = await bench.killed(_acting(bench, act)(), at)  # type: ignore[arg-type]  # a coroutine
        consistent(bench)
        if persons(bench) != expected:
            await _acting(bench, act)()
        await passes(bench, 2 * 3600)
        assert persons(bench) == expected
        active = {of(bench, "registry", "p1"), of(bench, "hr", "h1")}
        assert set(ids(bench, "library")) == active, at
        if not died:
            return
    raise AssertionError("more awaits than expected")


async def test_reconciliation_knows_what_came_along_by_the_mark_that_it_bears() -> None:
    repair = {"reconcile": {"drifted": "repair", "missing": "repair", "orphan": "park"}}
    bench = await new_bench(federation(services={"wiki": repair}))
    await bench.arrive(tells("registry", "p1", 1, "student"), tells("hr", "h1", 1, "staff"))
    await merge(bench)
    await passes(bench, 3600)
    before = ids(bench, "wiki")
    assert (await Rig(bench, "wiki").mend())["counts"] == {"settled": 1}
    assert (ids(bench, "wiki"), creates(bench)) == (before, 2)
