"""evaluate: bells of the clock, of a policy, of a command."""

import asyncio
from dataclasses import replace

import pytest

from provisioning.core.bell import Bell, Cause, write_bell
from provisioning.core.errors import ConflictError, StalePolicyError
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import Standing
from provisioning.stages.message import Message
from tests.stages.bench import Bench, Process, new_bench
from tests.stages.tenant import START, affiliation, bundle, rule, says

SOON = START + 100


async def begins_soon() -> Bench:
    """One student whose right begins in a hundred seconds, with no bell on its way."""
    bench = await new_bench()
    await bench.process.receive(says("p1", 1, affiliation("student", SOON)))
    bench.drain()
    return bench


def standing(bench: Bench, service: str = "library") -> Standing | None:
    entitlement = bench.identity().entitlements.get(service)
    return entitlement.standing if entitlement is not None else None


@pytest.mark.parametrize("early", [1, 0, -3600])
async def test_a_bell_a_moment_early_on_time_or_late_meets_its_boundary(early: int) -> None:
    bench = await begins_soon()
    bench.now = SOON - early
    assert await bench.process.evaluate(bench.bell(at=SOON, cause=Cause.CLOCK)) == frozenset()
    assert standing(bench) is Standing.ACTIVE
    assert [bell.service for bell in bench.waiting("library")] == ["library"]


async def test_a_bell_before_its_time_changes_nothing_and_is_rung_again_for_its_instant() -> None:
    bench = await begins_soon()
    bench.now = SOON - 2
    before = bench.identity()
    await bench.process.evaluate(bench.bell(at=SOON, cause=Cause.CLOCK))
    assert bench.identity() == before
    bench.now = SOON
    assert [bell.at for bell in bench.waiting("identities")] == [SOON]


async def test_several_bells_of_one_identity_are_one_evaluation_at_the_latest_of_their_instants() -> None:
    bench = await begins_soon()
    bench.now = SOON - 1
    with bench.counted() as costs:
        await bench.process.evaluate(bench.bell(), bench.bell(at=SOON), bench.bell())
    assert (costs["Query"], costs["PutItem"]) == (1, 1)
    assert standing(bench) is Standing.ACTIVE


async def test_whoever_is_not_known_is_passed_over_and_said() -> None:
    bench = await begins_soon()
    stranger = Message("m1", write_bell(Bell("nobody", Cause.COMMAND, "t")))
    bench.now = SOON
    assert await bench.process.evaluate(stranger, bench.bell()) == frozenset()
    assert bench.said("identity.unknown") == [{"identity": "nobody", "trace": "t"}]
    assert standing(bench) is Standing.ACTIVE


@pytest.mark.parametrize("body", ["", "no", "[]", "{}", '{"identity": "i1", "cause": "moon", "trace": "t"}'])
async def test_what_is_no_bell_is_dropped_and_said_and_the_next_is_answered(body: str) -> None:
    bench = await begins_soon()
    bench.now = SOON
    assert await bench.process.evaluate(Message("m1", body), bench.bell()) == frozenset()
    assert [fields["message"] for fields in bench.said("bell.unreadable")] == ["m1"]
    assert standing(bench) is Standing.ACTIVE


async def test_an_answered_bell_that_is_repeated_costs_one_read() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    with bench.counted() as costs:
        await bench.process.evaluate(bench.bell(), bench.bell())
    assert costs == {"Query": 1}


async def test_a_bell_of_a_new_bundle_is_never_answered_by_an_old_one() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    await bench.publish(bundle(rules=[rule("everyone", "badges", 'person.login != ""')]))
    await bench.process.evaluate(bench.bell(cause=Cause.POLICY, sequence=2))
    assert bench.identity().sequence == 2
    assert (standing(bench, "badges"), standing(bench, "library")) == (Standing.ACTIVE, Standing.SUSPENDED)


async def test_a_bell_of_a_bundle_that_cannot_be_seen_yet_comes_again_and_delays_no_other() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student"), says("p2", 1, affiliation("student", SOON))])
    early, due = bench.bell(cause=Cause.POLICY, sequence=2), bench.bell(key="p2", at=SOON)
    bench.now = SOON
    assert await bench.process.evaluate(early, due) == {early.id}
    assert bench.identity("p2").entitlements["library"].standing is Standing.ACTIVE


async def test_two_evaluations_at_once_are_as_good_as_one() -> None:
    bench = await begins_soon()
    bench.now = SOON
    await asyncio.gather(*(Process(bench).evaluate(bench.bell()) for _ in range(3)))
    revision = bench.identity().revision
    await bench.settle()
    assert (revision, bench.identity().revision, bench.methods()) == (2, 2, ["POST"])


@pytest.mark.parametrize("error", [ConflictError, StalePolicyError])
async def test_whoever_loses_a_write_reads_again(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await begins_soon()
    put, losses = bench.store.put_identity, [error("lost"), error("lost")]

    async def loses_twice(identity: Identity, link: tuple[str, str] | None = None) -> None:
        if losses:
            raise losses.pop()
        await put(identity, link)

    monkeypatch.setattr(bench.store, "put_identity", loses_twice)
    bench.now = SOON
    with bench.counted() as costs:
        assert await bench.process.evaluate(bench.bell()) == frozenset()
    assert (costs["Query"], standing(bench)) == (3, Standing.ACTIVE)


async def test_the_boundary_after_this_one_is_rung_for_if_the_sweep_may_have_passed_it() -> None:
    bench = await new_bench()
    await bench.process.receive(says("p1", 1, affiliation("student", SOON, SOON + 200)))
    bench.drain()
    bench.now = SOON
    await bench.process.evaluate(bench.bell(at=SOON))
    assert [bell.at for bell in bench.waiting("identities")] == [SOON + 200]
    bench.drain("identities")
    await bench.process.evaluate(replace(bench.bell(), again=True))
    assert [bell.at for bell in bench.waiting("identities")] == [SOON + 200]


async def test_a_life_runs_from_its_start_to_its_removal_by_its_own_bells_and_the_sweep() -> None:
    bench = await new_bench(bundle({"library": {"lifecycle": {"retention": "PT10M"}}}))
    await bench.process.receive(says("p1", 1, affiliation("student", SOON, SOON + 100)))
    await bench.settle(until=SOON - 1)
    assert bench.users() == {}
    await bench.settle(until=SOON)
    assert bench.users()["login-p1"]["active"] is True
    await bench.settle(until=SOON + 99)
    assert bench.users()["login-p1"]["active"] is True
    await bench.settle(until=SOON + 100)
    assert bench.users()["login-p1"]["active"] is False
    bench.now = SOON + 600  # the removal lay beyond the bells that writers send: the sweep rings for it
    await bench.sweep()
    await bench.settle()
    assert (bench.users(), bench.methods()[-1]) == ({}, "DELETE")
    assert bench.now == SOON + 700
