"""The SCIM dialogue, answered by hand."""

from typing import Any

import pytest

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import Answer, HttpResponse, Outcome
from provisioning.protocols.scim import deliver
from tests.protocols.talk import (
    IDENTITY,
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

SEARCH = "GET /Users"
ADOPTING = service(adopt="match")
ANNA = {**VALUES, "name.givenName": "Anna"}


def test_a_create_is_one_post_and_its_id_is_kept() -> None:
    requests, ending = talk(deliver(service(), delivery()), ok(201, {"id": "a/b", "userName": "stale"}))
    assert (shape(requests), ending.outcome) == (["POST /Users"], Outcome.DONE)
    assert ending.known == Known(Phase.ACTIVE, "a/b", VALUES)
    assert requests[0].body["externalId"] == IDENTITY
    requests, _ = talk(deliver(service(), delivery(Phase.SUSPENDED, known=Known(Phase.ACTIVE, "a/b", VALUES))), ok(204))
    assert shape(requests) == ["PATCH /Users/a%2Fb"]


def test_an_account_that_is_wanted_suspended_is_created_so() -> None:
    requests, ending = talk(deliver(service(), delivery(Phase.SUSPENDED)), ok(201, {"id": "1"}))
    assert (requests[0].body["active"], ending.known.phase) == (False, Phase.SUSPENDED)


@pytest.mark.parametrize(
    "body", [None, {}, [], {"id": ""}, {"id": 5}, {"id": "x" * 513}, {"id": ".."}, {"id": "a\nb"}, {"id": "\ud800"}]
)
def test_a_create_without_a_usable_id_is_in_doubt(body: Any) -> None:
    _, ending = talk(deliver(service(), delivery()), ok(201, body))
    assert (ending.outcome, ending.known.remote_id, ending.known.phase) == (Outcome.UNKNOWN, None, Phase.ABSENT)


def test_a_lost_create_remembers_the_values_that_may_have_arrived() -> None:
    _, ending = talk(deliver(service(), delivery()), LOST)
    assert (ending.outcome, ending.known) == (Outcome.UNKNOWN, Known(values=VALUES))
    desired = {"userName": "ann.new"}
    dialogue = deliver(service(), delivery(values=desired, known=ending.known, look=True))
    requests, ending = talk(dialogue, listed(user()), ok(204))
    assert operations(requests[1]) == [
        {"op": "replace", "path": "userName", "value": "ann.new"},
        {"op": "remove", "path": "name.givenName"},
    ]
    assert ending.known == Known(Phase.ACTIVE, "77", desired)


def test_a_create_that_never_left_is_tried_again_without_doubt() -> None:
    _, ending = talk(deliver(service(), delivery()), REFUSED)
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, Known())


def test_after_a_doubt_the_account_is_looked_up_and_taken_over_by_its_mark() -> None:
    requests, ending = talk(deliver(service(), delivery(look=True)), listed(user(), user("78", "another")))
    assert shape(requests) == [SEARCH]
    assert requests[0].query["filter"] == f'externalId eq "{IDENTITY}"'
    assert (ending.outcome, ending.known) == (Outcome.DONE, existing())


def test_after_a_doubt_nothing_found_means_create() -> None:
    requests, ending = talk(deliver(service(), delivery(look=True)), listed(), listed(), ok(201, {"id": "1"}))
    assert shape(requests) == [SEARCH, SEARCH, "POST /Users"]
    assert requests[1].query["filter"] == 'userName eq "ann.other"'
    assert ending.known.remote_id == "1"


@pytest.mark.parametrize(
    "refusal", [error(400, scim_type="invalidFilter"), error(501), listed(user("1", None), total=9)]
)
def test_an_sp_that_cannot_look_up_marks_is_asked_by_the_match_attribute(refusal: HttpResponse) -> None:
    _, ending = talk(deliver(service(), delivery(look=True)), refusal, listed(user()))
    assert (ending.outcome, ending.known.remote_id) == (Outcome.DONE, "77")
    requests, _ = talk(deliver(service(), delivery(look=True)), refusal, listed(), ok(201, {"id": "1"}))
    assert shape(requests)[-1] == "POST /Users"


def test_an_sp_that_ignores_filters_proves_nothing_and_no_account_is_made() -> None:
    everyone = listed(*(user(str(number), None, userName=f"other{number}") for number in range(20)), total=5000)
    requests, ending = talk(deliver(service(), delivery(look=True)), everyone, everyone)
    assert (ending.outcome, len(requests)) == (Outcome.PERMANENT, 2)


def test_an_sp_that_ignores_filters_and_shows_all_it_has_proves_absence() -> None:
    few = listed(user("1", None, userName="other"))
    requests, _ = talk(deliver(service(), delivery(look=True)), few, few, ok(201, {"id": "1"}))
    assert shape(requests)[-1] == "POST /Users"


def test_two_accounts_with_our_mark_are_a_question_for_a_person() -> None:
    _, ending = talk(deliver(service(), delivery(look=True)), listed(user("1"), user("2")))
    assert (ending.outcome, ending.known) == (Outcome.PERMANENT, Known())


def test_two_accounts_with_the_same_name_are_a_question_for_a_person() -> None:
    twins = listed(user("1", None), user("2", None, userName="ANN.other"))
    _, ending = talk(deliver(ADOPTING, delivery(look=True)), listed(), twins)
    assert (ending.outcome, ending.known) == (Outcome.PERMANENT, Known())


@pytest.mark.parametrize("mark", [None, "another"])
def test_a_conflict_that_may_not_be_adopted_is_permanent(mark: str | None) -> None:
    requests, ending = talk(deliver(service(), delivery()), error(409), listed(), listed(user(mark=mark)))
    assert (shape(requests), ending.outcome) == (["POST /Users", SEARCH, SEARCH], Outcome.PERMANENT)
    assert ending.known == Known()


def test_a_conflict_with_our_own_account_is_taken_over() -> None:
    requests, ending = talk(deliver(service(), delivery()), error(409), listed(user(active=False)), ok(204))
    assert operations(requests[2]) == [{"op": "replace", "path": "active", "value": True}]
    assert (ending.outcome, ending.known) == (Outcome.DONE, existing())


def test_a_conflict_that_no_look_up_shows_is_looked_at_once_more_and_then_permanent() -> None:
    _, ending = talk(deliver(service(), delivery()), error(409, "exists"), listed(), listed())
    assert (ending.outcome, ending.known) == (Outcome.UNKNOWN, Known(values=VALUES))
    again = delivery(known=ending.known, look=True)
    _, ending = talk(deliver(service(), again), listed(), listed(), error(409, "exists"), listed(), listed())
    assert (ending.outcome, ending.known.remote_id) == (Outcome.PERMANENT, None)
    assert "no look-up shows" in ending.reason


def test_adopting_by_match_sets_the_mark() -> None:
    answers = (error(409), listed(), listed(user(mark=None, userName="Ann.Other")), ok(204))
    requests, ending = talk(deliver(ADOPTING, delivery()), *answers)
    assert operations(requests[3]) == [
        {"op": "replace", "path": "externalId", "value": IDENTITY},
        {"op": "replace", "path": "userName", "value": "ann.other"},
    ]
    assert (ending.outcome, ending.known) == (Outcome.DONE, existing())


@pytest.mark.parametrize("last", [error(503), error(400), error(404), LOST])
def test_an_account_is_not_claimed_before_its_mark_has_arrived(last: Answer) -> None:
    _, ending = talk(deliver(ADOPTING, delivery()), error(409), listed(), listed(user(mark=None)), last)
    assert ending.outcome is not Outcome.DONE
    assert (ending.known.remote_id, ending.known.phase) == (None, Phase.ABSENT)


def test_an_account_with_anothers_mark_is_never_adopted() -> None:
    _, ending = talk(deliver(ADOPTING, delivery()), error(409), listed(), listed(user(mark="another")))
    assert ending.outcome is Outcome.PERMANENT


def test_an_update_is_one_patch_and_no_look() -> None:
    requests, ending = talk(deliver(service(), delivery(values=ANNA, known=existing())), ok(200, user()))
    assert shape(requests) == ["PATCH /Users/77"]
    assert operations(requests[0]) == [{"op": "replace", "path": "name.givenName", "value": "Anna"}]
    assert ending.known == existing(ANNA)


def test_nothing_to_change_is_no_call() -> None:
    requests, ending = talk(deliver(service(), delivery(known=existing())))
    assert (requests, ending.outcome) == ([], Outcome.DONE)


def test_suspending_and_resuming_change_one_flag() -> None:
    for phase, before in ((Phase.SUSPENDED, Phase.ACTIVE), (Phase.ACTIVE, Phase.SUSPENDED)):
        requests, ending = talk(deliver(service(), delivery(phase, known=existing(phase=before))), ok(204))
        assert operations(requests[0]) == [{"op": "replace", "path": "active", "value": phase is Phase.ACTIVE}]
        assert ending.known.phase is phase


def test_a_lost_patch_remembers_what_may_have_arrived() -> None:
    values = {"userName": "ann.other", "title": "Dr"}
    _, ending = talk(deliver(service(), delivery(values=values, known=existing())), LOST)
    assert (ending.outcome, ending.known) == (Outcome.UNKNOWN, existing({**VALUES, "title": "Dr"}))


def test_html_after_a_patch_is_in_doubt() -> None:
    _, ending = talk(deliver(service(), delivery(values=ANNA, known=existing())), HttpResponse(200, {}, b"<html>"))
    assert ending.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("status", [404, 410])
def test_an_account_that_vanished_is_told_and_not_made_in_the_same_breath(status: int) -> None:
    _, ending = talk(deliver(service(), delivery(values=ANNA, known=existing())), error(status))
    assert (ending.outcome, ending.known, ending.retry_after) == (Outcome.TRANSIENT, Known(), 0)
    _, ending = talk(deliver(service(), delivery(values=ANNA, known=existing(), look=True)), error(status))
    assert (ending.outcome, ending.known, ending.retry_after) == (Outcome.TRANSIENT, Known(), 0)


def test_an_sp_that_shows_an_account_and_denies_it_is_not_asked_at_once_again() -> None:
    answers = (ok(200, user(active=False)), error(404))
    _, ending = talk(deliver(service(), delivery(known=existing(), look=True)), *answers)
    assert (ending.outcome, ending.known.remote_id, ending.retry_after) == (Outcome.TRANSIENT, "77", None)


def test_a_look_compares_only_our_paths() -> None:
    shown = user(nickName="Annie", emails=[{"value": "x"}], externalid=IDENTITY)
    requests, ending = talk(deliver(service(), delivery(known=existing(), look=True)), ok(200, shown))
    assert (shape(requests), ending.outcome) == (["GET /Users/77"], Outcome.DONE)


def test_a_look_that_shows_another_account_is_not_believed() -> None:
    _, ending = talk(deliver(service(), delivery(known=existing(), look=True)), ok(200, user("78")))
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, existing())


def test_an_account_that_was_given_to_another_is_not_touched() -> None:
    _, ending = talk(deliver(service(), delivery(known=existing(), look=True)), ok(200, user(mark="another")))
    assert ending.outcome is Outcome.PERMANENT


def test_a_patch_that_the_sp_does_not_keep_is_not_repeated_in_one_dialogue() -> None:
    requests, ending = talk(
        deliver(service(), delivery(values=ANNA, known=existing(), look=True)), ok(200, user()), ok(200, user())
    )
    assert (shape(requests), ending.known) == (["GET /Users/77", "PATCH /Users/77"], existing(ANNA))


@pytest.mark.parametrize("answer", [ok(204), ok(200), ok(202), error(404), error(410)])
def test_deleting_is_done_also_when_there_is_nothing(answer: HttpResponse) -> None:
    requests, ending = talk(deliver(service(), delivery(Phase.ABSENT, known=existing())), answer)
    assert (shape(requests), ending.outcome, ending.known) == (["DELETE /Users/77"], Outcome.DONE, Known())
    assert "accept" not in requests[0].headers


def test_nothing_known_is_nothing_to_delete() -> None:
    requests, ending = talk(deliver(service(), delivery(Phase.ABSENT)))
    assert (requests, ending.outcome) == ([], Outcome.DONE)


def test_after_a_lost_create_only_an_account_with_our_mark_is_deleted() -> None:
    known = Known(values=VALUES)
    requests, ending = talk(deliver(service(), delivery(Phase.ABSENT, known=known, look=True)), listed(user()), ok(204))
    assert (shape(requests), ending.known) == ([SEARCH, "DELETE /Users/77"], Known())
    for mark in (None, "another"):
        dialogue = deliver(ADOPTING, delivery(Phase.ABSENT, known=known, look=True))
        requests, ending = talk(dialogue, listed(), listed(user(mark=mark)))
        assert (shape(requests), ending.outcome, ending.known) == ([SEARCH, SEARCH], Outcome.DONE, Known())


def test_a_lost_deletion_is_in_doubt_and_the_account_still_known() -> None:
    _, ending = talk(deliver(service(), delivery(Phase.ABSENT, known=existing())), LOST)
    assert (ending.outcome, ending.known) == (Outcome.UNKNOWN, existing())


def test_a_mapping_that_makes_no_user_is_parked_without_a_call() -> None:
    requests, ending = talk(deliver(service(), delivery(values={"emails[": "x"})))
    assert (requests, ending.outcome) == ([], Outcome.PERMANENT)
    assert "emails[" in ending.reason


def test_a_reason_does_not_repeat_the_values_that_were_refused() -> None:
    _, ending = talk(deliver(service(), delivery()), error(400, "userName ann.other is not allowed", "invalidValue"))
    assert ending.reason == "POST answered 400: invalidValue userName … is not allowed"


def test_a_look_takes_back_what_is_only_suspected_to_be_there() -> None:
    suspected = Known(Phase.ACTIVE, "77", {**VALUES, "title": None, 'emails[type eq "work"].value': None})
    dialogue = deliver(service(), delivery(known=suspected, look=True))
    requests, ending = talk(dialogue, ok(200, user(title="Dr", emails=[{"type": "home", "value": "x"}])), ok(204))
    assert operations(requests[1]) == [{"op": "remove", "path": "title"}]
    assert ending.known == existing()


def test_a_path_that_is_only_suspected_is_checked_as_well() -> None:
    known = Known(Phase.ACTIVE, "77", {**VALUES, "emails[": None})
    requests, ending = talk(deliver(service(), delivery(known=known, look=True)))
    assert (requests, ending.outcome) == ([], Outcome.PERMANENT)
