"""What a bulk's answer says of each request, whatever the answer is."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered
from provisioning.protocols.scim_bulk import answers, bulk, fits

POST = HttpRequest("POST", "/Users", {}, {}, {"userName": "ann"})
PATCH = HttpRequest("PATCH", "/Users/a%2Fb", {}, {"if-match": 'W/"1"'}, {"Operations": []})
DELETE = HttpRequest("DELETE", "/Users/2")
BASE = "https://sp/v2"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["Operations", "bulkId", "status", "location", "method", "response", "code"]), inner, max_size=5
    ),
)  # fmt: skip


def told(*results: dict[str, Any]) -> HttpResponse:
    return HttpResponse(200, {}, json.dumps({"Operations": results}).encode())


def test_requests_become_operations_with_their_versions() -> None:
    body = bulk([POST, PATCH, DELETE]).body
    assert body["Operations"] == [
        {"method": "POST", "bulkId": "0", "path": "/Users", "data": {"userName": "ann"}},
        {"method": "PATCH", "bulkId": "1", "path": "/Users/a%2Fb", "version": 'W/"1"', "data": {"Operations": []}},
        {"method": "DELETE", "bulkId": "2", "path": "/Users/2"},
    ]


def test_only_plain_changes_fit() -> None:
    assert fits(POST)
    assert not fits(HttpRequest("GET", "/Users/1"))
    assert not fits(HttpRequest("POST", "/Users", {"attributes": "id"}))
    assert not fits(HttpRequest("POST", "/Users", content=b"x"))


def test_results_are_told_apart_by_id_whatever_their_order_and_a_new_one_s_id_is_in_its_location() -> None:
    made = {"method": "POST", "bulkId": "0", "status": "201", "location": f"{BASE}/Users/x%20y", "version": "v"}
    gone = {"method": "DELETE", "bulkId": "2", "status": {"code": "204"}}
    wrong = {"method": "PATCH", "bulkId": "1", "status": 412, "response": {"status": "412"}}
    found = answers([POST, PATCH, DELETE], told(gone, wrong, made))
    assert found == [
        HttpResponse(201, {"etag": "v"}, b'{"id": "x y"}'),
        HttpResponse(412, {}, b'{"status": "412"}'),
        HttpResponse(204),
    ]  # fmt: skip


def test_results_without_ids_are_known_by_method_and_location() -> None:
    results = [
        {"method": "DELETE", "status": "204", "location": f"{BASE}/Users/2"},
        {"method": "PATCH", "status": "200", "location": f"{BASE}/Users/a%2Fb"},
        {"method": "POST", "status": "201", "location": f"{BASE}/Users/9"},
    ]
    made, changed, gone = answers([POST, PATCH, DELETE], told(*results)) or ()
    assert isinstance(made, Unanswered)
    assert made.sent, "whose creation it is cannot be known"
    assert (changed, gone) == (HttpResponse(200), HttpResponse(204))


@given(JSON, st.sampled_from([200, 200, 200, 201, 204, 301, 429, 500]))
def test_whatever_is_answered_each_request_has_one_answer(body: Any, status: int) -> None:
    requests = [POST, PATCH, DELETE]
    found: Any = answers(requests, HttpResponse(status, {}, json.dumps(body).encode()))
    assert len(found) == len(requests)
    assert all(isinstance(each, HttpResponse | Unanswered) for each in found)


def test_what_was_not_taken_as_a_whole_is_to_be_sent_alone() -> None:
    not_taken: list[Answer] = [HttpResponse(status) for status in (400, 404, 405, 413, 501)]
    assert [answers([POST], answer) for answer in not_taken] == [None] * 5
