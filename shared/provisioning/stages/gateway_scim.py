"""The SCIM 2.0 endpoint (RFC 7644): a request of a source → its users and groups → its queue → the answer."""

import json
from collections.abc import Sequence
from typing import Any, Final

from provisioning.core.errors import InvalidError, PermanentError
from provisioning.core.pushed import Kind
from provisioning.core.wire import canonical, read_json
from provisioning.protocols.inbound.answer import answer, listed, refusal
from provisioning.protocols.inbound.discovery import provider_config, resource_types, schemas
from provisioning.protocols.inbound.http import LARGEST_BODY, Request, Response
from provisioning.protocols.inbound.refusal import RefusedError, refuse
from provisioning.stages.gateway_call import Call
from provisioning.stages.gateway_onward import settle
from provisioning.stages.gateway_scim_read import find, show
from provisioning.stages.gateway_scim_write import create, delete, patch, replace_whole

_KINDS: Final[dict[str, Kind]] = {"Users": "User", "Groups": "Group"}
_TYPES: Final = ("application/scim+json", "application/json")


async def scim(call: Call) -> Response:
    """Answer one request. What is unsent of the source is sent first, whether this request left it or one before."""
    try:
        response = await _serve(call)
    except RefusedError as error:
        response = refusal(error)
    except PermanentError as error:
        response = refusal(refuse("tooMany", str(error)))
    await settle(call.pushed, call.changes, call.source.id)
    return response


async def _serve(call: Call) -> Response:
    place, _, rest = call.rest.partition("/")
    if place in ("Me", "Bulk"):
        raise RefusedError(501, "", f"{place} is not supported")
    if call.rest == ".search":
        return await find(call, _kinds(call), _searched(call.request))
    kind = _KINDS.get(place)
    if kind is None or kind not in _kinds(call):
        return _discovered(call, place, rest)
    if rest == ".search":
        return await find(call, (kind,), _searched(call.request))
    return await (_of_one(call, kind, rest) if rest else _of_all(call, kind))


async def _of_all(call: Call, kind: Kind) -> Response:
    if call.request.method == "GET":
        return await find(call, (kind,), call.request.query)
    if call.request.method == "POST":
        return await create(call, kind, _body(call.request))
    return _not_allowed("GET, POST")


async def _of_one(call: Call, kind: Kind, id_: str) -> Response:
    method = call.request.method
    if method == "GET":
        return await show(call, kind, id_)
    if method == "PUT":
        return await replace_whole(call, kind, id_, _body(call.request))
    if method == "PATCH":
        return await patch(call, kind, id_, _body(call.request))
    if method == "DELETE":
        return await delete(call, kind, id_)
    return _not_allowed("GET, PUT, PATCH, DELETE")


def _kinds(call: Call) -> Sequence[Kind]:
    groups = call.source.push is not None and call.source.push.groups
    return ("User", "Group") if groups else ("User",)


def _discovered(call: Call, place: str, rest: str) -> Response:
    """What the endpoint says of itself; it may not be filtered (RFC 7644 4)."""
    base, kinds = call.request.base, _kinds(call)
    lists = {"ResourceTypes": resource_types, "Schemas": schemas}
    if place not in (*lists, "ServiceProviderConfig") or (place == "ServiceProviderConfig" and rest):
        raise RefusedError(404, "", "there is no such endpoint")
    if call.request.method != "GET":
        return _not_allowed("GET")
    if "filter" in call.request.query:
        raise RefusedError(403, "", "what is discovered is not filtered")
    if place == "ServiceProviderConfig":
        return answer(200, provider_config(base))
    every = lists[place](kinds, base)
    if not rest:
        return listed(every, len(every), 1)
    one = next((each for each in every if each["id"].lower() == rest.lower()), None)
    if one is None:
        raise RefusedError(404, "", f"there is none of the {place} of this name")
    return answer(200, one)


def _not_allowed(allowed: str) -> Response:
    response = refusal(RefusedError(405, "", f"one of {allowed}"))
    return Response(405, {**response.headers, "allow": allowed}, response.body)


def _body(request: Request) -> Any:
    """The JSON of a request. Raises RefusedError."""
    kind = request.headers.get("content-type", _TYPES[0]).partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise RefusedError(415, "", f"one of {', '.join(_TYPES)}")
    try:
        body = read_json(request.body.decode(), "body", LARGEST_BODY)
        canonical(body)  # JSON can spell halves of a character, which no encoding has
    except UnicodeError:
        raise refuse("invalidSyntax", "the body is not UTF-8, or holds half of a character") from None
    except InvalidError as error:
        raise refuse("invalidSyntax", str(error)) from None
    return body


def _searched(request: Request) -> dict[str, str]:
    """The parameters of a POST to .search (RFC 7644 3.4.3), as a query would say them."""
    if request.method != "POST":
        raise RefusedError(405, "", "POST")
    body = _body(request)
    if not isinstance(body, dict):
        raise refuse("invalidSyntax", "a SearchRequest is an object")
    names = ("filter", "startIndex", "count", "attributes", "excludedAttributes")
    given = {name: body[name] for name in names if name in body}
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str)
        else json.dumps(value)
        for name, value in given.items()
    }  # fmt: skip
