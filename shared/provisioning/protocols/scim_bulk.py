"""Several SCIM requests as one (RFC 7644 3.7): what goes into a bulk, and what its answer says of each.

The requests are of different accounts and do not refer to each other. Each has its own ending: what the answer does
not mention may have happened.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from provisioning.core.account import Json
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered
from provisioning.protocols.ending import read_object
from provisioning.protocols.scim_calls import MEDIA_TYPE
from provisioning.protocols.scim_resource import member

REQUEST: Final = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
OVERHEAD: Final = len(REQUEST) + 100  # bytes of a bulk beside its operations
_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_NOT_TAKEN: Final = frozenset({400, 404, 405, 413, 501})  # of the bulk as a whole: nothing of it was processed
_GARBAGE: Final = Unanswered("the bulk was answered with something that is not a BulkResponse", sent=True)
_MISSING: Final = Unanswered("the answer to the bulk does not mention it", sent=True)


def fits(request: HttpRequest) -> bool:
    """Whether a request can be an operation of a bulk: a change of one resource."""
    return request.method in _METHODS and not request.query and request.content is None and request.sign_as is None


def operation(number: int, request: HttpRequest) -> dict[str, Json]:
    """A request as an operation; its number is its `bulkId`, also where only POST must have one: answers name it."""
    made: dict[str, Json] = {"method": request.method, "bulkId": str(number), "path": request.path}
    version = request.headers.get("if-match")
    if version is not None:
        made["version"] = version
    if request.body is not None:
        made["data"] = request.body
    return made


def size(number: int, request: HttpRequest) -> int:
    """Bytes that a request adds to a bulk."""
    return len(json.dumps(operation(number, request))) + 2


def is_beside(request: HttpRequest, other: HttpRequest) -> bool:
    """Whether two may be in one bulk: of the same resource, only the first would find it as it was."""
    return request.method == "POST" or request.path != other.path


def bulk(requests: Sequence[HttpRequest]) -> HttpRequest:
    """The request that carries these. All are processed, whichever of them fail."""
    operations = [operation(number, request) for number, request in enumerate(requests)]
    body = {"schemas": [REQUEST], "Operations": operations}
    return HttpRequest("POST", "/Bulk", {}, {"accept": MEDIA_TYPE, "content-type": MEDIA_TYPE}, body)


def answers(requests: Sequence[HttpRequest], answer: Answer) -> Sequence[Answer] | None:
    """The answer to each, as if it had been sent alone. None: the SP took none of them; they are to be sent alone."""
    if not isinstance(answer, HttpResponse) or answer.status != HTTPStatus.OK:
        taken = not isinstance(answer, HttpResponse) or answer.status not in _NOT_TAKEN
        return [answer] * len(requests) if taken else None
    told = member(read_object(answer) or {}, "Operations")
    if not isinstance(told, list):
        return [_GARBAGE] * len(requests)
    left: list[Mapping[str, Any]] = [each for each in told if isinstance(each, dict)]
    found: list[Answer] = []
    for number, request in enumerate(requests):
        result = next((each for each in left if _is_of(each, number, request)), None)
        if result is not None:
            left.remove(result)
        found.append(_MISSING if result is None else _answer(result))
    return found


def _is_of(result: Mapping[str, Any], number: int, request: HttpRequest) -> bool:
    """By `bulkId`; an SP that keeps only those of POST is known by method and location."""
    named = member(result, "bulkId")
    if named is not None:
        return bool(named == str(number))
    method, location = member(result, "method"), member(result, "location")
    if method != request.method or request.method == "POST" or not isinstance(location, str):
        return False
    return unquote(_path(location)).endswith(unquote(request.path))


def _answer(result: Mapping[str, Any]) -> Answer:
    status = member(result, "status")
    if isinstance(status, dict):  # as SCIM 1.1 had it
        status = member(status, "code")
    if not str(status).isdigit() or len(str(status)) != 3:
        return _GARBAGE
    body, location, version = member(result, "response"), member(result, "location"), member(result, "version")
    if not isinstance(body, dict):
        # A success need not show the resource (3.7.3): its id is the end of its location.
        last = unquote(_path(location).rpartition("/")[2]) if isinstance(location, str) else ""
        body = {"id": last} if last and member(result, "method") == "POST" and str(status)[0] == "2" else None
    headers = {"etag": version} if isinstance(version, str) else {}
    return HttpResponse(int(str(status)), headers, b"" if body is None else json.dumps(body).encode())


def _path(location: str) -> str:
    try:
        return urlsplit(location).path
    except ValueError:
        return ""
