"""feedback: an account is settled when its SP says so, once, whatever is said twice, too late or of somebody else."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest

from provisioning.core.account import Condition, Known, Phase
from provisioning.core.bell import OWN_SPAN
from provisioning.core.confirmation import Ticket, open_ticket
from provisioning.stages.feedback import Feedback, feedback
from provisioning.stages.message import Failed, Message
from tests.stages.bench import Bench, Process, decided
from tests.stages.tenant import START

DEADLINE = 600  # seconds


async def told(*, people: int = 1, sends: int = 3, **services: dict[str, Any]) -> Bench:
    """Visitors of whose badges the SP was told, and which it is to confirm; no bell is on its way."""
    badges = {"queue": {"confirm": "PT10M", "sends": sends}}
    bench = await decided("visitor", people=people, services={"badges": badges, **services})
    await bench.deliver("badges", *(f"p{number + 1}" for number in range(people)))
    bench.drain()
    return bench


def operation(bench: Bench, key: str = "p1") -> str:
    """What the account waits for the confirmation of."""
    ticket = open_ticket(bench.account("badges", key))
    assert ticket is not None
    return ticket.operation


def word(
    bench: Bench, status: str = "done", key: str = "p1", *, again: bool = False, origin: str = "badges", **fields: Any
) -> Message:
    said = {"operation": fields.pop("operation", None) or operation(bench, key), "status": status, **fields}
    body = json.dumps({"identity": bench.identity(key).id, **said})
    return Message(f"word-{key}-{status}", body, origin, again)


async def hear(bench: Bench, *messages: Message) -> Failed:
    shell = Feedback(bench.store, bench.process.policies, bench.bells, bench.say)
    return await feedback(shell, messages, int(bench.now))


def sent(bench: Bench) -> list[str]:
    """The operations of all messages to the SP."""
    return [operation for service, _, operation in bench.calls if service == "badges"]


async def wait_for(bench: Bench) -> None:
    """Let the clock come to when the account is due, and what follows from it to an end."""
    due_at = bench.account("badges").due_at
    assert due_at is not None
    bench.now = due_at
    await bench.deliver("badges")
    bench.drain()


async def test_an_account_is_not_settled_before_its_sp_says_so() -> None:
    bench = await told()
    account = bench.account("badges")
    assert (account.condition, account.known.phase) == (Condition.UNKNOWN, Phase.ABSENT)
    assert account.due_at == START + DEADLINE
    assert open_ticket(account) == Ticket(sent(bench)[0], 1, 1)
    assert await hear(bench, word(bench, remote_id="badge-77")) == frozenset()
    account = bench.account("badges")
    assert (account.condition, account.intent, account.due_at) == (Condition.SETTLED, None, None)
    assert account.known == Known(Phase.ACTIVE, "badge-77", {"login": "login-p1"})
    await bench.deliver("badges")
    assert len(sent(bench)) == 1


async def test_what_is_confirmed_is_said_without_values_and_the_reason_is_blanked() -> None:
    bench = await told()
    await hear(bench, word(bench, "rejected", reason="login-p1 is banned, ask ann@example.org"))
    account = bench.account("badges")
    assert (account.condition, account.due_at) == (Condition.PARKED, None)
    assert account.error == "rejected at the SP: … is banned, ask …"
    (line,) = bench.said("confirmed")
    assert (line["status"], line["condition"]) == ("rejected", "parked")
    assert "login-p1" not in str(line)


async def test_a_change_and_a_removal_are_confirmed_too_and_the_sp_s_name_is_kept_until_then() -> None:
    bench = await told()
    await hear(bench, word(bench, remote_id="77"))
    for kinds, phase, remote_id in ((("visitor", "staff"), Phase.ACTIVE, "77"), ((), Phase.ABSENT, None)):
        turn = bench.identity().entitlements["badges"].turn
        await bench.version(turn + 1, *kinds, login="other")
        await bench.deliver("badges")
        assert bench.account("badges").known.remote_id == "77"
        assert bench.account("badges").condition is Condition.UNKNOWN
        await hear(bench, word(bench))
        account = bench.account("badges")
        assert (account.condition, account.known.phase, account.known.remote_id) == (
            Condition.SETTLED,
            phase,
            remote_id,
        )


async def test_a_failed_operation_is_sent_again_later_and_a_rejected_one_when_something_else_is_wanted() -> None:
    bench = await told()
    first = operation(bench)
    await hear(bench, word(bench, "failed", reason="the printer is out of ink"))
    account = bench.account("badges")
    assert (account.condition, account.attempts) == (Condition.UNKNOWN, 2)
    assert account.error == "failed at the SP: the printer is out of ink"
    assert account.due_at is not None
    assert START < account.due_at < START + OWN_SPAN
    assert [bell.at for bell in bench.waiting("identities")] == [account.due_at], "the sweep may have passed there"
    await wait_for(bench)
    assert sent(bench) == [first, first]
    await hear(bench, word(bench, "rejected"))
    await bench.version(2, "visitor", login="other")
    await bench.settle(bench.now)
    assert len(sent(bench)) == 3
    assert sent(bench)[2] != first


async def test_an_operation_that_nobody_confirms_is_sent_again_and_then_parked() -> None:
    bench = await told(sends=3)
    dues = [bench.now]
    while bench.account("badges").condition is Condition.UNKNOWN:
        await wait_for(bench)
        dues.append(bench.now)
    account = bench.account("badges")
    assert (account.condition, account.error) == (Condition.PARKED, "not confirmed after 3 messages")
    assert len(set(sent(bench))) == 1
    assert len(sent(bench)) == 3
    assert [later - earlier for earlier, later in pairwise(dues)] == [600, 1200, 2400]
    assert await hear(bench, word(bench, operation=sent(bench)[0], again=True)) == frozenset()
    assert bench.account("badges").condition is Condition.PARKED, "who confirms too late is not heard"
    assert [line["why"] for line in bench.said("confirmation.ignored")] == ["of nothing that is open"]


async def test_a_confirmation_between_two_messages_of_one_operation_settles_it() -> None:
    bench = await told()
    await wait_for(bench)
    await hear(bench, word(bench))
    assert bench.account("badges").condition is Condition.SETTLED
    await hear(bench, word(bench, operation=sent(bench)[0]))
    assert bench.account("badges").condition is Condition.SETTLED
    assert len(bench.said("confirmation.ignored")) == 1


@pytest.mark.parametrize("again", [False, True])
async def test_what_is_confirmed_twice_is_written_once(again: bool) -> None:
    bench = await told()
    said = word(bench)
    await hear(bench, said)
    revision = bench.account("badges").revision
    assert await hear(bench, Message(said.id, said.body, said.origin, again)) == frozenset()
    assert bench.account("badges").revision == revision


async def test_two_words_of_one_batch_on_one_account_are_taken_one_after_the_other() -> None:
    bench = await told()
    done = word(bench)
    assert await hear(bench, done, word(bench, "rejected")) == frozenset()
    assert bench.account("badges").condition is Condition.SETTLED


async def test_a_confirmation_of_another_s_operation_changes_nothing() -> None:
    bench = await told(people=2)
    before = (bench.account("badges", "p1"), bench.account("badges", "p2"))
    assert await hear(bench, word(bench, key="p1", operation=operation(bench, "p2"))) == frozenset()
    assert (bench.account("badges", "p1"), bench.account("badges", "p2")) == before


async def test_an_sp_confirms_nothing_of_another_sp() -> None:
    bench = await told()
    before = bench.account("badges")
    assert await hear(bench, word(bench, origin="library")) == frozenset()
    assert bench.account("badges") == before
    assert "library" not in bench.store.accounts[bench.identity().id]


async def test_a_queue_that_stands_for_no_service_keeps_its_messages() -> None:
    bench = await told()
    said = word(bench, origin="campus-feedback-unknown")
    assert await hear(bench, said, word(bench, "rejected")) == frozenset({said.id})
    assert bench.account("badges").condition is Condition.PARKED, "other services are not held up"


async def test_a_confirmation_of_nobody_is_dropped_and_said() -> None:
    bench = await told()
    body = json.dumps({"operation": operation(bench), "identity": "nobody", "status": "done"})
    assert await hear(bench, Message("m", body, "badges")) == frozenset()
    assert [line["why"] for line in bench.said("confirmation.ignored")] == ["of nobody"]


async def test_of_ten_messages_one_bad_one_is_dropped_and_nine_are_taken() -> None:
    bench = await told(people=9)
    bad = ["", "[" * 50_000, json.dumps({"operation": "x", "identity": "y", "status": "maybe"})]
    for number, body in enumerate(bad):
        words = [word(bench, key=f"p{number * 3 + each}") for each in (1, 2, 3)]
        words.insert(number, Message(f"bad-{number}", body, "badges"))
        assert await hear(bench, *words) == frozenset()
    assert {bench.account("badges", f"p{number + 1}").condition for number in range(9)} == {Condition.SETTLED}
    assert [line["message"] for line in bench.said("confirmation.unreadable")] == ["bad-0", "bad-1", "bad-2"]


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
    bench.now = START + DEADLINE

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


async def test_ten_confirmations_cost_a_read_and_a_write_each_and_what_was_ignored_no_write() -> None:
    bench = await told(people=10)
    words = [word(bench, key=f"p{number + 1}") for number in range(10)]
    with bench.counted() as counted:
        await hear(bench, *words)
    assert counted == {"BatchGetItem": 1, "PutItem": 10}
    with bench.counted() as repeated:
        await hear(bench, *words)
    assert repeated == {"BatchGetItem": 1}


async def test_a_confirmed_create_costs_one_write_more_than_one_that_nobody_confirms() -> None:
    costs = []
    for options in ({}, {"confirm": "PT10M"}):
        bench = await decided("visitor", services={"badges": {"queue": options}})
        with bench.counted() as counted:
            await bench.deliver("badges")
            if options:
                await hear(bench, word(bench))
        costs.append((counted["PutItem"], counted["call"]))
    assert costs == [(2, 1), (3, 1)]
