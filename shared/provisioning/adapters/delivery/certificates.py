"""TLS as a service asks for it: whom we believe, and which certificate of ours we show. Always verified."""

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import Final

from provisioning.adapters.delivery.refusal import NotSentError
from provisioning.adapters.delivery.secrets import Secrets, read_within
from provisioning.core.catalog import Service

_KEPT: Final = 3600  # seconds after which a certificate is read again: it is renewed long before it expires
_AGAIN: Final = 60  # seconds until it is tried again where it could not be read
_RIGHT: Final = 'not {"certificate": …, "key": …}, each as PEM'
_Key = tuple[str | None, str | None, bool]


@dataclass(slots=True)
class _Made:
    context: ssl.SSLContext
    text: str = field(repr=False)
    until: float


@dataclass(slots=True)
class Certificates:
    """Contexts of TLS, made once for each certificate and its authorities. `clock`: seconds."""

    secrets: Secrets
    clock: Callable[[], float]
    _made: dict[_Key, _Made] = field(default_factory=dict)

    async def context(
        self, service: Service, within: float, *, own: bool, stale: ssl.SSLContext | None = None
    ) -> ssl.SSLContext | None:
        """What TLS needs for a service; None: nothing but the public authorities. Raises NotSentError.

        `own`: for the SP itself, which only its own authorities vouch for, where it has some; a token endpoint may
        have a public certificate beside. `stale`: the context whose certificate was refused, to be read again.
        """
        options = service.authentication
        if options is None or (options.certificate is None and options.authorities is None):
            return None
        key = (options.certificate, options.authorities, own)
        text = "" if options.certificate is None else await self._text(key, options.certificate, within, stale)
        made = self._made.get(key)
        if made is None or made.text != text:
            context = _context(options.authorities, own=own)
            if options.certificate is not None:
                _load(context, options.certificate, text)
            made = self._made[key] = _Made(context, text, self.clock() + _KEPT)
        return made.context

    async def _text(self, key: _Key, name: str, within: float, stale: ssl.SSLContext | None) -> str:
        """The certificate's secret: as it was read, unless it was refused or is to be read again."""
        made, now = self._made.get(key), self.clock()
        if made is None:
            return await read_within(self.secrets, name, within)
        if made.context is stale:
            return await read_within(self.secrets, name, within, made.text)
        if now < made.until:
            return made.text
        made.until = now + _AGAIN  # who comes meanwhile goes on with the one that is there
        try:
            text = await read_within(self.secrets, name, within, made.text)
        except NotSentError:
            return made.text
        made.until = now + _KEPT
        return text


def _context(authorities: str | None, *, own: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=authorities)  # with authorities it loads no public ones
    except (ssl.SSLError, ValueError) as error:
        raise NotSentError("`authorities` are not certificates in PEM") from error
    if authorities is not None and not own:
        context.load_default_certs()
    return context


def _load(context: ssl.SSLContext, name: str, text: str) -> None:
    """Load a certificate and its key, through files that have no name and are gone when they are closed."""
    certificate, key = _read_pair(name, text)
    with TemporaryFile() as first, TemporaryFile() as second:  # readable by us only
        for file, pem in ((first, certificate), (second, key)):
            file.write(pem.encode(errors="replace"))
            file.flush()
            file.seek(0)
        first_path, second_path = (f"/dev/fd/{file.fileno()}" for file in (first, second))
        try:
            context.load_cert_chain(first_path, second_path, password=lambda: "")  # never asked for at a terminal
        except (OSError, ValueError):  # not `from`: what OpenSSL quotes is not known
            raise NotSentError(f"secret {name!r}: certificate and key are no PEM, or do not belong together") from None


def _read_pair(name: str, text: str) -> tuple[str, str]:
    try:
        held = json.loads(text)
        certificate, key = held["certificate"], held["key"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NotSentError(f"secret {name!r} is {_RIGHT}") from None
    if not isinstance(certificate, str) or not isinstance(key, str) or not certificate or not key:
        raise NotSentError(f"secret {name!r} is {_RIGHT}")
    return certificate, key
