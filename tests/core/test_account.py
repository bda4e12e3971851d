from dataclasses import replace

import pytest

from provisioning.core import delivery
from provisioning.core.account import (
    TRANSITIONS,
    Account,
    Condition,
    Desired,
    Event,
    Intent,
    Known,
    Phase,
    move,
    waits,
)
from provisioning.core.catalog import MappedValue, Service

NOW = 1000
SERVICE = Service(
    id="library",
    protocol="scim",
    endpoint="https://sp.example/scim",
    account={"userName": MappedValue(value="person.login")},
)
WANTED = Desired(Phase.ACTIVE, {"userName": "ada"}, ("readers",), "d")
KNOWN = Known(Phase.ACTIVE, "r1", {"userName": "ada"}, ("readers",))


def account(**fields: object) -> Account:
    return Account("i1", "library", **fields)  # type: ignore[arg-type]  # fields of Account, by name


def test_every_event_has_a_place_in_the_table_for_every_condition() -> None:
    only_held = {(Condition.HELD, Event.RELEASED)}
    others = {(condition, event) for condition in Condition for event in Event if event is not Event.RELEASED}
    assert set(TRANSITIONS) == others | only_held, "nobody releases what is not held"


@pytest.mark.parametrize("condition", Condition)
def test_an_ending_alone_decides_the_condition(condition: Condition) -> None:
    endings = {
        event: move(account(condition=condition), event).condition
        for event in Event
        if event not in (Event.DEFERRED, Event.RELEASED)
    }
    assert endings == {
        Event.INTENDED: Condition.PENDING,
        Event.GATHERED: Condition.JOINING,
        Event.DONE: Condition.SETTLED,
        Event.TRANSIENT: Condition.FAILED,
        Event.PERMANENT: Condition.PARKED,
        Event.HELD: Condition.HELD,
        Event.LOST: Condition.UNKNOWN,
        Event.RACED: Condition.UNKNOWN,
        Event.DIFFERS: Condition.UNKNOWN,
    }


def test_waiting_for_a_slot_is_pending_and_does_not_end_a_doubt() -> None:
    for condition in Condition:
        after = delivery.deferred(account(condition=condition, intent=Intent("a", NOW)), NOW + 5, 1)
        assert (after.condition, after.intent, after.due_at) == (Condition.PENDING, Intent("a", NOW), NOW + 5)
        assert not delivery.creating(after, SERVICE)
    begun = delivery.intended(account(), WANTED, SERVICE, "a", 1, NOW)
    assert delivery.creating(begun, SERVICE)


@pytest.mark.parametrize(
    ("fields", "rests"),
    [
        ({"condition": Condition.SETTLED, "turn": 5}, True),
        ({"condition": Condition.SETTLED, "turn": 4}, False),
        ({"condition": Condition.PARKED, "turn": 5}, True),
        ({"condition": Condition.PARKED, "turn": 4}, False),
        ({"condition": Condition.FAILED, "turn": 5, "due_at": NOW + 1}, True),
        ({"condition": Condition.FAILED, "turn": 4, "due_at": NOW + 1}, False),
        ({"condition": Condition.FAILED, "turn": 5, "due_at": NOW}, False),
        ({"condition": Condition.UNKNOWN, "turn": 4, "due_at": NOW + 1}, True),
        ({"condition": Condition.UNKNOWN, "turn": 5, "due_at": NOW}, False),
        ({"condition": Condition.PENDING, "turn": 4, "due_at": NOW + 1}, True),
        ({"condition": Condition.PENDING, "turn": 5, "due_at": NOW}, False),
    ],
)
def test_an_account_rests_for_its_turn_or_until_its_instant(fields: dict[str, object], rests: bool) -> None:
    assert waits(account(**fields), 5, NOW) is rests


def test_what_agrees_needs_no_call() -> None:
    assert delivery.plan(WANTED, account(known=KNOWN), 1) == delivery.REST


def test_a_create_needs_an_intent_and_an_update_does_not() -> None:
    assert delivery.plan(WANTED, account(), 1) == delivery.Plan(call=True, intent=True)
    changed = account(known=Known(Phase.ACTIVE, "r1", {"userName": "old"}))
    assert delivery.plan(WANTED, changed, 1) == delivery.Plan(call=True)


def test_an_open_doubt_looks_first_even_if_everything_seems_to_agree() -> None:
    doubtful = account(known=KNOWN, intent=Intent("a", NOW))
    assert delivery.plan(WANTED, doubtful, 1) == delivery.Plan(call=True, doubt=True)
    absent = account(intent=Intent("a", NOW))
    assert delivery.plan(Desired(Phase.ABSENT), absent, 1) == delivery.Plan(call=True, doubt=True)


def test_a_turn_that_was_passed_over_is_a_doubt() -> None:
    """Its delivery may have died between its call and its write; what is known then only seems to agree."""
    stored = account(known=KNOWN, turn=4, revision=2)
    assert delivery.plan(WANTED, stored, 5) == delivery.REST
    assert delivery.plan(WANTED, stored, 6) == delivery.Plan(call=True, doubt=True)


def test_a_failed_turn_that_is_no_longer_wanted_is_a_doubt() -> None:
    """It was to be tried again, and the delivery that tried may have died after its call."""
    failed = account(known=KNOWN, turn=4, revision=2, condition=Condition.FAILED)
    assert delivery.plan(WANTED, failed, 4) == delivery.REST
    assert delivery.plan(WANTED, failed, 5) == delivery.Plan(call=True, doubt=True)


def test_what_cannot_be_made_is_parked_without_a_call() -> None:
    impossible = Desired(Phase.ACTIVE, {}, (), "d", "userName: no value")
    assert delivery.plan(impossible, account(), 1) == delivery.REST
    after = delivery.rested(account(), impossible, 7, 1, NOW)
    assert (after.condition, after.error, after.turn) == (Condition.PARKED, "userName: no value", 7)


def test_a_failed_look_leaves_the_doubt_open() -> None:
    doubtful = account(condition=Condition.PENDING, intent=Intent("a", NOW))
    after = delivery.failed(doubtful, delivery.Ended(Known(), "503"), 7, 1, NOW, Intent("a", NOW))
    assert (after.condition, after.intent, after.attempts) == (Condition.UNKNOWN, Intent("a", NOW), 1)


def test_a_refused_create_leaves_no_doubt() -> None:
    intended = account(condition=Condition.PENDING, intent=Intent("a", NOW))
    after = delivery.failed(intended, delivery.Ended(Known(), "429", retry_after=90), 7, 1, NOW, None)
    assert (after.condition, after.intent) == (Condition.FAILED, None)
    assert after.due_at is not None
    assert after.due_at >= NOW + 90


def test_a_lost_answer_waits_until_the_sp_can_show_its_effect() -> None:
    after = delivery.lost(account(), delivery.Ended(Known(), "timed out"), SERVICE, "op", 1, NOW)
    assert (after.condition, after.intent) == (Condition.UNKNOWN, Intent("op", NOW + delivery.CALL))
    assert after.due_at is not None
    assert after.due_at >= NOW + delivery.CALL + SERVICE.settling


def test_settling_forgets_what_went_wrong() -> None:
    before = account(condition=Condition.UNKNOWN, intent=Intent("a", NOW), attempts=3, error="503", due_at=NOW)
    after = delivery.done(before, KNOWN, Desired(Phase.ACTIVE), 7, 2, NOW)
    assert (after.condition, after.intent, after.attempts, after.error, after.due_at, after.turn, after.sequence) == (
        Condition.SETTLED, None, 0, "", None, 7, 2,
    )  # fmt: skip


def test_work_that_the_sp_does_later_is_asked_for_with_its_ticket_at_growing_distances() -> None:
    ended = delivery.Ended(KNOWN, "pending")
    first = delivery.awaiting(account(), ended, "op", "ticket", 1, NOW)
    assert (first.condition, first.intent) == (Condition.UNKNOWN, Intent("op", NOW + delivery.CALL, "ticket"))
    waits_ = [(delivery.awaiting(account(attempts=n), ended, "op", "t", 1, NOW).due_at or 0) - NOW for n in (0, 4, 9)]
    assert waits_ == sorted(set(waits_))
    later = delivery.awaiting(account(), replace(ended, retry_after=7200), "op", "ticket", 1, NOW)
    assert 7200 <= (later.due_at or 0) - NOW <= 7920, "the SP's own word is a floor, spread by a tenth"


def test_an_intent_keeps_the_ticket_of_what_is_still_being_done() -> None:
    asked = account(condition=Condition.UNKNOWN, intent=Intent("op", NOW, "ticket"))
    intended = delivery.intended(asked, Desired(Phase.ACTIVE), SERVICE, "next", 1, NOW)
    assert intended.intent == Intent("next", NOW + delivery.CALL, "ticket")
