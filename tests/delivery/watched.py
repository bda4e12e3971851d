"""SCIM's judge before servers of aiohttp, and before SPs that are asked without a network."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web

from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse
from tests.delivery.grader import Call, Grader

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def judge(*, in_order: bool = True) -> Grader:
    """A judge whose calls are put there by the functions below. `in_order`: they are those of one client's work."""
    return Grader(None, in_order=in_order)


async def watched(grader: Grader, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Have a request answered, which is judged, also if no answer ever comes."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.read()
    call = Call(request.method, request.path, dict(request.query), headers, body, 0, dialogue=grader.dialogue)
    grader.calls.append(call)
    response = await handler(request)
    if isinstance(response, web.Response):
        answer, etag = response.body, response.headers.get("etag", "")
        content = answer if isinstance(answer, bytes) else b""
        grader.calls.answered(call, replace(call, status=response.status, answer=content, etag=etag))
    return response


def noted(grader: Grader, request: HttpRequest, answer: Answer, at: float) -> None:
    """A call without a network, at an SP that has a clock."""
    body = b"" if request.body is None else json.dumps(request.body).encode()
    call = Call(request.method, request.path, dict(request.query), dict(request.headers), body, 0, at=at)
    if isinstance(answer, HttpResponse):
        wait, etag = answer.headers.get("retry-after", ""), answer.headers.get("etag", "")
        retry_after = int(wait) if wait.isdecimal() else 0
        call = replace(call, status=answer.status, answer=answer.body, etag=etag, retry_after=retry_after)
    grader.calls.append(call)
