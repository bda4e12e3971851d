"""SCIM, answered by hand: values for new accounts only, values where there is none, and names that are taken."""

from dataclasses import replace
from typing import Any

import pytest

from provisioning.core.account import Desired, Known, Phase
from provisioning.protocols.dialogue import Delivery, Outcome
from provisioning.protocols.scim import deliver
from tests.protocols.talk import (
    IDENTITY,
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

LOCALE, TITLE = {"locale": "nl"}, {"title": "Dr"}
WEAK = Desired(
    Phase.ACTIVE, {**VALUES, **LOCALE, **TITLE}, once=frozenset({"locale"}), fill=frozenset({"title", "nickName"})
)


def weakly(known: Known | None = None, *, look: bool = False, **values: str) -> Delivery:
    wanted = replace(WEAK, values={**WEAK.values, **values})
    return Delivery(IDENTITY, wanted, known or Known(), look, "operation-1", 7)


def test_a_new_account_gets_every_value_and_only_those_that_stay_ours_are_remembered() -> None:
    requests, ending = talk(deliver(service(), weakly()), ok(201, user()))
    assert (requests[0].body["locale"], requests[0].body["title"]) == ("nl", "Dr")
    assert ending.known == Known(Phase.ACTIVE, "77", VALUES, filled=("title",))


def test_an_update_leaves_out_what_is_not_compared() -> None:
    known = replace(existing(), filled=("title",))
    requests, ending = talk(deliver(service(), weakly(known, userName="new", title="Prof", locale="de")), ok())
    assert operations(requests[0]) == [{"op": "replace", "path": "userName", "value": "new"}]
    assert ending.known == replace(known, values={**VALUES, "userName": "new"})


@pytest.mark.parametrize("theirs", [{}, {"title": ""}, {"title": None}])
def test_a_look_fills_what_is_empty_and_nothing_else(theirs: dict[str, Any]) -> None:
    requests, ending = talk(deliver(service(), weakly(existing(), look=True)), ok(200, user(**theirs)), ok())
    assert operations(requests[1]) == [{"op": "replace", "path": "title", "value": "Dr"}]
    assert ending.known == replace(existing(), filled=("title",))


def test_a_look_leaves_what_the_sp_has() -> None:
    shown = user(title="Prof", locale="de", nickName="Annie")
    requests, ending = talk(deliver(service(), weakly(existing(), look=True)), ok(200, shown))
    assert (shape(requests), ending.known.filled) == (["GET /Users/77"], ("title",))


def test_after_a_doubt_nothing_that_the_sp_may_have_set_is_taken_back() -> None:
    suspected = existing({**VALUES, "locale": None, "title": None, "nickName": None})
    shown = user(title="Prof", locale="de", nickName="Annie")
    requests, ending = talk(deliver(service(), weakly(suspected, look=True)), ok(200, shown))
    assert (shape(requests), ending.known.values) == (["GET /Users/77"], VALUES)


def test_an_entry_that_is_missing_is_filled_whole() -> None:
    path = 'emails[type eq "work"].value'
    wanted = Desired(Phase.ACTIVE, {**VALUES, path: "a@b.c"}, fill=frozenset({path}))
    request = Delivery(IDENTITY, wanted, existing(), True, "operation-1", 7)
    requests, _ = talk(deliver(service(), request), ok(200, user(emails=[{"type": "home", "value": "x"}])), ok())
    entry = {"type": "work", "value": "a@b.c"}
    assert operations(requests[1]) == [{"op": "add", "path": "emails", "value": [entry]}]


# Names that are taken.


@pytest.mark.parametrize("other", [user("88", "another"), user("88", None)])
def test_a_conflict_says_which_value_another_has(other: dict[str, Any]) -> None:
    _, ending = talk(deliver(service(), delivery()), error(409, "", "uniqueness"), listed(), listed(other))
    assert (ending.outcome, ending.taken) == (Outcome.PERMANENT, ("userName", "ann.other"))


def test_a_conflict_over_what_may_be_adopted_takes_nothing() -> None:
    _, ending = talk(deliver(service(adopt="match"), delivery()), error(409), listed(), listed(user("88", None)), ok())
    assert (ending.outcome, ending.taken, ending.known.remote_id) == (Outcome.DONE, None, "88")


@pytest.mark.parametrize(("scim_type", "taken"), [("uniqueness", ("userName", "ann.other")), ("", None)])
def test_a_conflict_that_no_look_explains_is_a_taken_value_if_the_sp_says_uniqueness(
    scim_type: str, taken: tuple[str, str] | None
) -> None:
    nothing = [listed(), listed()]
    _, ending = talk(deliver(service(), delivery(look=True)), *nothing, error(409, "", scim_type), *nothing)
    assert (ending.outcome, ending.taken) == (Outcome.PERMANENT, taken)
    _, first = talk(deliver(service(), delivery()), error(409, "", scim_type), *nothing)
    assert (first.outcome, first.taken) == (Outcome.UNKNOWN, None), "it may be ours and not be shown yet"
