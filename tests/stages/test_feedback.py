"""feedback: an account is settled when its SP says so, once, whatever is said twice, too late or of somebody else."""

import json
from itertools import pairwise

import pytest

from provisioning.core.account import Condition, Known, Phase
from provisioning.core.bell import OWN_SPAN
from provisioning.core.confirmation import Ticket, open_ticket
from provisioning.stages.message import Message
from tests.stages.bench import decided
from tests.stages.confirming import DEADLINE, hear, operation, sent, told, wait_for, word
from tests.stages.tenant import START


async def test_an_account_is_not_settled_before_its_sp_says_so() -> None:
    bench = await told()
    account = bench.account("badges")
    assert (account.condition, account.known.phase) == (Condition.UNKNOWN, Phase.ABSENT)
    assert DEADLINE <= (account.due_at or 0) - START <= DEADLINE * 1.1
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
    waits = [later - earlier for earlier, later in pairwise(dues)]
    # The deadline doubles, and is spread by a tenth.
    assert all(least <= waited <= least * 1.1 for waited, least in zip(waits, (600, 1200, 2400), strict=True)), waits
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
