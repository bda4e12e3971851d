"""Every stage, killed at every one of its awaits: its messages come again, and all is as if nothing had happened."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import pytest

from provisioning.core.account import Account
from provisioning.core.identity import Identity
from provisioning.stages.campaign import Step, write_step
from provisioning.stages.message import Message
from tests.stages.bench import VISIBILITY, Bench, new_bench
from tests.stages.tenant import DAY, START, affiliation, bundle, rule, says

MOST_AWAITS = 200
Outcome = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """A bench at rest, some work, and what comes again after its process died: by default the same work."""

    prepare: Callable[[], Awaitable[Bench]]
    work: Callable[[Bench, bool], Coroutine[Any, Any, Any]]


def outcome(bench: Bench) -> Outcome:
    """Everything that must not depend on who died on the way; ids by the person's key."""
    keys = {identity: key for (_, key), identity in bench.store.linked.items()}
    assert bench.store.identities.keys() == keys.keys(), "an identity that nobody can find"
    return {
        "identities": {keys[id_]: _identity(identity) for id_, identity in bench.store.identities.items()},
        "accounts": {
            (keys[id_], service): _account(account)
            for id_, accounts in bench.store.accounts.items()
            for service, account in accounts.items()
        },
        "users": {
            (service, keys[user.body["externalId"]]): {**user.body, "id": "", "externalId": ""}
            for service in ("library", "wiki")
            for user in bench.providers[service].users.values()
        },
        "counts": [len(provider.users) for provider in bench.providers.values()],
        "members": bench.members(),
        "badges": {keys[id_]: (badge["phase"], badge["values"]) for id_, badge in bench.badges.items()},
    }  # fmt: skip


def _identity(identity: Identity) -> Any:
    """Without instants: a right that vanishes ends when it is learned of, which a death delays."""
    entitlements = {name: replace(item, ended=None) for name, item in identity.entitlements.items()}
    closed = [item.affiliation.id for item in identity.closed]
    records = {source: replace(record, observed=0) for source, record in identity.records.items()}
    return records, closed, entitlements, identity.sequence, identity.due_at is None


def _account(account: Account) -> Any:
    known = replace(account.known, remote_id=None if account.known.remote_id is None else "known")
    return account.condition, account.turn, account.intent, account.error, account.due_at, known


async def play(scene: Scene, at: int, later: int) -> tuple[Bench, bool]:
    """The scene with a death at an await, after which the same messages come again so many seconds later."""
    bench = await scene.prepare()
    died = await bench.killed(scene.work(bench, False), at)
    if died:
        bench.now += later
        await scene.work(bench, True)
    await bench.settle()
    return bench, died


async def everywhere(scene: Scene, later: int, check: Callable[[Bench], None]) -> None:
    """Die at the first await, at the second, and so on until the work ends by itself: always the same outcome."""
    undisturbed, _ = await play(scene, 0, 0)
    expected = outcome(undisturbed)
    for at in range(1, MOST_AWAITS):
        bench, died = await play(scene, at, later)
        assert outcome(bench) == expected, f"killed at await {at}"
        check(bench)
        if not died:
            assert at > 4, "there were awaits to die at"
            return
    raise AssertionError("the work does not end")


def nothing_twice(bench: Bench) -> None:
    """Nobody has two accounts."""
    for service in ("library", "wiki"):
        marks = [user.body["externalId"] for user in bench.providers[service].users.values()]
        assert len(marks) == len(set(marks))


@pytest.fixture(params=[0, VISIBILITY], ids=["at once", "after the visibility time-out"])
def later(request: pytest.FixtureRequest) -> int:
    """Seconds until the dead handler's messages come again."""
    seconds: int = request.param
    return seconds


async def receives(bench: Bench, again: bool) -> None:
    messages = [says("p1", 1, "student", "staff", "visitor"), says("p2", 1, affiliation("student", START + 100))]
    assert not await bench.process.receive(*(replace(message, again=again) for message in messages))


async def test_receive(later: int) -> None:
    await everywhere(Scene(new_bench, receives), later, nothing_twice)


async def known() -> Bench:
    return await new_bench(sent=[says("p1", 1, "student"), says("p2", 1, "visitor")])


async def receives_changes(bench: Bench, again: bool) -> None:
    messages = [says("p1", 2, "staff", name="new"), says("p2", 2, "visitor", login="new"), Message("bad", "?", "hr")]
    assert not await bench.process.receive(*(replace(message, again=again) for message in messages))


async def test_receive_of_changes_and_of_what_is_rejected(later: int) -> None:
    def rejected_once(bench: Bench) -> None:
        nothing_twice(bench)
        assert [rejected.message for rejected in bench.store.kept.values()] == ["bad"]

    await everywhere(Scene(known, receives_changes), later, rejected_once)


async def a_boundary() -> Bench:
    bench = await new_bench()
    await bench.process.receive(says("p1", 1, affiliation("student", START + DAY), "staff"), says("p2", 1, "staff"))
    await bench.settle()
    bench.now = START + DAY
    return bench


async def evaluates(bench: Bench, again: bool) -> None:
    messages = [replace(bench.bell(key=key), again=again) for key in ("p1", "p2")]
    assert not await bench.process.evaluate(*messages)


async def test_evaluate(later: int) -> None:
    await everywhere(Scene(a_boundary, evaluates), later, nothing_twice)


async def wanted(*kinds: str) -> Bench:
    bench = await new_bench()
    await bench.process.receive(says("p1", 1, *kinds), says("p2", 1, *kinds))
    bench.drain()
    return bench


def delivers(service: str) -> Callable[[Bench, bool], Coroutine[Any, Any, None]]:
    async def work(bench: Bench, again: bool) -> None:
        assert not await bench.deliver(service, "p1", "p2")

    return work


async def test_deliver_that_creates_never_makes_two_accounts(later: int) -> None:
    def one_each(bench: Bench) -> None:
        assert len(bench.users()) == len(bench.providers["library"].users) == 2
        assert bench.providers["library"]._numbers == 2, "the SP made two accounts, once each"

    await everywhere(Scene(lambda: wanted("student"), delivers("library")), later, one_each)


async def test_deliver_that_creates_at_an_sp_that_allows_a_name_twice(later: int) -> None:
    async def prepare() -> Bench:
        bench = await wanted("student")
        bench.providers["library"].unique = False
        return bench

    def one_each(bench: Bench) -> None:
        assert bench.providers["library"]._numbers == 2, "the SP would have made a second account"

    await everywhere(Scene(prepare, delivers("library")), later, one_each)


async def test_a_create_whose_repetitions_die_too_never_makes_two_accounts() -> None:
    work = delivers("library")
    deaths = 0
    for first in range(1, MOST_AWAITS):
        for second in range(1, MOST_AWAITS):
            bench = await wanted("student")
            bench.providers["library"].unique = False
            died = [await bench.killed(work(bench, False), first)]
            bench.now += VISIBILITY
            died.append(await bench.killed(work(bench, True), second))
            bench.now += VISIBILITY
            await work(bench, True)
            await bench.settle()
            assert bench.users().keys() == {"login-p1", "login-p2"}
            assert bench.providers["library"]._numbers == 2, f"killed at await {first}, then at {second}"
            deaths += all(died)
            if not died[1]:
                break
        if not died[0]:
            break
    assert deaths > 100


async def test_deliver_that_makes_groups_never_makes_one_twice(later: int) -> None:
    def once(bench: Bench) -> None:
        assert [group.body["displayName"] for group in bench.providers["wiki"].groups.values()] == ["editors"]
        nothing_twice(bench)

    async def prepare() -> Bench:
        bench = await wanted("staff")
        bench.providers["wiki"].unique = False
        return bench

    await everywhere(Scene(prepare, delivers("wiki")), later, once)


async def changed() -> Bench:
    bench = await new_bench(sent=[says("p1", 1, "staff"), says("p2", 1, "staff")])
    await bench.process.receive(says("p1", 2, tags=["admin"], name="new"), says("p2", 2, "staff", name="new"))
    bench.drain()
    return bench


async def test_deliver_that_changes_values_and_groups(later: int) -> None:
    await everywhere(Scene(changed, delivers("wiki")), later, nothing_twice)


async def leaving() -> Bench:
    bench = await new_bench(sent=[says("p1", 1, "staff"), says("p2", 1, "staff", tags=["admin"])])
    await bench.process.receive(says("p1", 2), says("p2", 2, tags=["admin"]))
    bench.drain()
    return bench


async def test_deliver_that_removes(later: int) -> None:
    await everywhere(Scene(leaving, delivers("wiki")), later, nothing_twice)


async def test_deliver_to_a_queue(later: int) -> None:
    await everywhere(Scene(lambda: wanted("visitor"), delivers("badges")), later, nothing_twice)


async def limited() -> Bench:
    bench = await new_bench(bundle({"library": {"rate": 0.1}}))
    await bench.process.receive(says("p1", 1, "student"), says("p2", 1, "student"))
    bench.drain()
    return bench


async def test_deliver_within_a_budget(later: int) -> None:
    await everywhere(Scene(limited, delivers("library")), later, nothing_twice)


async def test_schedule(later: int) -> None:
    async def prepare() -> Bench:
        bench = await new_bench()
        starts = (START + DAY, START + DAY + 20)
        messages = [says(f"p{number + 1}", 1, affiliation("student", at)) for number, at in enumerate(starts)]
        await bench.process.receive(*messages)
        bench.now = START + DAY - 30
        return bench

    async def sweeps(bench: Bench, again: bool) -> None:
        await bench.sweep()

    await everywhere(Scene(prepare, sweeps), later, nothing_twice)


async def test_campaign(later: int) -> None:
    async def prepare() -> Bench:
        bench = await new_bench(sent=[says("p1", 1, "student"), says("p2", 1, "staff")])
        await bench.publish(bundle(rules=[rule("everyone", "badges", 'person.login != ""')]))
        return bench

    async def steps(bench: Bench, again: bool) -> None:
        await bench.campaign(Message("m1", write_step(Step(2, 0, segments=1))))

    await everywhere(Scene(prepare, steps), later, nothing_twice)
