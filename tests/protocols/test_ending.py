"""What an answer means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import Ending, HttpRequest, HttpResponse, Outcome, Unanswered
from provisioning.protocols.ending import REASON, classify, discreet, read_object, retry_after
from tests.protocols.talk import error

KNOWN = Known(Phase.ACTIVE, "77")
D, T, P, U = Outcome.DONE, Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "asking", "changing"),
    [
        (200, D, D), (201, D, D), (204, D, D), (299, D, D),
        (301, P, P), (304, P, P), (307, P, P),
        (400, P, P), (405, P, P), (409, P, P), (413, P, P), (422, P, P),
        (401, T, T), (403, T, T), (404, T, T), (408, T, T), (412, T, T), (425, T, T), (429, T, T), (503, T, T),
        (500, T, U), (502, T, U), (504, T, U), (599, T, U), (501, P, P),
    ],
)  # fmt: skip
def test_each_status_has_its_meaning(status: int, asking: Outcome, changing: Outcome) -> None:
    assert classify(HttpRequest("GET", "/"), HttpResponse(status), KNOWN).outcome is asking
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        ending = classify(HttpRequest(method, "/"), HttpResponse(status), KNOWN)
        assert (ending.outcome, ending.known) == (changing, KNOWN)


def test_only_what_was_sent_and_may_change_something_is_in_doubt() -> None:
    for method, sent, outcome in (("GET", True, T), ("GET", False, T), ("POST", False, T), ("POST", True, U)):
        assert classify(HttpRequest(method, "/"), Unanswered("why", sent), KNOWN) == Ending(outcome, KNOWN, "why")


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("120", "", 120), (" 7 ", "", 7), ("0", "", 1), ("99999999999999999999", "", 999999999),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:48:37 GMT", 60),
        ("Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:48:37 1994", 60),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 09:49:37 GMT", 1),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "", None), ("soon", "Sun, 06 Nov 1994 08:48:37 GMT", None),
        ("-5", "", None), ("1.5", "", None), ("", "", None), ("٣", "", None),
    ],
)  # fmt: skip
def test_retry_after(value: str, date: str, seconds: int | None) -> None:
    assert retry_after({"retry-after": value, "date": date}) == seconds


@given(st.text(), st.text())
def test_no_header_breaks_retry_after(value: str, date: str) -> None:
    seconds = retry_after({"retry-after": value, "date": date})
    assert seconds is None or seconds >= 1


def test_a_reason_names_the_status_and_what_the_sp_said() -> None:
    ending = classify(HttpRequest("POST", "/Users"), error(400, "userName is too short", "invalidValue"), KNOWN)
    assert ending.reason == "POST answered 400: invalidValue userName is too short"


def test_a_reason_holds_no_page_of_html() -> None:
    ending = classify(HttpRequest("POST", "/Users"), HttpResponse(400, {}, b"<html>" * 1000), KNOWN)
    assert ending.reason == "POST answered 400"


def test_a_reason_holds_no_value_of_a_person() -> None:
    said = "User ANN.OTHER <ann@a.edu> of Arts\x1b[31m exists already " + "x" * 1000
    ending = classify(HttpRequest("POST", "/Users"), error(409, said, "uniqueness"), KNOWN)
    values = {"userName": "ann.other", "roles": [{"value": "Arts"}], "age": 5}
    reason = discreet(ending, values, {}).reason
    assert reason.startswith("POST answered 409: uniqueness User … <…> of …")
    assert len(reason) == REASON
    assert reason.isprintable()


@given(st.binary(max_size=200))
def test_no_body_breaks_reading(body: bytes) -> None:
    read_object(HttpResponse(200, {}, body))


@pytest.mark.parametrize("body", [b"[" * 100000, b'{"a":' * 50 + b"1" + b"}" * 50, b'{"a": NaN}', b"9" * 5000])
def test_json_that_is_out_of_bounds_is_no_object(body: bytes) -> None:
    assert read_object(HttpResponse(200, {}, body)) is None
