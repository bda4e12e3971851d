"""Key sets as issuers publish them (RFC 7517), for checking signatures. The library is imported when it is needed."""

from collections.abc import Mapping
from typing import Any, Final

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError
from provisioning.core.token import VerificationKey
from provisioning.core.wire import read_json

MOST: Final = 262144  # bytes of a key set
_KEYS: Final = 100  # of one set
_KID: Final = 512  # characters
_LEAST_BITS: Final = 2048  # of RSA: RFC 7518 3.3
_MODULUS: Final = range(341, 2732)  # characters of one; more than 16384 bits would only cost time
_EXPONENT: Final = 8  # characters of one
# The members of public keys. Secret ones, and those of other keys, are never looked at.
_MEMBERS: Final[Mapping[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): ("kty", "n", "e"),
    ("EC", "P-256"): ("kty", "crv", "x", "y"),
    ("OKP", "Ed25519"): ("kty", "crv", "x"),
}


def read_key_set(text: str, where: str) -> tuple[VerificationKey, ...]:
    """The keys of a set that can verify; others are passed over (RFC 7517 5). Raises InvalidError if it is no set."""
    found = read_json(text, where, MOST)
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list) or len(listed) > _KEYS:
        raise InvalidError("not a key set", where, right=f'{{"keys": […]}} with at most {_KEYS}')
    return tuple(key for each in listed if isinstance(each, dict) and (key := _key(each)) is not None)


def _key(jwk: dict[str, Json]) -> VerificationKey | None:
    kind, curve, kid, algorithm = (jwk.get(name) for name in ("kty", "crv", "kid", "alg"))
    uses = jwk.get("key_ops")
    if not isinstance(kind, str) or jwk.get("use", "sig") != "sig" or (isinstance(uses, list) and "verify" not in uses):
        return None
    members = _MEMBERS.get((kind, None if kind == "RSA" or not isinstance(curve, str) else curve))
    public = {name: jwk.get(name) for name in members or ()}
    if not public or not all(isinstance(value, str) and value for value in public.values()):
        return None
    if not (kid is None or (isinstance(kid, str) and 0 < len(kid) <= _KID)) or not isinstance(algorithm, str | None):
        return None
    return _verifying(public, kind, kid, algorithm)


def _verifying(public: dict[str, Any], kind: str, kid: str | None, algorithm: str | None) -> VerificationKey | None:
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey
    from joserfc.jws import JWSRegistry

    key: RSAKey | ECKey | OKPKey
    try:
        if kind == "RSA":
            if len(public["n"]) not in _MODULUS or len(public["e"]) > _EXPONENT:
                return None
            key = RSAKey.import_key(public)
            if key.raw_value.key_size < _LEAST_BITS:
                return None
        else:
            key = ECKey.import_key(public) if kind == "EC" else OKPKey.import_key(public)
    except (JoseError, ValueError, TypeError):  # not on its curve, not base64url, and what else a key can be wrong by
        return None

    def verifies(name: str, content: bytes, signature: bytes) -> bool:
        # The algorithms themselves: what is around them reads tokens in its own way, where ours is stricter.
        algorithm = JWSRegistry.algorithms[name]
        algorithm.check_key(key)
        return algorithm.verify(content, signature, key)

    return VerificationKey(kid, kind, algorithm, verifies)
