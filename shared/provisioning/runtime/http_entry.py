"""The edge of a function that answers HTTP: a function URL, an HTTP API (payload 2.0) or a REST API (payload 1.0).

The clock may call it, too: an event of EventBridge, which no request can look like.
"""

import asyncio
import base64
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.period import Instant
from provisioning.protocols.inbound.http import MOST_PARAMETERS, Request, Response
from provisioning.runtime.entry import Handler, clock, defended, run
from provisioning.runtime.log import log

Serve = Callable[[Request, Instant], Awaitable[Response]]
Timed = Callable[[], Awaitable[None]]

WITHIN: Final = 25.0  # seconds; API Gateway waits for 29
_PLAIN: Final = {"content-type": "text/plain; charset=utf-8"}
_LATE: Final = Response(503, {**_PLAIN, "retry-after": "1"}, "not yet done; trying again goes on with it")
_DEFECT: Final = Response(500, _PLAIN, "a defect; it is in the log")


def http_handler(serve: Serve, timed: Timed) -> Handler:
    """A Lambda handler for requests, and for the clock.

    A request that takes too long is broken off, and answered so that it is sent again.
    """

    async def answered(request: Request) -> Response:
        try:
            async with asyncio.timeout(WITHIN):
                return await serve(request, clock())
        except TimeoutError:
            log("gateway.late", method=request.method)
            return _LATE

    async def on_time() -> None:
        try:
            async with asyncio.timeout(WITHIN):
                await timed()
        except (TimeoutError, TransientError) as error:
            log("gateway.unsettled", reason=str(error) or "it took too long")

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  Lambda passes both
        if event.get("source") == "aws.events":
            run(defended(on_time(), None, "gateway.defect"))
            return {}
        try:
            request = read_event(event)
        except InvalidError as error:
            return write_answer(Response(400, _PLAIN, str(error)))
        return write_answer(run(defended(answered(request), _DEFECT, "gateway.defect")))

    return handler


def read_event(event: Mapping[str, Any]) -> Request:
    """The request of an event, whichever way it came. Raises InvalidError."""
    context = event.get("requestContext", {})
    if event.get("version") == "2.0":
        path, stage = str(event.get("rawPath", "/")), str(context.get("stage", "$default"))
        prefix = "" if stage == "$default" or not f"{path}/".startswith(f"/{stage}/") else f"/{stage}"
        method, path = str(context.get("http", {}).get("method", "")), path.removeprefix(prefix)
        query = _query(str(event.get("rawQueryString", "")))
        headers = event.get("headers") or {}
    elif "httpMethod" in event:
        method, path = str(event["httpMethod"]), str(event.get("path", "/"))
        whole = str(context.get("path", path))
        prefix = whole.removesuffix(path) if whole.endswith(path) else ""
        query = dict(event.get("queryStringParameters") or {})
        headers = _joined(event)
    else:
        raise InvalidError("not a request", where="event", right="payload format 1.0 or 2.0")
    lower = {str(name).lower(): str(value) for name, value in headers.items()}
    scheme = "http" if lower.get("x-forwarded-proto") == "http" else "https"
    host = context.get("domainName")  # never the header: that is the client's word
    base = f"{scheme}://{host}{prefix}" if host else prefix
    return Request(method, unquote(path) or "/", query, lower, _body(event), base)


def write_answer(response: Response) -> dict[str, Any]:
    """An answer as Lambda wants it; both payload formats take this one."""
    answer = {"statusCode": response.status, "headers": dict(response.headers), "isBase64Encoded": False}
    return {**answer, "body": response.body}


def _joined(event: Mapping[str, Any]) -> Mapping[str, str]:
    several = event.get("multiValueHeaders") or {}
    return {**(event.get("headers") or {}), **{name: ",".join(values) for name, values in several.items()}}


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS))
    except ValueError as error:
        raise InvalidError("too many parameters", where="query", right=f"at most {MOST_PARAMETERS}") from error


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(text).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise InvalidError("the body is not base64", where="event.body", right="as API Gateway writes it") from error
