"""gateway: HTTP → the source whose credential it shows → the endpoint → the source's queue, and only then an answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from provisioning.core import source_push
from provisioning.core.catalog import Source
from provisioning.core.errors import TransientError
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.ports import KeySets, Policies
from provisioning.ports.pushed import Changes, Pushed
from provisioning.protocols.inbound.credential import presented
from provisioning.protocols.inbound.http import Request as Request
from provisioning.protocols.inbound.http import Response as Response
from provisioning.protocols.inbound.http import too_large
from provisioning.stages.gateway_call import Call
from provisioning.stages.gateway_events import events
from provisioning.stages.gateway_keys import Keyring
from provisioning.stages.gateway_onward import settle
from provisioning.stages.gateway_passwords import Passwords
from provisioning.stages.gateway_scim import scim
from provisioning.stages.gateway_spml import spml
from provisioning.stages.message import Log

RETRY: Final = "5"  # seconds
_PLAIN: Final = {"content-type": "text/plain; charset=utf-8"}


class Endpoint(NamedTuple):
    """What is served under a path, for sources whose `push.endpoints` have its name."""

    name: source_push.Endpoint
    serve: Callable[[Call], Awaitable[Response]]


# A new endpoint is a row here, its name in `source_push.Endpoint`, and a module that serves a Call.
ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    "/scim/v2": Endpoint("scim", scim),
    "/spml": Endpoint("spml", spml),
    "/events": Endpoint("events", events),
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """What gateway needs."""

    policies: Policies
    keys: Keyring
    pushed: Pushed
    changes: Changes
    new_id: Callable[[], str]
    log: Log
    issuers: KeySets  # by whose keys tokens are verified
    passwords: Passwords | None = None  # none: nobody's are passed on


async def gateway(shell: Gateway, request: Request, now: Instant) -> Response:
    """Answer one request. After a success, what it said is in the source's queue; a 503 may be tried again."""
    refused = too_large(request)
    if refused is not None:
        return refused
    try:
        policy = await shell.policies.current()
        source = await _source(shell, policy, request, now)
        if source is None:
            # RFC 6750 3, RFC 7617 2; nothing says whether a path, a source or a user exists.
            challenge = 'Bearer realm="provisioning", Basic realm="provisioning"'
            return Response(401, {**_PLAIN, "www-authenticate": challenge}, "a credential of a source is missing")
        return await _serve(shell, policy, source, request, now)
    except TransientError as error:
        shell.log("gateway.failed", method=request.method, reason=str(error))
        return Response(503, {**_PLAIN, "retry-after": RETRY}, "not now; nothing is lost by trying again")


async def sweep(shell: Gateway) -> None:
    """Send what a process left that died between its write and its message, and whose client never came back.

    A source that cannot be settled now is settled a minute later, and stops no other.
    """
    policy = await shell.policies.current()
    for source in policy.bundle.sources:
        if source.push is None or not {"scim", "spml"} & {*source.push.endpoints}:
            continue
        try:
            await settle(shell.pushed, shell.changes, source.id)
        except TransientError as error:
            shell.log("gateway.unsettled", source=source.id, reason=str(error))


async def _source(shell: Gateway, policy: Policy, request: Request, now: Instant) -> Source | None:
    shown = presented(request.headers.get("authorization", ""))
    if shown is None:
        return None
    sources = [source for source in policy.bundle.sources if source.push is not None]
    return await shell.keys.source_of(shown, sources, now)


async def _serve(shell: Gateway, policy: Policy, source: Source, request: Request, now: Instant) -> Response:
    root = next((root for root in ENDPOINTS if request.path == root or request.path.startswith(f"{root}/")), None)
    if root is None:
        return Response(404, _PLAIN, f"one of {', '.join(ENDPOINTS)}")
    endpoint = ENDPOINTS[root]
    if source.push is None or endpoint.name not in source.push.endpoints:
        return Response(403, _PLAIN, f"this source may not use {root}")
    rest = request.path.removeprefix(root).strip("/")
    call = Call(
        request, rest, source, policy, now, shell.pushed, shell.changes, shell.new_id, shell.issuers, shell.passwords
    )
    response = await endpoint.serve(call)
    shell.log("gateway", source=source.id, endpoint=endpoint.name, method=request.method, status=response.status)
    return response
