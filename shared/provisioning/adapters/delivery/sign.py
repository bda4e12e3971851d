"""Signing requests as Standard Webhooks 1.0 asks: an HMAC of id, time and body for each of the live secrets."""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioning.adapters.delivery.driver import Call
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError, ProvisioningError
from provisioning.core.period import Instant
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered

SIGNATURE: Final = "webhook-signature"
_PREFIX: Final = "whsec_"
_KEYS: Final = range(1, 3)  # how many secrets may be live: the new one and, while receivers change over, the old
_BYTES: Final = range(24, 65)  # of a key, as the specification demands
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class Signing:
    """A transport that signs what is to be signed, and hands everything on to another."""

    call: Call
    secrets: Secrets
    clock: Callable[[], Instant]

    async def __call__(self, service: Service, request: HttpRequest, within: float) -> Answer:
        """Make one call, signed with the time of this very sending; `webhook-id` is the same for each repetition.

        A 401 makes the secret be read again, once: if it was changed, the call, which was refused, is repeated.
        """
        if request.sign_as is None:
            return await self.call(service, request, within)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        try:
            secret = await self._secret(service, within)
            answer = await self.call(service, self._signed(request, secret), deadline - loop.time())
            if isinstance(answer, HttpResponse) and answer.status == _UNAUTHORIZED:
                fresh = await self._secret(service, deadline - loop.time(), stale=secret)
                if fresh != secret:
                    answer = await self.call(service, self._signed(request, fresh), deadline - loop.time())
        except TimeoutError:
            return Unanswered(f"no secret {service.secret!r} within {within:.0f} s", sent=False)
        except ProvisioningError as error:
            return Unanswered(f"not signed, secret {service.secret!r}: {error}", sent=False)
        return answer

    async def _secret(self, service: Service, within: float, stale: str | None = None) -> str:
        if service.secret is None:
            raise InvalidError("the service names no secret to sign with")
        async with asyncio.timeout(within):
            return (await self.secrets.token(service.secret, stale)).strip()

    def _signed(self, request: HttpRequest, secret: str) -> HttpRequest:
        message, timestamp = str(request.sign_as), int(self.clock())
        headers = {
            "webhook-id": message,
            "webhook-timestamp": str(timestamp),
            SIGNATURE: signatures(read_keys(secret), message, timestamp, request.content or b""),
        }
        return replace(request, headers={**request.headers, **headers})


def read_keys(secret: str) -> Sequence[bytes]:
    """The keys of a secret: one or two `whsec_…` values with white space between, the new one first.

    Raises InvalidError, which never quotes the secret.
    """
    values = secret.split()
    if len(values) not in _KEYS or not all(value.startswith(_PREFIX) for value in values):
        raise InvalidError("not one or two whsec_ values")
    try:
        keys = [base64.b64decode(value.removeprefix(_PREFIX), validate=True) for value in values]
    except binascii.Error:
        raise InvalidError("what follows whsec_ is not base64") from None
    if not all(len(key) in _BYTES for key in keys):
        raise InvalidError("a key has not 24 to 64 bytes")
    return keys


def signatures(keys: Sequence[bytes], message: str, timestamp: int, body: bytes) -> str:
    """The header: a `v1` signature for each key, with spaces between. `timestamp` is in seconds since 1970."""
    signed = f"{message}.{timestamp}.".encode() + body
    made = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
    return " ".join(f"v1,{signature}" for signature in made)
