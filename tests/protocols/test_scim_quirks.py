"""Quirks, answered by hand: what an SP of our own would not show."""

from typing import Any

import pytest

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import Outcome
from provisioning.protocols.scim import deliver
from provisioning.protocols.scim_resource import USER
from provisioning.protocols.scim_user import make_user
from tests.protocols.talk import IDENTITY, VALUES, delivery, error, existing, listed, ok, service, shape, talk, user

ANNA = {**VALUES, "name.givenName": "Anna"}
LOOK = delivery(values=ANNA, known=existing(), look=True)


@pytest.mark.parametrize(
    ("headers", "meta", "sent"),
    [
        ({"etag": 'W/"2"'}, {}, 'W/"2"'),
        ({"etag": 'W/"2"'}, {"meta": {"version": 'W/"1"', "created": "x"}}, 'W/"2"'),
        ({}, {"meta": {"version": 'W/"1"'}}, 'W/"1"'),
        ({}, {"Meta": {"Version": "1"}}, "1"),
        ({}, {"meta": {"version": "a\r\nx: y"}}, None),
        ({}, {"meta": {"version": "é"}}, None),
        ({}, {"meta": {"version": "x" * 257}}, None),
        ({}, {"meta": {"version": 1}}, None),
        ({}, {"meta": "x"}, None),
        ({}, {}, None),
    ],
)
def test_the_version_that_was_shown_is_sent_if_a_header_can_carry_it(
    headers: dict[str, str], meta: dict[str, Any], sent: str | None
) -> None:
    requests, ending = talk(deliver(service(), LOOK), ok(200, user(**meta), **headers), ok(204))
    assert (shape(requests), ending.outcome) == (["GET /Users/77", "PATCH /Users/77"], Outcome.DONE)
    assert requests[1].headers.get("if-match") == sent


def test_races_that_are_never_won_say_where_to_look() -> None:
    answers = [ok(200, user(), etag="1"), error(412)] * 3
    _, ending = talk(deliver(service(), LOOK), *answers)
    assert (ending.outcome, ending.known) == (Outcome.TRANSIENT, existing())
    assert "scim.etag" in ending.reason


@pytest.mark.parametrize("entries", [[], [{"id": "1", "userName": "x"}]])
def test_cursors_that_go_round_in_a_circle_end(entries: list[Any]) -> None:
    page = ok(200, {"Resources": entries, "nextCursor": "c"})
    reading = service(scim={"filter": "none", "paging": "cursor"})
    requests, ending = talk(deliver(reading, delivery(look=True)), page, page)
    assert [request.query["cursor"] for request in requests] == ["", "c"]
    assert ending.outcome is Outcome.PERMANENT


def test_an_empty_page_may_have_a_next_one() -> None:
    pages = (ok(200, {"nextCursor": "+/=:"}), ok(200, {"Resources": [user()]}))
    requests, ending = talk(deliver(service(scim={"paging": "cursor"}), delivery(look=True)), *pages)
    assert (requests[1].query["cursor"], ending.known.remote_id) == ("+/=:", "77")
    assert requests[1].query == {**requests[0].query, "cursor": "+/=:"}


def test_a_cursor_that_is_no_text_or_too_long_is_none() -> None:
    cursors: list[Any] = [5, "", "x" * 4097, {}]
    for cursor in cursors:
        page = ok(200, {"Resources": [user()], "totalResults": 1, "nextCursor": cursor})
        _, ending = talk(deliver(service(), delivery(look=True)), page)
        assert ending.known.remote_id == "77"


def test_an_sp_without_value_paths_is_asked_by_value_and_what_comes_is_compared() -> None:
    path = 'emails[type eq "work"].value'
    matching = service(match=path, adopt="match", scim={"filter": "eq"})
    home = user("1", None, emails=[{"type": "home", "value": "ann@a.edu"}])
    work = user("2", None, emails=[{"type": "work", "value": "ann@a.edu"}])
    wanted = delivery(values={**VALUES, path: "ann@a.edu"}, look=True)
    requests, ending = talk(deliver(matching, wanted), listed(), listed(home, work), ok(204))
    assert (requests[1].query["filter"], ending.known.remote_id) == ('emails.value eq "ann@a.edu"', "2")


def test_a_secret_that_nobody_shows_is_not_sent_after_every_look() -> None:
    values = {**VALUES, "password": "correct horse"}
    dialogue = deliver(service(), delivery(values=values, known=existing(values), look=True))
    requests, ending = talk(dialogue, ok(200, user()))
    assert (shape(requests), ending.outcome) == (["GET /Users/77"], Outcome.DONE)
    changed = {**values, "password": "battery staple"}
    dialogue = deliver(service(), delivery(values=changed, known=existing(values), look=True))
    requests, _ = talk(dialogue, ok(200, user()), ok(204))
    assert requests[1].body["Operations"] == [{"op": "replace", "path": "password", "value": "battery staple"}]


def test_an_extension_is_one_however_it_is_spelled() -> None:
    made = make_user({"urn:Acme:User:a": "1", "urn:acme:User:b": "2"}, IDENTITY, active=True)
    assert (made["urn:Acme:User"], made["schemas"]) == ({"a": "1", "b": "2"}, [USER, "urn:Acme:User"])


def test_a_doubtful_status_of_a_look_is_an_answer_where_the_sp_is_known_for_it() -> None:
    for scim, outcome in (({"preset": "entra"}, Known()), ({}, existing())):
        _, ending = talk(deliver(service(scim=scim), LOOK), error(400))
        assert ending.known == outcome


@pytest.mark.parametrize(
    ("scim", "method"), [({"preset": "okta"}, "PATCH"), ({"preset": "okta", "delete": "removes"}, "DELETE")]
)
def test_an_operator_s_word_wins_over_the_preset(scim: dict[str, str], method: str) -> None:
    requests, ending = talk(deliver(service(scim=scim), delivery(Phase.ABSENT, known=existing())), ok(204))
    assert (shape(requests), ending.known) == ([f"{method} /Users/77"], Known())
