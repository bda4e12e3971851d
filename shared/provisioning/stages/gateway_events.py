"""Security event tokens that are pushed (RFC 8935) → the source's queue, as they are.

A token that is not genuine, or not for us, is refused at once, by the word that its transmitter understands. Where
that cannot be said now, because the issuer's keys cannot be had, it is durable nevertheless: the receiver verifies it
again, before it has any effect.
"""

import json
from typing import Final

from provisioning.core.errors import TransientError
from provisioning.core.token import TokenError
from provisioning.protocols.inbound.http import Response
from provisioning.stages.gateway_call import Call
from provisioning.stages.signed import verified

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
        return _refused("invalid_request", f"the content type is {_TYPE}")
    if call.source.signed is None:
        return Response(403)
    token = request.body.strip().decode("ascii", "replace")
    try:
        await verified(call.issuers, call.source.signed, token, call.policy.schema.limits.message, call.now)
    except TokenError as error:
        return _refused(error.code, str(error))
    except TransientError:
        pass  # the receiver will know
    await call.changes.publish(call.source.id, [token])
    return Response(202)


def _refused(code: str, description: str) -> Response:
    body = json.dumps({"err": code, "description": description})
    return Response(400, {"content-type": "application/json", "content-language": "en"}, body)
