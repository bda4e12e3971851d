"""The webhook's dialogue: one signed POST of the whole account, the same bytes for the same operation."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import Accepted, Outcome
from provisioning.protocols.webhook import check, deliver, make_body
from tests.protocols.talk import IDENTITY, LOST, REFUSED, delivery, error, existing, ok, service, talk

SERVICE = service(protocol="webhook", secret="library")


def test_the_body_is_the_operation() -> None:
    requests, ending = talk(deliver(SERVICE, delivery(groups=("readers",))), ok(200, {"id": "77"}))
    request = requests[0]
    assert (request.method, request.path, request.body, request.sign_as) == ("POST", "", None, "operation-1")
    assert json.loads(request.content) == {
        "type": "account.active",
        "data": {
            "identity": IDENTITY, "service": "library", "phase": "active", "turn": 7, "groups": ["readers"],
            "values": {"userName": "ann.other", "name.givenName": "Ann"}, "strengths": {},
        },
    }  # fmt: skip
    assert ending.known == existing(groups=("readers",))


def test_the_receivers_id_is_sent_back_and_kept() -> None:
    requests, ending = talk(deliver(SERVICE, delivery(Phase.SUSPENDED, known=existing())), ok(204))
    assert json.loads(requests[0].content)["data"]["id"] == "77"
    assert (ending.known.phase, ending.known.remote_id) == (Phase.SUSPENDED, "77")


def test_after_a_doubt_the_same_is_sent() -> None:
    first, ending = talk(deliver(SERVICE, delivery()), LOST)
    assert (ending.outcome, ending.known) == (Outcome.UNKNOWN, Known())
    again, _ = talk(deliver(SERVICE, delivery(look=True)), ok())
    assert first == again


def test_a_conflict_names_what_is_taken() -> None:
    _, ending = talk(deliver(SERVICE, delivery()), error(409, "ann.other is taken"))
    assert (ending.outcome, ending.taken) == (Outcome.PERMANENT, ("userName", "ann.other"))
    assert "ann.other" not in ending.reason


def test_what_cannot_be_an_id_is_no_id() -> None:
    for value in (5, "", "a\nb", "x" * 513, None, ["1"]):
        assert talk(deliver(SERVICE, delivery()), ok(200, {"id": value}))[1].known.remote_id is None


def test_what_is_no_answer_of_a_receiver_is_no_success() -> None:
    assert talk(deliver(SERVICE, delivery()), Accepted())[1].outcome is Outcome.UNKNOWN
    assert talk(deliver(SERVICE, delivery()), REFUSED)[1].outcome is Outcome.TRANSIENT


def test_a_webhook_without_a_secret_is_found_when_the_bundle_is_checked() -> None:
    assert [error.where for error in check(service(protocol="webhook"))] == ["services/library.secret"]
    assert check(SERVICE) == ()


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())), st.permutations(range(5)))
def test_the_order_of_values_does_not_change_the_body(values: dict[str, object], order: list[int]) -> None:
    wanted = delivery(values=values)
    items = list(values.items())
    other = dict(sorted(items, key=lambda item: order[items.index(item) % 5]))
    assert make_body(SERVICE, wanted) == make_body(SERVICE, replace(wanted, desired=delivery(values=other).desired))
