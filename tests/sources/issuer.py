"""An issuer of signed tokens: real keys, tokens put together by hand, and its key set served over TLS."""

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from provisioning.adapters.sources.jwk import read_key_set
from provisioning.core.source_signed import Signed
from provisioning.core.token import VerificationKey
from tests.delivery.certificates import Authority
from tests.stages.tenant import START

ISSUER: Final = "https://scim.example.com"
FEED: Final = "https://scim.example.com/Feeds/98d52461fa5bbc879593b7754"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
KEYS: Final[dict[str, Key]] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "okp": ed25519.Ed25519PrivateKey.generate(),
}
OF: Final = {"RS256": "rsa", "PS256": "rsa", "ES256": "ec", "EdDSA": "okp", "Ed25519": "okp"}


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return encode(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def jwk(key: Key, **more: Any) -> dict[str, Any]:
    """The public key, as RFC 7518 6 and RFC 8037 write it."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **more}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point, size = key.public_key().public_numbers(), (key.curve.key_size + 7) // 8
        curve = {"secp256r1": "P-256", "secp384r1": "P-384"}[key.curve.name]
        return {"kty": "EC", "crv": curve, "x": number(point.x, size), "y": number(point.y, size), **more}
    return {"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().public_bytes_raw()), **more}


def signature(algorithm: str, key: Key, content: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        how = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if algorithm == "PS256" else padding.PKCS1v15()
        return key.sign(content, how, hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return key.sign(content)


def by_secret(secret: bytes, content: bytes) -> bytes:
    """HS256."""
    made = hmac.HMAC(secret, hashes.SHA256())
    made.update(content)
    return made.finalize()


@dataclass
class Issuer:
    """Signs, and publishes its keys. `published`: its key set; tests change it."""

    published: list[dict[str, Any]] = field(default_factory=lambda: [jwk(key, kid=kid) for kid, key in KEYS.items()])
    _numbers: int = 0

    def claims(self, event: str, payload: dict[str, Any] | None = None, key: str = "u1", **changes: Any) -> Any:
        """The claims of a token with one SCIM event; a change to None takes a claim away."""
        self._numbers += 1
        made = {
            "iss": ISSUER, "aud": [FEED], "iat": START, "jti": f"jti-{self._numbers}",
            "sub_id": {"format": "scim", "uri": f"/Users/{key}", "externalId": f"x-{key}"},
            "events": {f"urn:ietf:params:scim:event:{event}": payload or {}},
        }  # fmt: skip
        return {name: value for name, value in {**made, **changes}.items() if value is not None}

    def sign(
        self,
        claims: Any,
        algorithm: str = "ES256",
        header: dict[str, Any] | None = None,
        signing: Callable[[bytes], bytes] | None = None,
    ) -> str:
        """A token of these claims, which may be text already."""
        kid = OF.get(algorithm, "ec")
        head = {"typ": "secevent+jwt", "alg": algorithm, "kid": kid, **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        text = claims if isinstance(claims, str) else json.dumps(claims)
        content = f"{encode(json.dumps(head).encode())}.{encode(text.encode('utf-8', 'surrogatepass'))}".encode()
        signed = signing(content) if signing is not None else signature(algorithm, KEYS[kid], content)
        return f"{content.decode()}.{encode(signed)}"

    def says(self, event: str, payload: dict[str, Any] | None = None, key: str = "u1", **changes: Any) -> str:
        """A token with one event."""
        return self.sign(self.claims(event, payload, key, **changes))

    @property
    def keys(self) -> tuple[VerificationKey, ...]:
        return read_key_set(json.dumps({"keys": self.published}), "test")


def options(**changes: Any) -> Signed:
    """What a bundle says of this issuer."""
    fields = {"issuer": ISSUER, "audience": [FEED], "jwks_url": "https://keys.example/jwks"}
    return Signed.model_validate({**fields, **changes})


@dataclass
class KeyServer:
    """Where an issuer publishes its keys. `answer`: in place of the true one; `asked`: how often it was."""

    issuer: Issuer
    authority: Authority
    url: str = ""
    control: str | None = None
    asked: int = 0
    answer: Callable[[web.Request], web.StreamResponse] | None = None

    def options(self, **changes: Any) -> Signed:
        fields = {"jwks_url": self.url, "private": True, "authorities": self.authority.pem}
        return options(**{**fields, **changes})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.answer is not None:
            return self.answer(request)
        control = {} if self.control is None else {"cache-control": self.control}
        return web.json_response({"keys": self.issuer.published}, headers=control)


@contextlib.asynccontextmanager
async def published(issuer: Issuer, authority: Authority) -> AsyncIterator[KeyServer]:
    """The server, on loopback."""
    served = KeyServer(issuer, authority)
    application = web.Application()
    application.router.add_get("/jwks", served._answer)
    server = TestServer(application, host="127.0.0.1", scheme="https")
    await server.start_server(ssl=authority.server())
    served.url = f"https://127.0.0.1:{server.port}/jwks"
    yield served
    await server.close()
