"""Where key sets are read: by HTTPS, or from a secret. Every answer is bounded in size and time; none redirects."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from provisioning.adapters.delivery.addresses import public_socket
from provisioning.adapters.sources.jwk import MOST
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source_signed import Signed

TIMEOUT: Final = 5  # seconds; several messages wait for one answer
_OK: Final = 200


async def fetch_key_set(signed: Signed) -> tuple[str, str]:
    """The text at an issuer's `jwks_url`, and its `cache-control`. Raises TransientError that says what was wrong.

    It is asked for so seldom that no connection is kept.
    """
    connector = aiohttp.TCPConnector(socket_factory=None if signed.private else public_socket, force_close=True)
    tls = _context(signed.authorities)
    try:
        async with (
            asyncio.timeout(TIMEOUT),
            aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False) as session,
            session.get(
                str(signed.jwks_url),
                headers={"accept": "application/jwk-set+json, application/json", "accept-encoding": "identity",
                         "user-agent": "provisioning"},
                allow_redirects=False,
                ssl=tls,
            ) as response,
        ):  # fmt: skip
            if response.status != _OK:
                raise TransientError(f"signed.jwks_url answered {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MOST:
                    raise TransientError(f"signed.jwks_url answers more than {MOST} bytes")
            return body.decode(), response.headers.get("cache-control", "")
    except TimeoutError as error:
        raise TransientError(f"no answer of signed.jwks_url within {TIMEOUT} s") from error
    except UnicodeDecodeError as error:
        raise TransientError("the answer of signed.jwks_url is not UTF-8") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise TransientError(f"no answer of signed.jwks_url: {type(error).__name__}") from error


def secret_key_set(read: Callable[[str], Awaitable[str]]) -> Callable[[Signed], Awaitable[tuple[str, str]]]:
    """Reads key sets from secrets, of which `read` gives one by its name."""

    async def load(signed: Signed) -> tuple[str, str]:
        return await read(signed.secret or ""), ""

    return load


def _context(authorities: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=authorities)  # with authorities it loads no public ones
    except (ssl.SSLError, ValueError) as error:
        raise InvalidError("not certificates", "signed.authorities", right="certificates in PEM") from error
