"""campaign: everyone is rung for the new bundle, a page at a time."""

from collections import Counter

import pytest

from provisioning.core.bell import Cause
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.lifecycle import Standing
from provisioning.stages import campaign
from provisioning.stages.campaign import Step, read_step, steps, write_step
from provisioning.stages.message import Message
from tests.stages.bench import Bench, Process, new_bench
from tests.stages.tenant import bundle, rule, says

PEOPLE = 30


async def campus(monkeypatch: pytest.MonkeyPatch, page: int = 3) -> Bench:
    """Thirty people, and pages of a few."""
    monkeypatch.setattr(campaign, "PAGE", page)
    bench = await new_bench()
    for first in range(0, PEOPLE, 10):
        await bench.process.receive(*(says(f"p{first + number}", 1, "student") for number in range(10)))
    bench.drain()
    return bench


async def walk(bench: Bench, *begun: Step) -> Counter[str]:
    """Take all steps until none is left; how often each identity was rung."""
    for step in begun:
        bench.queues["campaign"].send(write_step(step))
    while batch := bench.queues["campaign"].receive():
        for item in batch:
            await bench.campaign(Message(item.id, item.body))
            bench.queues["campaign"].delete(item.receipt)
    return Counter(bell.identity for bell in bench.waiting("identities"))


async def test_everyone_is_rung_once_for_the_bundle_page_after_page(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await campus(monkeypatch)
    rung = await walk(bench, *steps(7))
    assert rung == Counter(bench.store.identities.keys())
    assert {(bell.cause, bell.sequence, bell.trace) for bell in bench.waiting("identities")} == {
        (Cause.POLICY, 7, "campaign-7")
    }
    assert len(bench.said("campaign.step")) > len(steps(7))


async def test_one_message_is_one_page_and_its_continuation(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await campus(monkeypatch, page=4)
    await bench.campaign(Message("m1", write_step(Step(1, 0, segments=1))))
    assert len(bench.waiting("identities")) == 4
    (body,) = bench.queues["campaign"].bodies()
    following = read_step(body)
    assert (following.sequence, following.segment, following.segments) == (1, 0, 1)
    assert following.start is not None


async def test_a_segment_without_anybody_ends_at_once() -> None:
    bench = await new_bench()
    await bench.campaign(Message("m1", write_step(Step(1, 0))))
    assert [len(bench.queues[name]) for name in ("identities", "campaign")] == [0, 0]


async def test_a_step_whose_bells_are_refused_is_taken_again_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await campus(monkeypatch)

    async def unavailable(*_: object) -> None:
        raise TransientError("throttled")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(bench.bells), "ring", unavailable)
        with pytest.raises(TransientError):
            await bench.campaign(Message("m1", write_step(Step(1, 0, segments=1))))
    assert len(bench.queues["campaign"]) == 0
    rung = await walk(bench, Step(1, 0, segments=1))
    assert rung == Counter(bench.store.identities.keys())


async def test_a_new_bundle_reaches_everyone_whatever_their_process_has_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await campus(monkeypatch)
    await bench.publish(bundle(rules=[rule("everyone", "badges", 'person.login != ""')]))
    await walk(bench, *steps(2))
    await bench.settle()
    assert {identity.sequence for identity in bench.store.identities.values()} == {2}
    assert len(bench.badges) == PEOPLE
    standings = {identity.entitlements["library"].standing for identity in bench.store.identities.values()}
    assert standings == {Standing.SUSPENDED}


async def test_whoever_an_old_process_creates_meanwhile_is_found_by_the_verifying_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = await campus(monkeypatch)
    old = bench.process
    await old.policies.current()
    await bench.publish(bundle(rules=[rule("everyone", "badges", 'person.login != ""')]))
    await walk(bench, *steps(2))
    await old.receive(says("late", 1, "student"))
    bench.process = Process(bench)
    await bench.settle()
    assert bench.identity("late").sequence == 1
    bench.now += campaign.VERIFYING
    await walk(bench, *steps(2))
    await bench.settle()
    assert bench.identity("late").sequence == 2
    assert bench.identity("late").id in bench.badges


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"sequence": "x", "segment": 0, "segments": 1}'])
def test_what_is_no_step_is_refused_with_what_would_be_right(body: str) -> None:
    with pytest.raises(InvalidError, match="not a campaign's step"):
        read_step(body)
