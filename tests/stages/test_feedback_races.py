"""feedback and deliver at once: a confirmation is early, late, taken twice or half, and nothing is lost or doubled."""

import asyncio

from provisioning.core.account import Condition, Known
from provisioning.stages.feedback import Feedback, feedback
from provisioning.stages.message import Failed, Message
from tests.stages.bench import Process, decided
from tests.stages.confirming import hear, operation, sent, told, wait_for, word


async def test_a_confirmation_that_is_faster_than_its_delivery_is_stored_comes_again() -> None:
    bench = await decided("visitor", services={"badges": {"queue": {"confirm": "PT10M"}}})
    early: list[tuple[Message, Failed]] = []

    async def confirm() -> None:
        said = word(bench, operation=sent(bench)[0])
        early.append((said, await hear(bench, said)))

    bench.meanwhile = confirm
    await bench.deliver("badges")
    ((said, failed),) = early
    assert failed == {said.id}
    assert await hear(bench, Message(said.id, said.body, said.origin, again=True)) == frozenset()
    assert bench.account("badges").condition is Condition.SETTLED


async def test_a_confirmation_while_the_operation_is_sent_again_loses_nothing_and_doubles_nothing() -> None:
    bench = await told()
    said = word(bench)
    bench.now = bench.account("badges").due_at or 0

    async def confirm() -> None:
        assert await hear(bench, said) == frozenset()

    bench.meanwhile = confirm
    await bench.deliver("badges")
    account = bench.account("badges")
    assert (account.condition, account.error) == (Condition.UNKNOWN, "two deliveries at once")
    await wait_for(bench)
    await hear(bench, word(bench))
    assert bench.account("badges").condition is Condition.SETTLED
    assert len(set(sent(bench))) == 1


async def test_two_handlers_of_one_confirmation_write_it_once() -> None:
    bench = await told()
    said = word(bench)
    shells = [Feedback(bench.store, Process(bench).policies, bench.bells, bench.say) for _ in range(3)]
    await asyncio.gather(*(feedback(shell, [said], int(bench.now)) for shell in shells))
    assert len(bench.said("confirmed")) == 1
    assert bench.account("badges").condition is Condition.SETTLED


async def test_a_newer_wish_does_not_wait_for_the_confirmation_of_an_older_one() -> None:
    bench = await told()
    older = operation(bench)
    await bench.version(2)
    await bench.deliver("badges")
    assert bench.badges[bench.identity().id]["phase"] == "absent"
    assert operation(bench) != older
    assert await hear(bench, word(bench, operation=older)) == frozenset()
    assert bench.account("badges").condition is Condition.UNKNOWN
    await hear(bench, word(bench))
    assert (bench.account("badges").condition, bench.account("badges").known) == (Condition.SETTLED, Known())


async def test_the_same_wish_is_not_sent_twice_while_it_waits() -> None:
    bench = await told()
    for _ in range(3):
        await bench.deliver("badges")
    assert len(sent(bench)) == 1


async def test_a_confirmation_of_what_is_not_wanted_any_more_rings_for_what_is() -> None:
    bench = await told()
    await bench.version(2)
    bench.drain()  # the doorbell of the newer wish was lost
    assert await hear(bench, word(bench)) == frozenset()
    assert [bell.service for bell in bench.waiting("badges")] == ["badges"]
    await bench.settle(bench.now)
    assert bench.badges[bench.identity().id]["phase"] == "absent"


async def test_who_waits_for_the_account_is_rung_when_it_is_confirmed_also_by_who_died_before() -> None:
    bench = await decided(
        "visitor", "student", services={"badges": {"queue": {"confirm": "PT10M"}}, "library": {"requires": ["badges"]}}
    )
    await bench.deliver("badges")
    await bench.deliver("library")
    bench.drain()
    assert bench.methods("library") == []
    said = word(bench)
    await hear(bench, said)
    bench.drain()  # it died before it rang
    assert await hear(bench, Message(said.id, said.body, said.origin, again=True)) == frozenset()
    await bench.settle(bench.now)
    assert bench.methods("library") == ["POST"]


async def test_a_process_that_dies_anywhere_in_a_confirmation_leaves_it_to_be_taken_again() -> None:
    for at in range(1, 20):
        bench = await told()
        said = word(bench)
        died = await bench.killed(hear(bench, said), at)
        again = Message(said.id, said.body, said.origin, again=True)
        assert await hear(bench, *([again] if died else [])) == frozenset()
        assert bench.account("badges").condition is Condition.SETTLED
        assert len(sent(bench)) == 1
        if not died:
            assert at > 2
            return
    raise AssertionError("it never came to its end")
