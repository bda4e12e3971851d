"""receive: versions, races, rejections, and rings that a crash does not lose."""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from provisioning.adapters.memory.source import MemorySource
from provisioning.core.bell import Cause
from provisioning.core.catalog import Source
from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import Standing
from provisioning.core.source import Item
from provisioning.stages.message import Message
from provisioning.stages.receive import receive
from tests.stages.bench import Bench, Process, new_bench
from tests.stages.tenant import DAY, SOURCE, START, affiliation, bundle, rule, says


async def test_a_new_person_is_linked_and_the_services_that_the_rules_give_are_rung() -> None:
    bench = await new_bench()
    assert await bench.process.receive(says("p1", 1, "student", "staff")) == frozenset()
    assert bench.identity().entitlements.keys() == {"library", "wiki"}
    for service in ("library", "wiki"):
        (bell,) = bench.waiting(service)
        assert (bell.identity, bell.cause, bell.trace) == (bench.identity().id, Cause.NOTIFICATION, "p1.1")
    assert not bench.waiting("badges")


async def test_whoever_has_no_rights_is_remembered_and_rings_nobody() -> None:
    bench = await new_bench()
    await bench.process.receive(says("p1", 1))
    assert (bench.identity().records[SOURCE].version, bench.identity().entitlements) == (1, {})
    assert [len(queue) for queue in bench.queues.values()] == [0] * len(bench.queues)


async def test_the_sources_version_orders_and_not_arrival() -> None:
    bench = await new_bench(sent=[says("p1", 2, "student")])
    with bench.counted() as costs:
        assert await bench.process.receive(says("p1", 1, "staff")) == frozenset()
    assert costs == {"BatchGetItem": 1, "Query": 1}
    assert bench.identity().records[SOURCE].version == 2
    assert [fields["version"] for fields in bench.said("record.older")] == [1]


@pytest.mark.parametrize("version", [1, 2])
async def test_an_equal_or_older_version_repeats_the_rings_that_a_crash_lost(version: int) -> None:
    bench = await new_bench()
    await bench.process.receive(says("p1", 2, "student"))
    bench.drain("library")
    assert await bench.process.receive(replace(says("p1", version, "student"), again=True)) == frozenset()
    assert [bell.service for bell in bench.waiting("library")] == ["library"]


async def test_several_versions_of_one_person_in_a_batch_are_one_evaluation_of_the_newest() -> None:
    bench = await new_bench(sent=[says("p1", 1)])
    with bench.counted() as costs:
        await bench.process.receive(*(says("p1", version, "student", name=f"n{version}") for version in (3, 4, 2)))
    assert (costs["Query"], costs["PutItem"]) == (1, 1)
    record = bench.identity().records[SOURCE]
    assert (record.version, record.attributes["name"]) == (4, "n4")


async def test_what_cannot_be_understood_is_kept_with_its_reason_and_the_others_go_on() -> None:
    bench = await new_bench()
    bad = Message("bad", '{"specversion": "1.0", "id": "e1", "data": {"key": "p2"}}', SOURCE)
    assert await bench.process.receive(bad, says("p1", 1, "student")) == frozenset()
    (rejected,) = await bench.store.rejections(SOURCE, 10)
    assert (rejected.message, rejected.body, rejected.at) == ("bad", bad.body, START)
    assert rejected.reason.startswith("data.version: the record has no usable version (a whole number")
    assert bench.identity().records[SOURCE].version == 1


async def test_two_sources_are_two_subjects_until_somebody_links_them() -> None:
    bench = await new_bench()
    await bench.process.receive(says("p1", 1, "student"), replace(says("p1", 1, "staff"), id="m2", origin="hr"))
    assert bench.store.linked.keys() == {(SOURCE, "p1"), ("hr", "p1")}
    assert len(bench.store.identities) == 2


async def test_two_that_link_one_key_at_the_same_time_make_one_identity_with_the_newer_version() -> None:
    bench = await new_bench()
    one, other = Process(bench), Process(bench)
    failed = await asyncio.gather(
        one.receive(says("p1", 1, "student")), other.receive(says("p1", 2, "student", name="later"))
    )
    assert not any(failed)
    assert len(bench.store.identities) == 1
    assert bench.identity().records[SOURCE].attributes["name"] == "later"


async def test_whoever_loses_the_race_for_an_identity_reads_it_again_and_decides_again() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    one, other = Process(bench), Process(bench)
    await asyncio.gather(one.receive(says("p1", 3, "staff")), other.receive(says("p1", 2, "visitor")))
    record = bench.identity().records[SOURCE]
    assert (record.version, [item.id for item in record.affiliations]) == (3, ["staff"])
    assert bench.identity().entitlements["wiki"].standing is Standing.ACTIVE


async def test_a_race_that_does_not_end_leaves_its_message_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await new_bench()
    put = bench.store.put_identity

    async def lost(identity: Identity, link: tuple[str, str] | None = None) -> None:
        if link == (SOURCE, "p1"):
            raise ConflictError("somebody else wrote first")
        await put(identity, link)

    monkeypatch.setattr(bench.store, "put_identity", lost)
    assert await bench.process.receive(says("p1"), says("p2", 1, "student")) == {"p1.1"}
    assert bench.identity("p2").entitlements.keys() == {"library"}
    assert [fields["reason"] for fields in bench.said("receive.failed")]


async def test_a_process_with_an_old_bundle_loads_the_newer_one_that_has_decided() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    old, new = bench.process, Process(bench)
    await bench.publish(bundle(rules=[rule("everyone", "badges", 'person.login != ""')]))
    await new.receive(says("p1", 2, "student"))
    await old.receive(says("p1", 3, "student"))
    assert (bench.identity().sequence, bench.identity().entitlements["badges"].standing) == (2, Standing.ACTIVE)


async def test_no_message_is_done_before_its_bells_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await new_bench()
    monkeypatch.setattr(bench.bells, "deliver", {})
    with pytest.raises(TransientError, match="library"):
        await bench.process.receive(says("p1", 1, "student"))
    monkeypatch.undo()
    await bench.process.receive(replace(says("p1", 1, "student"), again=True))
    assert len(bench.waiting("library")) == 1


async def test_a_boundary_that_the_sweep_has_passed_gets_a_bell_of_its_own() -> None:
    bench = await new_bench()
    soon, later = START + 100, START + DAY
    await bench.process.receive(says("p1", 1, affiliation("student", soon)), says("p2", 1, affiliation("staff", later)))
    assert [(bell.identity, bell.at) for bell in bench.waiting("identities")] == [(bench.identity().id, soon)]
    assert bench.queues["identities"].next_at() == soon
    assert bench.identity("p2").due_at == later


@pytest.mark.parametrize(("again", "rung"), [(False, 0), (True, 1)])
async def test_a_repetition_rings_for_the_boundary_only_if_its_first_handler_may_have_died(
    again: bool, rung: int
) -> None:
    bench = await new_bench()
    message = says("p1", 1, affiliation("student", START + 100))
    await bench.process.receive(message)
    bench.drain("identities")
    await bench.process.receive(replace(message, again=again))
    assert len(bench.waiting("identities")) == rung


async def test_a_deletion_ends_what_was_held_and_keeps_the_name_for_the_suspended_account() -> None:
    bench = await new_bench(sent=[says("p1", 1, "student")])
    gone = Message("m", '{"specversion":"1.0","id":"e","data":{"key":"p1","version":2,"deleted":true}}', SOURCE)
    await bench.arrive(gone)
    assert bench.identity().entitlements["library"].standing is Standing.SUSPENDED
    assert bench.users() == {"login-p1": {**bench.users()["login-p1"], "active": False, "displayName": "Name of p1"}}


async def test_a_person_larger_than_an_item_is_rejected_and_the_next_goes_on() -> None:
    limits = {"text": 65536, "message": 1048576}
    content = bundle()
    bench = await new_bench(content.model_copy(update={"tenant": content.tenant.model_validate(
        {**content.tenant.model_dump(), "limits": limits}
    )}))  # fmt: skip
    chance = random.Random(1)  # noqa: S311  text that does not compress
    tags = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz234567", k=60_000)) for _ in range(14)]
    assert await bench.process.receive(says("p1", 1, tags=tags), says("p2", 1)) == frozenset()
    (rejected,) = await bench.store.rejections(SOURCE, 10)
    assert "registry" in rejected.reason
    assert "too large" in rejected.reason
    assert bench.store.linked.keys() == {(SOURCE, "p2")}


async def test_many_people_in_one_batch_are_looked_up_by_one_request() -> None:
    bench: Bench = await new_bench()
    with bench.counted() as costs:
        await bench.process.receive(*(says(f"p{number}", 1, "student") for number in range(10)))
    assert costs["BatchGetItem"] == 1
    assert costs["SendMessageBatch"] == 1
    assert len(bench.store.identities) == 10


async def test_whom_a_thin_source_names_is_fetched_once_however_often() -> None:
    source = MemorySource()
    source.put("t1", {"name": "Thin"})
    fetched: list[list[str]] = []

    async def fetch(_source: Source, keys: Sequence[str]) -> Sequence[Item]:
        fetched.append(list(keys))
        return await source.fetch(keys)

    thin = {
        "id": SOURCE, "thin": True, "format": "json",
        "record": {"key": "person.id", "fields": {"name": "string"}, "attributes": {"name": "fields.name"}},
        "poll": {"files": {"place": "s3:///x", "full": "*.csv", "key": "id"}},
    }  # fmt: skip
    bench = await new_bench(bundle(sources=[thin]))
    shell = replace(bench.process.receiving, fetch=fetch)
    named = [Message(f"m{n}", json.dumps({"person": {"id": key}}), SOURCE) for n, key in enumerate(("t1", "t1", "t2"))]
    with bench.counted() as costs:
        assert not await receive(shell, named, int(bench.now))
    assert fetched == [["t1", "t2"]]
    assert (costs["BatchGetItem"], costs["TransactWriteItems"]) == (1, 1)
    assert bench.identity("t1").records[SOURCE].attributes["name"] == "Thin"


IN_ORDER = {
    "id": SOURCE, "format": "json", "channel": {"fifo": True},
    "record": {"key": "number", "fields": {"login": "string"}, "attributes": {"login": "fields.login"}},
}  # fmt: skip


def in_order(number: str, login: str) -> Message:
    return Message(f"{number}.{login}", json.dumps({"number": number, "login": login}), SOURCE)


async def test_after_a_failure_what_was_told_later_of_the_same_person_comes_again_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Taken before it, the later one would be overtaken by the earlier, which comes again with a later instant."""
    bench = await new_bench()
    await bench.publish(bundle(sources=[IN_ORDER]))
    put = bench.store.put_identity

    async def unavailable(identity: Identity, link: tuple[str, str] | None = None) -> None:
        if link == (SOURCE, "p1"):
            raise TransientError("the table is not there")
        await put(identity, link)

    batch = (in_order("p1", "first"), in_order("p2", "other"), in_order("p1", "second"))
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "put_identity", unavailable)
        assert await bench.process.receive(*batch) == {"p1.first", "p1.second"}
    for message in (batch[0], batch[2]):  # a FIFO queue hands out what came back in its order
        assert await bench.process.receive(replace(message, again=True)) == frozenset()
    assert bench.identity("p1").records[SOURCE].attributes["login"] == "second"
    assert bench.identity("p2").records[SOURCE].attributes["login"] == "other"
