"""Connections to SPs: kept between calls, apart for services that may not share them, always with TLS verified."""

import json
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from provisioning.adapters.delivery.addresses import public_socket
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError

_IDLE: Final = 15  # seconds that a connection is kept for the next call; many SPs close theirs soon after
_CONNECTIONS: Final = 50
_PAIR: Final = '{"certificate": "-----BEGIN CERTIFICATE-----…", "key": "-----BEGIN PRIVATE KEY-----…"}'


@dataclass(slots=True)
class Progress:
    """How far a call has come. `connected`: a connection is there, TLS included, so the request may reach the SP."""

    connected: bool = False


progress: ContextVar[Progress] = ContextVar("progress")


class _Connector(aiohttp.TCPConnector):
    """Says when it has a connection for a call. A trace would say so too, at a fifth of what a call costs."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """The connection for a request, new or kept."""
        connection = await super().connect(req, traces, timeout)
        progress.get().connected = True
        return connection


class _Kind(NamedTuple):
    """What connections have in common: no service is handed one that it could not have made itself."""

    private: bool
    certificate: str | None
    authorities: str | None


@dataclass(slots=True)
class Connections:
    """Sessions by what their services have in common. `read` gives the content of a secret by its name."""

    read: Callable[[str, str | None], Awaitable[str]]
    _sessions: dict[_Kind, aiohttp.ClientSession] = field(default_factory=dict)
    _certificates: dict[str, str] = field(default_factory=dict)  # as they were read, by the secret's name

    async def session(self, service: Service) -> aiohttp.ClientSession:
        """The session for a service. Raises InvalidError for a certificate that is none, and what `read` raises."""
        kind = _Kind(service.private, service.certificate, service.authorities)
        session = self._sessions.get(kind)
        if session is None:
            held = None
            if kind.certificate is not None:
                held = self._certificates[kind.certificate] = await self.read(kind.certificate, None)
            session = self._sessions[kind] = _session(kind, _context(kind, held))
        return session

    async def renew(self, service: Service) -> bool:
        """Read the certificate again, after the SP did not take it; False if it is the same, or there is none."""
        name = service.certificate
        if name is None or name not in self._certificates:
            return False
        before = self._certificates[name]
        fresh = await self.read(name, before.strip())
        if fresh == before:
            return False
        for kind in [kind for kind in self._sessions if kind.certificate == name]:
            await self._sessions.pop(kind).close()
        return True

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()


def _session(kind: _Kind, context: ssl.SSLContext | bool) -> aiohttp.ClientSession:
    connector = _Connector(
        limit=_CONNECTIONS, keepalive_timeout=_IDLE, socket_factory=None if kind.private else public_socket, ssl=context
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "provisioning", "accept-encoding": "identity"},
        skip_auto_headers=("accept", "content-type"),
        auto_decompress=False,
        trust_env=False,
    )


def _context(kind: _Kind, held: str | None) -> ssl.SSLContext | bool:
    """The TLS context: the world's authorities, or a service's own instead; and our certificate, if it asks for one."""
    if kind.certificate is None and kind.authorities is None:
        return True
    try:
        context = ssl.create_default_context(cadata=kind.authorities)
    except ssl.SSLError as error:
        raise InvalidError("`authorities` is not a certificate", right="PEM") from error
    if held is not None:
        certificate, key = _pair(str(kind.certificate), held)
        # The library reads files only. This one is ours alone, and gone before the first connection.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "pair.pem")
            path.touch(mode=0o600)
            path.write_text(f"{key}\n{certificate}\n", encoding="ascii")
            try:
                context.load_cert_chain(path)
            except (ssl.SSLError, OSError):
                problem = f"secret {kind.certificate!r}: key and certificate do not fit"
                raise InvalidError(problem, right=_PAIR) from None
    return context


def _pair(name: str, held: str) -> tuple[str, str]:
    try:
        content = json.loads(held)
    except ValueError:
        raise InvalidError(f"secret {name!r} is not JSON", right=_PAIR) from None
    pair = (content.get("certificate"), content.get("key")) if isinstance(content, dict) else (None, None)
    if not all(isinstance(text, str) and text.isascii() and "-----BEGIN" in text for text in pair):
        raise InvalidError(f"secret {name!r} lacks certificate or key", right=_PAIR)
    return str(pair[0]), str(pair[1])
