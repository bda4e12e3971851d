"""The SPML dialogue, answered by hand."""

from dataclasses import replace
from typing import Any

import pytest

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import Answer, Delivery, HttpResponse, Outcome
from provisioning.protocols.spml import deliver
from tests.protocols.spml_talk import (
    SPML,
    VALUES,
    active,
    changes,
    element,
    failure,
    listed,
    named,
    ok,
    pso,
    service,
    shape,
    told,
)
from tests.protocols.talk import IDENTITY, LOST, REFUSED, delivery, talk

NEW = {**VALUES, "mail": "ann@b.edu"}
ADOPTING = service(adopt="match")
KNOWN = Known(Phase.ACTIVE, "77", VALUES)
SUSPENDED = Known(Phase.SUSPENDED, "77", VALUES)
BY_VALUE = {"active": {"status": "open"}, "suspended": {"status": "closed"}}


def wanted(phase: Phase = Phase.ACTIVE, values: Any = VALUES, **changes_: Any) -> Delivery:
    return delivery(phase, values, **changes_)


def test_a_create_is_one_add_and_its_id_is_kept() -> None:
    requests, ending = talk(deliver(service(), wanted()), ok("add", named("a/b")))
    assert (shape(requests), ending.outcome) == (["add"], Outcome.DONE)
    assert ending.known == Known(Phase.ACTIVE, "a/b", VALUES)
    assert told(requests[0]) == {
        "objectclass": ["person"], "uid": ["ann"], "mail": ["ann@a.edu"], "employeeNumber": [IDENTITY],
    }  # fmt: skip
    assert (element(requests[0]).get("targetID"), element(requests[0]).get("returnData")) == ("people", "identifier")
    assert requests[0].headers["content-type"] == "text/xml; charset=UTF-8"


def test_an_id_of_another_target_is_kept_with_its_target() -> None:
    _, ending = talk(deliver(service(), wanted()), ok("add", named("5", "elsewhere")))
    assert ending.known.remote_id == '["5","elsewhere"]'
    requests, _ = talk(deliver(service(), wanted(values=NEW, known=ending.known)), ok("modify"))
    assert element(requests[0])[0].attrib == {"ID": "5", "targetID": "elsewhere"}


def test_an_account_that_is_wanted_suspended_is_suspended_as_soon_as_it_is_made() -> None:
    requests, ending = talk(
        deliver(service(), wanted(Phase.SUSPENDED)), ok("add", named("1")), ok("suspend", space="suspend")
    )
    assert (shape(requests), ending.known) == (["add", "suspend"], Known(Phase.SUSPENDED, "1", VALUES))


def test_a_target_that_suspends_by_a_value_is_told_in_the_same_request() -> None:
    by_value = service(BY_VALUE)
    requests, ending = talk(deliver(by_value, wanted(Phase.SUSPENDED)), ok("add", named("1")))
    assert (told(requests[0])["status"], ending.known.phase) == (["closed"], Phase.SUSPENDED)
    requests, ending = talk(deliver(by_value, wanted(values=NEW, known=ending.known)), ok("modify"))
    assert changes(requests[0]) == [("replace", "mail", ["ann@b.edu"]), ("replace", "status", ["open"])]
    assert ending.known == Known(Phase.ACTIVE, "1", NEW)
    shown = pso(status="closed")
    requests, ending = talk(deliver(by_value, wanted(known=KNOWN, look=True)), ok("lookup", shown), ok("modify"))
    assert (shape(requests), changes(requests[1])) == (["lookup", "modify"], [("replace", "status", ["open"])])


@pytest.mark.parametrize("inner", ["", "<c:pso/>", "<c:pso><c:psoID/></c:pso>", named(""), named("x" * 513)])
def test_a_create_without_a_usable_id_is_in_doubt(inner: str) -> None:
    _, ending = talk(deliver(service(), wanted()), ok("add", inner))
    assert (ending.outcome, ending.known) == (Outcome.UNKNOWN, Known(values=VALUES))


def test_a_success_with_a_message_is_a_success() -> None:
    answer = ok("add", "<c:errorMessage>welcome mail queued</c:errorMessage>" + named("1"))
    assert talk(deliver(service(), wanted()), answer)[1].outcome is Outcome.DONE


@pytest.mark.parametrize(("answer", "outcome"), [(LOST, Outcome.UNKNOWN), (REFUSED, Outcome.TRANSIENT)])
def test_a_lost_create_is_in_doubt_and_one_that_never_left_is_not(answer: Answer, outcome: Outcome) -> None:
    _, ending = talk(deliver(service(), wanted()), answer)
    assert ending.outcome is outcome
    assert ending.known == (Known(values=VALUES) if outcome is Outcome.UNKNOWN else Known())


def test_after_a_doubt_the_account_is_found_by_our_mark_and_taken_over() -> None:
    lost = Known(values={**VALUES, "sn": "Other"})
    requests, ending = talk(
        deliver(service(), wanted(values=NEW, known=lost, look=True)), listed(pso(sn="Other")), active(), ok("modify")
    )
    assert shape(requests) == ["search", "active", "modify"]
    assert changes(requests[2]) == [("replace", "mail", ["ann@b.edu"]), ("delete", "sn", [])]
    assert ending.known == Known(Phase.ACTIVE, "77", NEW)


def test_after_a_doubt_nothing_found_by_mark_or_name_means_create() -> None:
    requests, ending = talk(deliver(service(), wanted(look=True)), listed(), listed(), ok("add", named("1")))
    assert (shape(requests), ending.known.remote_id) == (["search", "search", "add"], "1")


def test_a_search_is_followed_to_its_end_and_closed_beyond_its_bound() -> None:
    page = ok("search", pso("1", "another", uid="bob") + '<r:iterator ID="i1"/>', space="search")
    more = ok("iterate", pso("2", "another", uid="cid") + '<r:iterator ID="i2"/>', space="search")
    last = ok("iterate", pso(), space="search")
    requests, ending = talk(deliver(service(), wanted(look=True)), page, more, last, active())
    assert (shape(requests), ending.known.remote_id) == (["search", "iterate", "iterate", "active"], "77")
    closed = ok("closeIterator", space="search")
    answers = [page, more, more, more, closed] * 2
    requests, ending = talk(deliver(service(), wanted(look=True)), *answers)
    assert shape(requests) == ["search", "iterate", "iterate", "iterate", "closeIterator"] * 2
    assert (ending.outcome, "add" in shape(requests)) == (Outcome.PERMANENT, False)


def test_a_target_that_cannot_search_proves_nothing_and_no_account_is_made() -> None:
    no = failure("search", "unsupportedOperation", space="search")
    requests, ending = talk(deliver(service(), wanted(look=True)), no, no)
    assert (shape(requests), ending.outcome) == (["search", "search"], Outcome.PERMANENT)


@pytest.mark.parametrize("identifier", ["identity", "match"])
def test_an_account_whose_id_we_propose_is_looked_up_by_it(identifier: str) -> None:
    held = service({"identifier": identifier, "owner": None})
    gone, no = failure("lookup", "noSuchIdentifier"), failure("search", "unsupportedOperation", space="search")
    looks = [gone, no] if identifier == "identity" else [no, gone]
    requests, ending = talk(deliver(held, wanted(look=True)), *looks, ok("add", named("1")))
    proposed = IDENTITY if identifier == "identity" else "ann"
    assert (element(requests[2])[0].get("ID"), ending.outcome) == (proposed, Outcome.DONE)
    if identifier == "identity":
        _, ending = talk(deliver(held, wanted(look=True)), ok("lookup", pso(IDENTITY, None)), active())
        assert (ending.outcome, ending.known.remote_id) == (Outcome.DONE, IDENTITY)


def test_two_accounts_with_our_mark_are_a_question_for_a_person() -> None:
    _, ending = talk(deliver(service(), wanted(look=True)), listed(pso("1"), pso("2")))
    assert (ending.outcome, ending.known) == (Outcome.PERMANENT, Known())


@pytest.mark.parametrize(("mark", "who"), [(None, service()), ("another", service()), ("another", ADOPTING)])
def test_a_conflict_that_may_not_be_adopted_is_permanent_and_names_what_is_taken(mark: str | None, who: Any) -> None:
    exists = failure("add", "alreadyExists", "ann is there")
    requests, ending = talk(deliver(who, wanted()), exists, listed(), listed(pso(mark=mark, uid="ANN")))
    assert (shape(requests), ending.outcome) == (["add", "search", "search"], Outcome.PERMANENT)
    assert (ending.known, ending.taken) == (Known(), ("uid", "ann"))
    assert "ann" not in ending.reason


def test_an_unmarked_account_is_adopted_with_our_mark_where_its_operator_says_so() -> None:
    exists = failure("add", "alreadyExists")
    answers = [exists, listed(), listed(pso(mark=None)), active("false"), ok("modify")]
    requests, ending = talk(deliver(ADOPTING, wanted()), *answers, ok("resume", space="suspend"))
    assert shape(requests) == ["add", "search", "search", "active", "modify", "resume"]
    assert changes(requests[4]) == [("replace", "employeeNumber", [IDENTITY])]
    assert ending.known == KNOWN
    _, ending = talk(deliver(ADOPTING, wanted()), *answers[:4], LOST)
    assert (ending.outcome, ending.known.remote_id) == (Outcome.UNKNOWN, None)


def test_an_account_that_exists_and_is_not_shown_is_looked_for_again_and_then_a_question() -> None:
    exists = failure("add", "alreadyExists")
    _, ending = talk(deliver(service(), wanted()), exists, listed(), listed())
    assert ending.outcome is Outcome.UNKNOWN
    _, ending = talk(deliver(service(), wanted(look=True)), listed(), listed(), exists, listed(), listed())
    assert (ending.outcome, ending.taken) == (Outcome.PERMANENT, ("uid", "ann"))


def test_an_update_changes_what_differs_and_nothing_else() -> None:
    known = replace(KNOWN, values={**VALUES, "sn": "Other", "roles": ["a", "b"]})
    desired = {"uid": "ann", "mail": ["x@a.edu", "y@a.edu"], "roles": ["b", "a"], "age": 7, "staff": True, "no": ""}
    requests, ending = talk(deliver(service(), wanted(values=desired, known=known)), ok("modify"))
    assert changes(requests[0]) == [
        ("replace", "mail", ["x@a.edu", "y@a.edu"]),
        ("replace", "age", ["7"]),
        ("replace", "staff", ["true"]),
        ("delete", "sn", []),
    ]
    assert ending.known == Known(Phase.ACTIVE, "77", desired)


def test_what_is_as_wanted_needs_no_request() -> None:
    assert talk(deliver(service(), wanted(known=KNOWN)))[0] == []


def test_a_change_may_give_an_account_another_id() -> None:
    requests, ending = talk(
        deliver(service(), wanted(Phase.ACTIVE, NEW, known=SUSPENDED)),
        ok("modify", named("78")),
        ok("resume", named("79"), space="suspend"),
    )
    assert (element(requests[1])[0].get("ID"), ending.known.remote_id) == ("78", "79")


def test_suspension_comes_before_the_values_and_resumption_after_them() -> None:
    done = ok("suspend", space="suspend")
    requests, ending = talk(
        deliver(service(), wanted(Phase.SUSPENDED, NEW, known=KNOWN)), done, failure("modify", "malformedRequest")
    )
    assert shape(requests) == ["suspend", "modify"]
    assert (ending.outcome, ending.known) == (Outcome.PERMANENT, SUSPENDED)
    resumed = ok("resume", space="suspend")
    requests, ending = talk(deliver(service(), wanted(values=NEW, known=SUSPENDED)), ok("modify"), resumed)
    assert (shape(requests), ending.known) == (["modify", "resume"], Known(Phase.ACTIVE, "77", NEW))


@pytest.mark.parametrize("phase", [Phase.ACTIVE, Phase.SUSPENDED])
def test_an_account_that_is_gone_is_told_and_not_made_again_here(phase: Phase) -> None:
    kind = "modify" if phase is Phase.ACTIVE else "suspend"
    gone = failure(kind, "noSuchIdentifier", space="" if kind == "modify" else "suspend")
    _, ending = talk(deliver(service(), wanted(phase, NEW, known=KNOWN)), gone)
    assert (ending.outcome, ending.known, ending.retry_after) == (Outcome.TRANSIENT, Known(), 0)
    gone = failure("lookup", "noSuchIdentifier")
    _, ending = talk(deliver(service(), wanted(phase, NEW, known=KNOWN, look=True)), gone)
    assert (ending.outcome, ending.known, ending.retry_after) == (Outcome.TRANSIENT, Known(), 0)


def test_an_account_that_was_given_anothers_mark_is_left_alone() -> None:
    _, ending = talk(deliver(service(), wanted(known=KNOWN, look=True)), ok("lookup", pso(mark="another")))
    assert ending.outcome is Outcome.PERMANENT


@pytest.mark.parametrize("shown", ["", named("77"), pso("78"), "<c:pso/>"])
def test_a_look_that_shows_something_else_is_no_look(shown: str) -> None:
    _, ending = talk(deliver(service(), wanted(known=KNOWN, look=True)), ok("lookup", shown))
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, KNOWN)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (active("1"), []),
        (active("false"), ["resume"]),
        (ok("active", space="suspend"), ["resume"]),
        (failure("active", "unsupportedOperation", space="suspend"), []),
    ],
)
def test_after_a_look_the_state_is_asked_for(said: HttpResponse, asked: list[str]) -> None:
    resumed = [ok("resume", space="suspend")] * len(asked)
    requests, ending = talk(deliver(service(), wanted(known=KNOWN, look=True)), ok("lookup", pso()), said, *resumed)
    assert (shape(requests), ending.known) == (["lookup", "active", *asked], KNOWN)


def test_a_deletion_is_one_request_and_gone_is_deleted() -> None:
    for answer in (ok("delete"), failure("delete", "noSuchIdentifier")):
        requests, ending = talk(deliver(service(), wanted(Phase.ABSENT, known=KNOWN)), answer)
        assert (shape(requests), ending.outcome, ending.known) == (["delete"], Outcome.DONE, Known())
    _, ending = talk(deliver(service(), wanted(Phase.ABSENT, known=KNOWN)), failure("delete", "containerNotEmpty"))
    assert (ending.outcome, ending.known) == (Outcome.PERMANENT, KNOWN)


def test_after_a_doubt_only_what_is_ours_is_deleted() -> None:
    assert talk(deliver(service(), wanted(Phase.ABSENT)))[1].outcome is Outcome.DONE
    lost = Known(values=VALUES)
    requests, ending = talk(
        deliver(service(), wanted(Phase.ABSENT, known=lost, look=True)), listed(pso("5")), ok("delete")
    )
    assert (shape(requests), ending.known) == (["search", "delete"], Known())
    dialogue = deliver(ADOPTING, wanted(Phase.ABSENT, known=lost, look=True))
    requests, ending = talk(dialogue, listed(), listed(pso("6", None), pso("7", "another")))
    assert (shape(requests), ending.outcome) == (["search", "search"], Outcome.DONE)


def test_without_a_configured_target_the_only_one_is_used_and_asked_for_when_it_is_needed() -> None:
    targets = ok("listTargets", '<c:target targetID="t1"/>')
    requests, ending = talk(deliver(service({"target": None}), wanted()), targets, ok("add", named("1", "t1")))
    assert (shape(requests), element(requests[1]).get("targetID")) == (["listTargets", "add"], "t1")
    requests, _ = talk(deliver(service({"target": None}), wanted(values=NEW, known=ending.known)), ok("modify"))
    assert element(requests[0])[0].attrib == {"ID": "1", "targetID": "t1"}
    several = ok("listTargets", '<c:target targetID="t1"/><c:target targetID="t2"/>')
    _, ending = talk(deliver(service({"target": None}), wanted()), several)
    assert (ending.outcome, "t1, t2" in ending.reason) == (Outcome.PERMANENT, True)
    ours = ok(
        "listTargets", '<c:target targetID="t1" profile="urn:x:xsd"/><c:target targetID="t2" profile="urn:x:DSML"/>'
    )
    requests, _ = talk(deliver(service({"target": None}), wanted()), ours, ok("add", named("1")))
    assert element(requests[1]).get("targetID") == "t2"


@pytest.mark.parametrize(
    ("values", "problem"),
    [({"uid": "a\x01"}, "XML cannot carry"), ({"uid": {"a": 1}}, "parts"), ({"uid": [["a"]]}, "parts")],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(values: Any, problem: str) -> None:
    requests, ending = talk(deliver(service(), wanted(values=values)))
    assert (requests, ending.outcome) == ([], Outcome.PERMANENT)
    assert problem in ending.reason


def test_a_service_without_options_is_refused() -> None:
    bare = service().model_copy(update={"spml": None})
    assert talk(deliver(bare, wanted()))[1].outcome is Outcome.PERMANENT


def test_the_execution_mode_is_asked_for_where_it_is_configured() -> None:
    for mode, told_, looked in (("either", None, None), ("asynchronous", "asynchronous", None), ("synchronous",) * 3):
        held = service({**SPML, "execution": mode})
        requests, _ = talk(deliver(held, wanted(look=True)), listed(), listed(), ok("add", named("1")))
        assert [element(each).get("executionMode") for each in requests] == [looked, looked, told_]
