"""notify: what the stream shows is published once or more, remembered, and nothing of it is lost unseen."""

import json
import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.core.account import Account, Condition, Known, Phase
from provisioning.core.event import Refusal
from provisioning.core.identity import Identity
from provisioning.core.occurrence import Change, Unreadable
from provisioning.core.record import Record
from provisioning.stages.notify import STREAM
from tests.stages.bench import Bench, new_bench
from tests.stages.deaths import Deaths
from tests.stages.steps import lost_after, says_no
from tests.stages.streaming import Notifier, Rebuilt, Stream
from tests.stages.tenant import DAY, START, bundle, says


async def notifier() -> Notifier:
    made = Notifier()
    await made.publish()
    return made


def states(*phases: tuple[Phase, Condition], identity: str = "p1", service: str = "library") -> Stream:
    """The stream of one account that has these states, one after the other."""
    stream = Stream()
    add(stream, identity, service, *phases)
    return stream


def add(stream: Stream, identity: str, service: str, *states: tuple[Phase, Condition]) -> None:
    old: Account | None = None
    for revision, (phase, condition) in enumerate(states, 1):
        new = Account(identity, service, Known(phase), condition, sequence=1, revision=revision)
        stream.add(identity, service, old, new)
        old = new


ACTIVE = (Phase.ACTIVE, Condition.SETTLED)
PENDING = (Phase.ABSENT, Condition.PENDING)
SUSPENDED = (Phase.SUSPENDED, Condition.SETTLED)
UNREADABLE = Unreadable("000000000000000000009", START, "I#p1 A#library: ValueError: 'x' is no phase", "{}")


async def test_events_are_published_in_order_each_with_what_it_follows() -> None:
    notify = await notifier()
    assert await notify.take(states(PENDING, ACTIVE, ACTIVE, SUSPENDED).changes) is None
    assert [(e["type"], e["data"]["revision"], e["data"]["previous"]) for e in notify.events] == [
        ("account.pending", 1, 0), ("account.created", 2, 1), ("account.suspended", 4, 2),
    ]  # fmt: skip
    assert notify.events[1] == {
        "specversion": "1.0", "id": notify.heard[1].id, "source": "/provisioning/campus", "type": "account.created",
        "subject": "p1", "time": "2027-01-15T08:00:01Z", "datacontenttype": "application/json",
        "dataschema": "urn:provisioning:event:account.created:1",
        "data": {
            "identity": "p1", "service": "library", "revision": 2, "previous": 1, "sequence": 1, "phase": "active",
            "condition": "settled", "in_doubt": False, "changed": [],
        },
    }  # fmt: skip
    assert notify.heard[1].attributes == {"type": "account.created", "service": "library"}


@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_what_an_event_follows_does_not_depend_on_how_the_stream_is_cut(cut: int) -> None:
    whole, cut_up = await notifier(), await notifier()
    changes = states(PENDING, ACTIVE, ACTIVE, SUSPENDED).changes
    await whole.take(changes)
    await cut_up.take(changes[:cut])
    await cut_up.take(changes[cut:])
    assert cut_up.heard == whole.heard


async def test_a_batch_that_comes_again_is_published_with_the_same_ids_and_remembered_once() -> None:
    notify = await notifier()
    changes = states(PENDING, ACTIVE, SUSPENDED).changes
    await notify.take(changes)
    first, kept = notify.heard[:], dict(notify.histories.kept)
    await notify.take(changes)
    assert notify.heard == [*first, *first]
    assert notify.histories.kept == kept


async def test_what_was_not_read_is_noticed_and_made_good_from_state() -> None:
    notify = await notifier()
    changes = states(PENDING, ACTIVE, (Phase.ACTIVE, Condition.PARKED), ACTIVE, SUSPENDED).changes
    await notify.take(changes[:2])
    await notify.take(changes[4:])  # what was between is gone with the stream
    gap, suspended = notify.events[2:]
    assert (gap["type"], gap["data"]["phase"], gap["data"]["previous"]) == ("account.gap", "suspended", 0)
    assert (suspended["type"], suspended["data"]["revision"]) == ("account.suspended", 5)
    assert [fields["revision"] for word, fields in notify.lines if word == "notify.gap"] == [5]
    await notify.take(changes[4:])
    assert [event["type"] for event in notify.events[4:]] == [
        "account.gap",
        "account.suspended",
    ]  # seen again: as it was


async def test_people_who_were_there_before_notify_was_are_told_of_as_they_are() -> None:
    notify, stream = await notifier(), Stream()
    old = Identity("p1", {"registry": Record("registry", "k", 1, attributes={"name": "A"})}, sequence=1, revision=8)
    record = Record("registry", "k", 2, attributes={"name": "B"})
    stream.add("p1", "", old, replace(old, records={"registry": record}, revision=9))
    await notify.take(stream.changes)
    assert [event["type"] for event in notify.events] == ["identity.gap", "identity.changed"]
    assert notify.heard[0].attributes == {"type": "identity.gap", "sources": ("registry",)}


async def test_what_nobody_understands_is_kept_with_its_reason_and_the_rest_goes_on() -> None:
    notify = await notifier()
    before, after = states(ACTIVE, identity="p1").changes, states(ACTIVE, identity="p2").changes
    assert await notify.take([*before, UNREADABLE, *after]) is None
    assert [event["subject"] for event in notify.events] == ["p1", "p2"]
    (kept,) = await notify.store.rejections(STREAM, 10)
    assert (kept.message, kept.reason, kept.body) == (UNREADABLE.number, UNREADABLE.reason, "{}")
    assert "no phase" not in str(notify.lines)


async def test_an_item_that_was_unreadable_for_a_while_is_told_of_as_it_is_then() -> None:
    notify = await notifier()
    changes = states(ACTIVE, ACTIVE, SUSPENDED).changes
    await notify.take([changes[0], UNREADABLE, replace(changes[2], old=None, unreadable=True)])
    assert [event["type"] for event in notify.events] == ["account.created", "account.gap"]
    assert Rebuilt().hear(notify.events).accounts == {("p1", "library"): ("suspended", "settled")}


async def test_from_the_first_event_that_is_refused_on_everything_comes_again_and_nothing_before_it() -> None:
    notify = await notifier()
    stream = Stream()
    for person in ("p1", "p2", "p3"):
        add(stream, person, "library", ACTIVE)
    await notify.take(stream.changes)
    again = await notifier()
    again.announcements.refusals = {notify.heard[1].id: Refusal("throttled")}
    assert await again.take(stream.changes) == stream.changes[1].number
    assert {written[0] for written in again.histories.kept} == {"p1"}
    assert [fields for word, fields in again.lines if word == "notify.refused"] == [
        {"reason": "throttled", "again": 2, "trace": stream.changes[1].number}
    ]
    again.announcements.refusals = {}
    await again.take(stream.changes[1:])
    assert {each.id for each in again.heard} == {each.id for each in notify.heard}


async def test_an_event_that_nobody_will_ever_accept_is_kept_and_holds_up_nobody() -> None:
    notify, stream = await notifier(), Stream()
    for person in ("p1", "p2"):
        add(stream, person, "library", ACTIVE, SUSPENDED)
    await notify.take(stream.changes)
    again = await notifier()
    again.announcements.refusals = {notify.heard[0].id: Refusal("InvalidParameter", lasting=True)}
    assert await again.take(stream.changes) is None
    assert [(event["type"], event["data"]["previous"]) for event in again.events] == [
        ("account.suspended", 1), ("account.created", 0), ("account.suspended", 1),
    ]  # fmt: skip
    (kept,) = await again.store.rejections(STREAM, 10)
    assert (kept.message, kept.body) == (notify.heard[0].id, notify.heard[0].body)


async def test_requests_of_a_batch_are_counted() -> None:
    notify = await notifier()
    stream = Stream()
    for number in range(50):
        add(stream, f"p{number}", "library", PENDING, ACTIVE)
    await notify.take(stream.changes)
    assert notify.announcements.requests == {"PublishBatch": 10}  # of 100 events
    assert notify.histories.requests == {"BatchWriteItem": 4}  # of 100 entries; nothing is looked up
    more = [each for each in _next(stream.changes) if each.revision == 3]
    await notify.take(more)
    assert notify.histories.requests == {"BatchWriteItem": 6, "BatchGetItem": 1}


async def test_a_write_that_means_nothing_to_others_costs_an_entry_and_no_event() -> None:
    notify = await notifier()
    await notify.take(states((Phase.ABSENT, Condition.SETTLED)).changes)
    assert (notify.announcements.requests, notify.histories.requests) == ({}, {"BatchWriteItem": 1})
    (entry,) = await notify.histories.entries("p1")
    assert entry.silent


async def test_a_subscriber_of_its_own_topic_hears_what_it_wants_with_the_values_that_it_may_have() -> None:
    notify = Notifier()
    asked = {"types": ["account.created", "account.removed"], "services": ["wiki"]}
    full = {"id": "phone-book", "form": "full", "attributes": ["userName"], **asked}
    queue = "arn:aws:sqs:eu-west-1:111122223333:q"
    subscribers = [full, {"id": "thin", "queue": queue}, {"id": "new", "types": ["identity.closed"]}]
    await notify.publish(bundle(subscribers=subscribers))
    notify.topics = {"phone-book": "own"}
    stream = Stream()
    for service in ("library", "wiki"):
        known = Known(Phase.ACTIVE, "r1", {"userName": "ada", "mail": "ada@a.example"})
        stream.add("p1", service, None, Account("p1", service, known, revision=1, sequence=1))
    await notify.take(stream.changes)
    assert "ada" not in "".join(each.body for each in notify.heard)
    (heard,) = notify.announcements.heard["own"]
    told = json.loads(heard.body)
    assert (told["type"], told["data"]["service"], told["data"]["values"]) == (
        "account.created", "wiki", {"userName": "ada"},
    )  # fmt: skip
    assert told["id"] in {each.id for each in notify.heard}, "one event, by whatever way it is heard"
    assert [fields for word, fields in notify.lines if word == "notify.undeployed"] == [{"subscriber": "new"}]
    assert notify.announcements.requests == {"PublishBatch": 2}


async def test_entries_are_forgotten_when_the_tenant_says() -> None:
    notify = Notifier()
    await notify.publish(bundle(tenant={**bundle().tenant.model_dump(by_alias=True), "history": {"retention": "P30D"}}))
    await notify.take(states(ACTIVE).changes)
    assert {until for _, until in notify.histories.kept.values()} == {START + 30 * DAY}


def _next(changes: list[Change]) -> list[Change]:
    """A further write of each item, which suspends the account."""
    found = []
    for number, change in enumerate(changes):
        assert isinstance(change.new, Account)
        new = replace(change.new, known=Known(Phase.SUSPENDED), revision=change.revision + 1)
        fields = {"number": f"1{number:020d}", "old": change.new, "new": new}
        found.append(replace(change, **fields, revision=new.revision, previous=change.revision))  # type: ignore[arg-type]
    return found


async def test_killed_at_every_await_it_tells_everything_and_remembers_what_it_would_have() -> None:
    changes = states(PENDING, ACTIVE, (Phase.ACTIVE, Condition.FAILED), SUSPENDED).changes
    batch: list[Change | Unreadable] = [*changes[:2], UNREADABLE, *changes[2:]]
    expected = await notifier()
    await expected.take(batch)
    for at in range(1, 50):
        deaths = Deaths()
        notify = Notifier(deaths.checkpoint)
        await notify.publish()
        died = await deaths.kill(notify.take(batch), at)
        if died:
            await notify.take(batch)
        assert list(dict.fromkeys(notify.heard_ids)) == [each.id for each in expected.heard], f"killed at await {at}"
        assert notify.histories.kept == expected.histories.kept
        assert notify.store.kept == expected.store.kept
        if not died:
            assert at > 6, "there were awaits to die at"
            return
    raise AssertionError("the work does not end")


written = st.lists(
    st.tuples(st.sampled_from(["p1", "p2"]), st.sampled_from(["library", "wiki"]),
              st.tuples(st.sampled_from(Phase), st.sampled_from(Condition))),
    max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(written, st.randoms(use_true_random=False))
async def test_who_hears_events_in_any_order_has_the_accounts_of_the_table(
    history: list[tuple[str, str, tuple[Phase, Condition]]], chance: random.Random
) -> None:
    """Random histories in random batches, of which some are lost with the stream, some refused, some come twice."""
    table: dict[tuple[str, str], Account] = {}
    stream = Stream()
    for identity, service, (phase, condition) in history:
        old = table.get((identity, service))
        new = Account(identity, service, Known(phase), condition, revision=(old.revision if old else 0) + 1)
        stream.add(identity, service, old, new)
        table[identity, service] = new
    cuts = sorted({0, len(history), *(chance.randint(0, len(history)) for _ in range(3))})
    notify = await notifier()
    for first, last in pairwise(cuts):
        entries = stream.changes[first:last]
        newest = {each.item: each for each in stream.changes}  # what is lost is not the last of its item
        entries = [each for each in entries if chance.random() < 0.8 or newest[each.item] is each]
        for _ in range(chance.randint(1, 2)):
            await notify.read(entries)
    events = notify.events
    chance.shuffle(events)
    rebuilt = Rebuilt().hear(events).accounts
    nothing = (Phase.ABSENT.value, Condition.SETTLED.value)
    assert {item: state for item, state in rebuilt.items() if state != nothing} == {
        item: (account.known.phase.value, account.condition.value)
        for item, account in table.items()
        if (account.known.phase, account.condition) != nothing
    }


@settings(max_examples=60, deadline=None)
@given(written, st.integers(1, 5), st.data())
async def test_who_missed_an_event_sees_it_by_the_next_one_of_that_item(
    history: list[tuple[str, str, tuple[Phase, Condition]]], size: int, data: st.DataObject
) -> None:
    table: dict[tuple[str, str], Account] = {}
    stream, notify = Stream(), await notifier()
    for identity, service, (phase, condition) in history:
        old = table.get((identity, service))
        new = Account(identity, service, Known(phase), condition, revision=(old.revision if old else 0) + 1)
        stream.add(identity, service, old, new)
        table[identity, service] = new
    for first in range(0, len(stream.changes), size):
        await notify.read(stream.changes[first : first + size])
    told = list(dict.fromkeys(_place(event) for event in notify.events))
    missed = data.draw(st.none() | st.sampled_from(told)) if told else None
    newest: dict[tuple[str, str], int] = {}
    gaps = []
    for item, revision, previous in told:
        if (item, revision, previous) == missed:
            continue
        if previous != newest.get(item, 0):
            gaps.append(item)
        newest[item] = revision
    later = missed is not None and any(item == missed[0] and revision > missed[1] for item, revision, _ in told)
    assert gaps == ([missed[0]] if later and missed is not None else [])


def _place(event: dict[str, Any]) -> tuple[tuple[str, str], int, int]:
    """Of which item an event is, and the revisions that it gives: several events of one write have the same."""
    told = event["data"]
    return (told["identity"], told["service"]), told["revision"], told["previous"]


async def test_a_subscriber_of_a_whole_life_at_real_stages_has_what_the_table_has() -> None:
    """Receive, evaluate and deliver write; SPs fail, park, time out; the events of it are all that is heard."""
    stream = Stream()
    bench = await new_bench()
    stream.watch(bench.store)
    bench.steps["library"].extend([says_no(503), lost_after])
    bench.steps["wiki"].extend([says_no(400)])
    await _receive(bench, 1, "student", "staff", "visitor")
    await _receive(bench, 2, "staff", name="Another Name")
    await _receive(bench, 3)
    await _receive(bench, 4, "student", name="A Third")
    notify = await notifier()
    for first in range(0, len(stream.changes), 7):
        await notify.read(stream.changes[first : first + 7])
    subscriber = Rebuilt().hear(notify.events)
    identity = bench.identity()
    assert subscriber.live == {identity.id: True}
    assert subscriber.accounts == {
        (identity.id, service): (account.known.phase.value, account.condition.value)
        for service, account in bench.store.accounts[identity.id].items()
    }
    standings = {service: each.standing.value for service, each in identity.entitlements.items()}
    assert {service: standing for (_, service), standing in subscriber.standings.items()} == standings
    types = {event["type"] for event in notify.events}
    assert {"identity.created", "entitlement.granted", "entitlement.ended", "account.created"} <= types
    assert "Another" not in str(notify.events)


async def test_the_history_says_by_which_rule_and_what_an_sp_received() -> None:
    stream = Stream()
    bench = await new_bench()
    stream.watch(bench.store)
    await _receive(bench, 1, "student", "staff")
    await _receive(bench, 2, "staff")
    notify = await notifier()
    await notify.take(stream.changes)
    entries = await notify.histories.entries(bench.identity().id)
    said = {(each.type.value, each.service): each.causes for entry in entries for each in entry.said}
    assert said["identity.created", ""] == ("registry",)
    assert said["entitlement.granted", "library"] == said["entitlement.ended", "library"] == ("readers",)
    assert said["entitlement.granted", "wiki"] == ("editors",)
    received = {path for entry in entries if entry.service == "wiki" for path in entry.released}
    assert received == {"userName", "displayName", "groups"}
    assert "login-p1" not in repr(entries)


async def _receive(bench: Bench, version: int, *kinds: str, **attributes: str) -> None:
    assert not await bench.process.receive(says("p1", version, *kinds, **attributes))
    await bench.settle()
