"""The edge: the events of function URLs and of both API Gateways, and what is no request."""

import asyncio
import json
from typing import Any

import pytest

from provisioning.core.errors import InvalidError, TransientError
from provisioning.runtime import http_entry
from provisioning.runtime.http_entry import http_handler, read_event
from provisioning.stages.gateway import Request, Response
from tests.gateway.events import payload_1, payload_2

HEADERS = {"Authorization": "Bearer x", "Content-Type": "application/scim+json", "If-Match": 'W/"1"'}
PATH, QUERY = "/scim/v2/Users/a%20b", "filter=userName%20eq%20%22a%2Bb%22&count=2"
ENDPOINT = "https://gateway.example.org"


@pytest.mark.parametrize(
    ("event", "base"),
    [
        (payload_2("PUT", PATH, QUERY, HEADERS, b'{"a":"\xc3\xbc"}'), ENDPOINT),
        (payload_2("PUT", PATH, QUERY, HEADERS, b'{"a":"\xc3\xbc"}', encoded=False), ENDPOINT),
        (payload_2("PUT", PATH, QUERY, HEADERS, b'{"a":"\xc3\xbc"}', stage="prod"), f"{ENDPOINT}/prod"),
        (payload_1("PUT", PATH, QUERY, HEADERS, b'{"a":"\xc3\xbc"}'), f"{ENDPOINT}/prod"),
    ],
    ids=["function URL", "text", "HTTP API with a stage", "REST API"],
)
def test_a_request_is_the_same_whichever_way_it_comes(event: dict[str, Any], base: str) -> None:
    assert read_event(event) == Request(
        "PUT",
        "/scim/v2/Users/a b",
        {"filter": 'userName eq "a+b"', "count": "2"},
        {name.lower(): value for name, value in HEADERS.items()},
        b'{"a":"\xc3\xbc"}',
        base,
    )


def test_a_request_without_anything_is_one() -> None:
    assert read_event(payload_1("GET", "/")) == Request("GET", "/", base=f"{ENDPOINT}/prod")
    assert read_event({"version": "2.0"}) == Request("", "/")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": []},
        {**payload_2("POST", "/"), "body": "?", "isBase64Encoded": True},
        payload_2("GET", "/", "&".join(f"a{number}=1" for number in range(100))),
    ],
)
def test_what_is_no_request_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidError):
        read_event(event)


async def unused(request: Request, now: int) -> Response:
    raise AssertionError(request)


async def untimed() -> None:
    raise AssertionError


def invoked(serve: Any, event: dict[str, Any], timed: Any = untimed) -> dict[str, Any]:
    return http_handler(serve, timed)(event, None)


def test_the_clock_is_told_from_requests(thread: Any, capsys: pytest.CaptureFixture[str]) -> None:
    calls = []

    async def timed() -> None:
        calls.append("now")
        if len(calls) > 1:
            raise TransientError("the table is throttled")

    event = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    assert [thread(lambda: invoked(unused, event, timed)) for _ in range(2)] == [{}, {}]
    assert calls == ["now", "now"]
    assert "the table is throttled" in capsys.readouterr().out
    forged = payload_2("POST", "/", body=b'{"source":"aws.events"}')
    assert thread(lambda: invoked(unused, forged))["statusCode"] == 500


def test_an_answer_is_what_lambda_wants(thread: Any) -> None:
    async def serve(request: Request, now: int) -> Response:
        return Response(201, {"ETag": 'W/"1"'}, f"{request.method} ü")

    answer = thread(lambda: invoked(serve, payload_2("POST", "/")))
    assert answer == {"statusCode": 201, "headers": {"ETag": 'W/"1"'}, "isBase64Encoded": False, "body": "POST ü"}
    assert thread(lambda: invoked(unused, {"Records": []}))["statusCode"] == 400


def test_a_defect_is_no_success_and_tells_nothing(thread: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answer = thread(lambda: invoked(unused, payload_2("POST", "/")))
    assert answer["statusCode"] == 500
    assert "Assertion" not in answer["body"]
    assert "AssertionError" in json.loads(capsys.readouterr().out)["reason"]


def test_what_takes_too_long_is_broken_off_and_may_be_tried_again(thread: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_entry, "WITHIN", 0.0)

    async def serve(request: Request, now: int) -> Response:
        never: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        return await never

    answer = thread(lambda: invoked(serve, payload_2("POST", "/")))
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "1")
