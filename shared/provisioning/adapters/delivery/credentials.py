"""The Authorization header of a call: a bearer token, a user's password (RFC 7617), or a token asked for (RFC 6749)."""

import base64
import unicodedata
from dataclasses import dataclass, field

from provisioning.adapters.delivery.refusal import NotSentError
from provisioning.adapters.delivery.secrets import Secrets, read_fields, read_within
from provisioning.adapters.delivery.tokens import Tokens
from provisioning.core.authentication_options import Authentication
from provisioning.core.catalog import Service
from provisioning.core.quick import quick

_BEARER = Authentication()


@quick
@dataclass(frozen=True, slots=True)
class Credential:
    """What a call bears, and what it was made of: by this it is known when it was refused."""

    header: str = field(repr=False)
    source: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Finds what a service's calls bear."""

    secrets: Secrets
    tokens: Tokens

    async def credential(self, service: Service, within: float, stale: Credential | None = None) -> Credential | None:
        """The credential, or None for a service without. Raises NotSentError, which names the secret, never its text.

        `stale`: the one that was refused; its secret is read again, or a new token asked for.
        """
        options, name = service.authentication or _BEARER, service.secret
        if name is None:
            return None
        refused = None if stale is None else stale.source
        if options.kind == "oauth2":
            token = await self.tokens.token(service, options, name, within, refused)
            return Credential(f"Bearer {token}", token)
        text = await read_within(self.secrets, name, within, refused)
        return Credential(basic(name, text) if options.kind == "basic" else _bearer(name, text), text)


def _bearer(name: str, token: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise NotSentError(f"secret {name!r} is not a bearer token")
    return f"Bearer {token}"


def basic(name: str, text: str) -> str:
    """The header of a secret {"user": …, "password": …}. Raises NotSentError, which quotes neither.

    RFC 7617 2: the two with a colon between, so that a user has none; UTF-8, in normal form C (2.1).
    """
    user, password = read_fields(name, text, "user", "password")
    if ":" in user:
        raise NotSentError(f"secret {name!r} has a user with a colon, which basic authentication cannot send")
    pair = unicodedata.normalize("NFC", f"{user}:{password}").encode()
    return f"Basic {base64.b64encode(pair).decode()}"
