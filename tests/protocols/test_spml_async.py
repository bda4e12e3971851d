"""What the SP does later: a ticket is left, and the next delivery asks with it what became of the request."""

from dataclasses import replace
from typing import Any

import pytest

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import Answer, Delivery, Ending, HttpRequest, HttpResponse, Outcome
from provisioning.protocols.spml import deliver
from tests.protocols.spml_talk import (
    VALUES,
    active,
    element,
    failure,
    listed,
    named,
    ok,
    pending,
    pso,
    response,
    service,
    shape,
    wrap,
)
from tests.protocols.talk import LOST, REFUSED, delivery, talk

KNOWN = Known(Phase.ACTIVE, "77", VALUES)
NEW = {**VALUES, "mail": "ann@b.edu"}
IDS = {"readers": "g1", "writers": "g2"}
STILL = pending("status", space="async")
FORGOTTEN = failure("status", "noSuchRequest", space="async")


def came(inner: str = "", **attributes: str) -> HttpResponse:
    """The request is done, with this answer."""
    return ok("status", inner, space="async", **attributes)


def start(wanted: Delivery, *answers: Answer) -> Ending:
    """A delivery that ends with a ticket."""
    ending = talk(deliver(service(), wanted), *answers)[1]
    assert (ending.outcome, ending.ticket is not None) == (Outcome.UNKNOWN, True)
    return ending


def again(wanted: Delivery, ending: Ending, *answers: Answer, **changes: Any) -> tuple[list[str], Ending]:
    """The delivery after it, as the engine leads it: what is known from before, with the ticket, and in doubt."""
    later = replace(wanted, known=ending.known, look=True, ticket=ending.ticket, **changes)
    requests, after = talk(deliver(service(), later), *answers)
    return shape(requests), after


def test_a_pending_create_is_asked_after_and_not_repeated() -> None:
    wanted = delivery(values=VALUES)
    requests, first = talk(deliver(service(), wanted), pending("add"))
    assert (first.outcome, first.known) == (Outcome.UNKNOWN, Known(values=VALUES))
    shapes, second = again(wanted, first, STILL)
    assert (shapes, second.outcome, second.ticket) == (["status"], Outcome.UNKNOWN, first.ticket)
    later = replace(wanted, known=second.known, look=True, ticket=second.ticket)
    asked, third = talk(deliver(service(), later), came(response("add", named("77"))))
    assert element(asked[0]).get("asyncRequestID") == element(requests[0]).get("requestID")
    assert element(asked[0]).get("returnResults") == "true"
    assert (third.outcome, third.known, third.ticket) == (Outcome.DONE, KNOWN, None)


def test_the_sp_may_name_the_request_itself() -> None:
    wanted = delivery(values=VALUES)
    dialogue = deliver(service(), wanted)
    request = next(dialogue)
    assert isinstance(request, HttpRequest)
    sent = element(request).get("requestID", "")
    with pytest.raises(StopIteration) as stopped:
        dialogue.send(pending("add", requestID=sent))
    assert sent in stopped.value.value.ticket


@pytest.mark.parametrize("answer", [LOST, REFUSED, HttpResponse(503, {"retry-after": "9"}), HttpResponse(500, {}, b"")])
def test_a_question_without_an_answer_keeps_the_ticket(answer: Answer) -> None:
    wanted = delivery(values=VALUES)
    first = start(wanted, pending("add"))
    shapes, second = again(wanted, first, answer)
    assert (shapes, second.outcome, second.ticket) == (["status"], Outcome.UNKNOWN, first.ticket)
    assert second.retry_after == (9 if isinstance(answer, HttpResponse) and answer.status == 503 else None)


@pytest.mark.parametrize("answer", [FORGOTTEN, failure("status", "unsupportedOperation", space="async")])
def test_a_request_that_the_sp_does_not_know_is_in_doubt_until_a_look(answer: Answer) -> None:
    wanted = delivery(values=VALUES)
    shapes, second = again(wanted, start(wanted, pending("add")), answer)
    assert (shapes, second.outcome, second.ticket) == (["status"], Outcome.UNKNOWN, None)
    shapes, third = again(wanted, second, listed(pso()), active())
    assert (shapes, third.known) == (["search", "active"], KNOWN)


@pytest.mark.parametrize("said", ["", response("add")])
def test_a_create_that_was_done_without_an_id_is_looked_up(said: str) -> None:
    wanted = delivery(values=VALUES)
    shapes, ending = again(wanted, start(wanted, pending("add")), came(said), listed(pso()), active())
    assert (shapes, ending.known) == (["status", "search", "active"], KNOWN)


@pytest.mark.parametrize(
    ("error", "outcome"), [("malformedRequest", Outcome.PERMANENT), ("customError", Outcome.TRANSIENT)]
)
@pytest.mark.parametrize("outer", ["success", "failure"])
def test_a_request_that_failed_ends_as_it_would_have_at_once(error: str, outcome: Outcome, outer: str) -> None:
    wanted = delivery(values=VALUES)
    failed = response("add", status="failure", error=error)
    answer = wrap(response("status", failed, space="async", status=outer))
    shapes, ending = again(wanted, start(wanted, pending("add")), answer)
    assert (shapes, ending.outcome, ending.ticket) == (["status"], outcome, None)


def test_a_create_that_met_another_account_is_a_conflict() -> None:
    wanted = delivery(values=VALUES)
    exists = came(response("add", status="failure", error="alreadyExists"))
    theirs = listed(pso(mark="another"))
    shapes, ending = again(wanted, start(wanted, pending("add")), exists, listed(), theirs)
    assert (shapes, ending.outcome, ending.taken) == (["status", "search", "search"], Outcome.PERMANENT, ("uid", "ann"))
    shapes, ending = again(wanted, start(wanted, pending("add")), exists, listed(), listed())
    assert (shapes, ending.outcome) == (["status", "search", "search"], Outcome.PERMANENT)


def test_every_step_may_be_pending_and_none_is_repeated() -> None:
    """Memberships, suspension, values: the SP shows nothing of them, and the dialogue comes to its end all the same."""
    known = Known(Phase.ACTIVE, "77", VALUES, ("readers",))
    wanted = delivery(Phase.SUSPENDED, NEW, known=known, ids=IDS)
    first = start(wanted, pending("modify"))
    shapes, second = again(wanted, first, came(response("modify")), pending("suspend", space="suspend"))
    assert shapes == ["status", "suspend"]
    shapes, third = again(wanted, second, came(response("suspend", space="suspend")), pending("modify"))
    assert shapes == ["status", "modify"]
    shapes, ending = again(wanted, third, came(response("modify", named("78"))))
    assert (shapes, ending.outcome, ending.known) == (["status"], Outcome.DONE, Known(Phase.SUSPENDED, "78", NEW))


def test_a_new_account_that_is_wanted_suspended_with_pending_answers_is_suspended_in_the_end() -> None:
    wanted = delivery(Phase.SUSPENDED, VALUES)
    first = start(wanted, pending("add"))
    shapes, second = again(wanted, first, came(response("add", named("77"))), pending("suspend", space="suspend"))
    assert (shapes, second.known.remote_id) == (["status", "suspend"], "77")
    shapes, ending = again(wanted, second, came(response("suspend", space="suspend")))
    assert (shapes, ending.known) == (["status"], Known(Phase.SUSPENDED, "77", VALUES))


def test_memberships_that_are_pending_are_known_when_they_are_done() -> None:
    wanted = delivery(values=VALUES, groups=("readers", "writers"), ids=IDS, known=KNOWN)
    first = start(wanted, pending("modify"))
    assert first.known.groups == ("readers", "writers")
    shapes, ending = again(wanted, first, came(response("modify")))
    assert (shapes, ending.known.groups) == (["status"], ("readers", "writers"))


def test_a_pending_deletion_is_done_when_the_sp_says_so() -> None:
    wanted = delivery(Phase.ABSENT, known=KNOWN)
    first = start(wanted, pending("delete"))
    assert again(wanted, first, came(response("delete")))[1].known == Known()
    gone = came(response("delete", status="failure", error="noSuchIdentifier"))
    shapes, ending = again(wanted, first, gone, failure("delete", "noSuchIdentifier"))
    assert (shapes, ending.outcome, ending.known) == (["status", "delete"], Outcome.DONE, Known())


def test_when_something_else_is_wanted_meanwhile_the_sp_is_looked_at_before_it_is_changed() -> None:
    wanted = delivery(values=VALUES)
    first = start(wanted, pending("add"))
    other = replace(wanted, desired=replace(wanted.desired, values=NEW), operation="operation-2")
    added = came(response("add", named("77")))
    shapes, ending = again(other, first, added, ok("lookup", pso()), active(), ok("modify"))
    assert (shapes, ending.known) == (["status", "lookup", "active", "modify"], Known(Phase.ACTIVE, "77", NEW))
    failed = came(response("add", status="failure", error="malformedRequest"))
    shapes, ending = again(other, first, failed, listed(), listed(), ok("add", named("5")))
    assert (shapes, ending.known.remote_id) == (["status", "search", "search", "add"], "5")
    none = delivery(Phase.ABSENT)
    shapes, ending = again(replace(none, operation="operation-3"), first, added, ok("delete"))
    assert (shapes, ending.known) == (["status", "delete"], Known())


def test_an_account_that_was_about_to_be_adopted_is_claimed_once_its_mark_has_arrived() -> None:
    adopting = service(adopt="match")
    wanted = delivery(values=VALUES)
    exists = failure("add", "alreadyExists")
    answers = [exists, listed(), listed(pso(mark=None)), active(), pending("modify")]
    first = talk(deliver(adopting, wanted), *answers)[1]
    assert (first.known.remote_id, first.ticket is not None) == (None, True)
    later = replace(wanted, known=first.known, look=True, ticket=first.ticket)
    requests, ending = talk(deliver(adopting, later), came(response("modify")), listed(pso()), active())
    assert (shape(requests), ending.known) == (["status", "search", "active"], KNOWN)


@pytest.mark.parametrize(
    "said", [response("add", status="done"), "<c:xResponse status='success'/>", response("delete")]
)
def test_a_result_that_is_none_is_a_doubt(said: str) -> None:
    wanted = delivery(values=VALUES)
    _, ending = again(wanted, start(wanted, pending("add")), came(said), *[listed()] * 0)
    assert (ending.outcome, ending.ticket) == (Outcome.UNKNOWN, None)


def test_a_look_that_the_sp_answers_later_is_waited_for_a_little() -> None:
    wanted = delivery(values=VALUES, known=KNOWN, look=True)
    still, looked = came(response("lookup", status="pending")), came(response("lookup", pso()))
    requests, ending = talk(deliver(service(), wanted), pending("lookup"), still, looked, active())
    assert (shape(requests), ending.outcome) == (["lookup", "status", "status", "active"], Outcome.DONE)
    _, ending = talk(deliver(service(), wanted), pending("lookup"), *[still] * 5)
    assert (ending.outcome, ending.ticket, ending.known) == (Outcome.TRANSIENT, None, KNOWN)
    failed = came(response("lookup", status="failure", error="noSuchIdentifier"))
    assert talk(deliver(service(), wanted), pending("lookup"), failed)[1].known == Known()


@pytest.mark.parametrize("answer", [STILL, FORGOTTEN, came(response("add")), came("<c:xResponse/>"), LOST])
def test_a_look_whose_later_answer_cannot_be_had_is_no_look(answer: Answer) -> None:
    wanted = delivery(values=VALUES, known=KNOWN, look=True)
    _, ending = talk(deliver(service(), wanted), pending("lookup"), answer)
    assert (ending.outcome, ending.known, ending.ticket) == (Outcome.TRANSIENT, KNOWN, None)


def test_what_was_in_doubt_before_a_pending_step_is_still_told_by_what_the_sp_shows() -> None:
    """The values that a lost change may have brought are known of, and were never there."""
    wanted = delivery(Phase.SUSPENDED, NEW, known=replace(KNOWN, values=NEW), look=True)
    first = start(wanted, ok("lookup", pso()), active(), pending("suspend", space="suspend"))
    done = came(response("suspend", space="suspend"))
    shapes, ending = again(wanted, first, done, ok("lookup", pso()), active("false"), ok("modify"))
    assert shapes == ["status", "lookup", "active", "modify"]
    assert ending.known == Known(Phase.SUSPENDED, "77", NEW)


def test_a_new_account_has_only_what_was_sent_with_it() -> None:
    """Its memberships were intended before it was made, so they are known of, and are not there yet."""
    intended = Known(values={**VALUES, "sn": "Other"}, groups=("readers", "writers"))
    wanted = delivery(values=VALUES, groups=("readers",), ids=IDS, known=intended)
    first = start(wanted, pending("add"))
    shapes, ending = again(wanted, first, came(response("add", named("77"))), ok("modify"))
    assert (shapes, ending.known) == (["status", "modify"], replace(KNOWN, groups=("readers",)))
