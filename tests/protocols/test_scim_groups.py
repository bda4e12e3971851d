"""Memberships and groups, answered by hand."""

from dataclasses import replace

import pytest

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import HttpResponse, Outcome
from provisioning.protocols.scim import deliver
from provisioning.protocols.scim_groups import make_group
from tests.protocols.talk import (
    LOST,
    REFUSED,
    VALUES,
    delivery,
    error,
    existing,
    listed,
    ok,
    operations,
    service,
    shape,
    talk,
    user,
)

IDS = {"readers": "g/1", "editors": "g2"}
ADD = [{"op": "add", "path": "members", "value": [{"value": "77"}]}]
REMOVE = [{"op": "remove", "path": 'members[value eq "77"]'}]
READER = existing(groups=("readers",))


def test_members_are_added_after_the_create() -> None:
    dialogue = deliver(service(), delivery(groups=("readers",), ids=IDS))
    requests, ending = talk(dialogue, ok(201, {"id": "77"}), ok(204))
    assert shape(requests) == ["POST /Users", "PATCH /Groups/g%2F1"]
    assert operations(requests[1]) == ADD
    assert ending.known == READER


def test_removals_come_first_and_additions_last() -> None:
    wanted = delivery(values={"userName": "ann.new"}, groups=("editors",), known=READER, ids=IDS)
    requests, ending = talk(deliver(service(), wanted), ok(204), ok(204), ok(200, {}))
    assert shape(requests) == ["PATCH /Groups/g%2F1", "PATCH /Users/77", "PATCH /Groups/g2"]
    assert operations(requests[0]) == REMOVE
    assert ending.known == existing({"userName": "ann.new"}, groups=("editors",))


@pytest.mark.parametrize("phase", [Phase.SUSPENDED, Phase.ABSENT])
def test_memberships_end_before_the_account_does(phase: Phase) -> None:
    requests, ending = talk(deliver(service(), delivery(phase, known=READER, ids=IDS)), ok(204), ok(204))
    method = "PATCH" if phase is Phase.SUSPENDED else "DELETE"
    assert shape(requests) == ["PATCH /Groups/g%2F1", f"{method} /Users/77"]
    assert (ending.outcome, ending.known.groups, ending.known.phase) == (Outcome.DONE, (), phase)


def test_the_account_is_known_when_its_group_fails() -> None:
    dialogue = deliver(service(), delivery(groups=("editors", "readers"), ids=IDS))
    _, ending = talk(dialogue, ok(201, {"id": "77"}), ok(204), error(503))
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, existing(groups=("editors",)))


def test_a_group_that_is_gone_is_named() -> None:
    _, ending = talk(deliver(service(), delivery(groups=("readers",), known=existing(), ids=IDS)), error(404))
    assert (ending.outcome, ending.missing_group, ending.known) == (Outcome.TRANSIENT, "readers", existing())
    assert ending.retry_after is None


def test_a_group_that_is_gone_has_no_members() -> None:
    _, ending = talk(deliver(service(), delivery(known=READER, ids=IDS)), error(404))
    assert (ending.outcome, ending.known, ending.missing_group) == (Outcome.DONE, existing(), "readers")
    _, ending = talk(deliver(service(), delivery(known=READER)))
    assert (ending.outcome, ending.known) == (Outcome.DONE, existing())


def test_a_member_who_is_not_there_has_left() -> None:
    _, ending = talk(deliver(service(), delivery(known=READER, ids=IDS)), error(400, scim_type="noTarget"))
    assert (ending.outcome, ending.known) == (Outcome.DONE, existing())


def test_a_group_that_will_not_let_go_does_not_keep_an_account_active() -> None:
    dialogue = deliver(service(), delivery(Phase.SUSPENDED, known=READER, ids=IDS))
    _, ending = talk(dialogue, error(400, "no"), ok(204))
    assert (ending.outcome, ending.known) == (Outcome.PERMANENT, existing(phase=Phase.SUSPENDED, groups=("readers",)))
    _, ending = talk(deliver(service(), delivery(Phase.ABSENT, known=READER, ids=IDS)), error(400), ok(204))
    assert (ending.outcome, ending.known) == (Outcome.DONE, Known())


def test_a_lost_addition_counts_until_it_is_looked_at_or_taken_back() -> None:
    wanted = delivery(groups=("readers",), known=existing(), ids=IDS)
    _, ending = talk(deliver(service(), wanted), LOST)
    assert (ending.outcome, ending.known) == (Outcome.UNKNOWN, READER)
    again = replace(wanted, known=ending.known, look=True)
    requests, ending = talk(deliver(service(), again), ok(200, user()), ok(204))
    assert (operations(requests[1]), ending.known) == (ADD, READER)
    requests, ending = talk(deliver(service(), delivery(known=READER, ids=IDS, look=True)), ok(200, user()), ok(204))
    assert (operations(requests[1]), ending.known) == (REMOVE, existing())


def test_a_lost_removal_is_still_a_membership() -> None:
    _, ending = talk(deliver(service(), delivery(known=READER, ids=IDS)), LOST)
    assert (ending.outcome, ending.known) == (Outcome.UNKNOWN, READER)


def test_a_look_does_not_add_a_member_that_the_sp_shows() -> None:
    shown = user(groups=[{"value": "g/1", "display": "readers"}])
    dialogue = deliver(service(), delivery(groups=("readers",), known=READER, ids=IDS, look=True))
    requests, ending = talk(dialogue, ok(200, shown))
    assert (shape(requests), ending.known) == (["GET /Users/77"], READER)


def test_a_wanted_group_without_an_id_waits_and_keeps_what_was_done() -> None:
    _, ending = talk(deliver(service(), delivery(groups=("readers",))), ok(201, {"id": "77"}))
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, existing(VALUES))


MAKING = service(create_groups=True)


@pytest.mark.parametrize("look", [True, False])
def test_a_group_is_looked_up_and_else_made(look: bool) -> None:
    requests, ending = talk(make_group(MAKING, 'a"b', look), listed(), ok(201, {"id": "g1"}))
    assert shape(requests) == ["GET /Groups", "POST /Groups"]
    assert requests[0].query == {"filter": r'displayName eq "a\"b"', "excludedAttributes": "members"}
    assert (ending.outcome, ending.known.remote_id) == (Outcome.DONE, "g1")


def test_a_group_that_is_there_is_used_and_others_are_not() -> None:
    shown = listed({"id": "g0", "displayName": "READERS"}, {"id": "g1", "displayName": "readers"})
    _, ending = talk(make_group(service(), "readers", False), shown)
    assert (ending.outcome, ending.known.remote_id) == (Outcome.DONE, "g1")


def test_a_group_that_another_made_meanwhile_is_used() -> None:
    there = listed({"id": "g1", "displayName": "readers"})
    _, ending = talk(make_group(MAKING, "readers", False), listed(), error(409), there)
    assert (ending.outcome, ending.known.remote_id) == (Outcome.DONE, "g1")
    _, ending = talk(make_group(MAKING, "readers", False), listed(), error(409), listed())
    assert (ending.outcome, ending.known.remote_id) == (Outcome.PERMANENT, None)


def test_a_group_that_may_not_be_made_is_waited_for() -> None:
    _, ending = talk(make_group(service(), "readers", False), listed())
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, Known())


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (listed({"id": "1", "displayName": "readers"}, {"id": "2", "displayName": "readers"}), Outcome.PERMANENT),
        (listed({"id": "1", "displayName": "other"}, total=800), Outcome.PERMANENT),
        (error(400, scim_type="invalidFilter"), Outcome.PERMANENT),
        (error(503), Outcome.TRANSIENT),
        (ok(200, {"Resources": "x"}), Outcome.TRANSIENT),
    ],
)
def test_a_group_is_not_made_while_it_may_be_there(answer: HttpResponse, outcome: Outcome) -> None:
    _, ending = talk(make_group(MAKING, "readers", False), answer)
    assert (ending.outcome, ending.known) == (outcome, Known())


def test_a_lost_creation_of_a_group_is_in_doubt() -> None:
    _, ending = talk(make_group(MAKING, "readers", False), listed(), LOST)
    assert ending.outcome is Outcome.UNKNOWN
    _, ending = talk(make_group(MAKING, "readers", False), listed(), REFUSED)
    assert ending.outcome is Outcome.TRANSIENT


def test_a_look_does_not_vouch_for_a_group_whose_id_it_was_not_given() -> None:
    _, ending = talk(deliver(service(), delivery(groups=("readers",), known=READER, look=True)), ok(200, user()))
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, existing())


def test_a_suspended_account_is_in_no_group_whatever_is_wanted() -> None:
    wanted = delivery(Phase.SUSPENDED, groups=("readers",), known=READER, ids=IDS)
    requests, ending = talk(deliver(service(), wanted), ok(204), ok(204))
    assert (operations(requests[0]), ending.known.groups) == (REMOVE, ())
