"""Security event tokens that are pushed (RFC 8935) → the source's queue, as they are.

Whether a token is genuine is for the receiver to say, who has the issuer's keys: what is taken here is durable, and
its source is known.
"""

import json
from typing import Final

from provisioning.protocols.inbound.http import Response
from provisioning.protocols.inbound.token import fault_of
from provisioning.stages.gateway_call import Call

_TYPE: Final = "application/secevent+jwt"


async def events(call: Call) -> Response:
    """Take one token: 202 when it is durable, 400 with a reason if it is none (RFC 8935 2.2, 2.3)."""
    request = call.request
    if call.rest:
        return Response(404)
    if request.method != "POST":
        return Response(405, {"allow": "POST"})
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _TYPE:
        return _refused(f"the content type is {_TYPE}")
    token = request.body.strip()
    fault = fault_of(token, call.policy.schema.limits.message)
    if fault:
        return _refused(fault)
    await call.changes.publish(call.source.id, [token.decode("ascii")])
    return Response(202)


def _refused(description: str) -> Response:
    body = json.dumps({"err": "invalid_request", "description": description})
    return Response(400, {"content-type": "application/json", "content-language": "en"}, body)
