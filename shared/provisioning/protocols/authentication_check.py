"""Whether a service can be authenticated as its options say: checked with the bundle, before any delivery."""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from provisioning.core.authentication_options import Authentication
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError

_CALLED: Final = ("scim", "spml", "webhook")
_INSTEAD: Final = {
    "extract": "no `authentication`: files are written with the function's own role",
    "ldap": "no `authentication`: a directory is bound to with `secret`, {dn, password}",
    "queue": "no `authentication`: messages are sent with the function's own role",
}
_SECRETS: Final = {
    "bearer": "the name of a secret that holds the token, or a `certificate`",
    "basic": 'the name of a secret that holds {"user": …, "password": …}',
    "oauth2": 'the name of a secret that holds {"client_id": …, "client_secret": …}',
}
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END CERTIFICATE-----")


def check(service: Service) -> Sequence[InvalidError]:
    """What is wrong, each at its place in `services/<id>.authentication`."""
    options, where = service.authentication, f"services/{service.id}"
    if options is None:
        return ()
    if service.protocol not in _CALLED:
        problem = f"protocol `{service.protocol}` makes no calls that could be authenticated so"
        return (InvalidError(problem, where=f"{where}.authentication", right=_INSTEAD[service.protocol]),)
    return (
        *_secret(service, options, where),
        *_tokens(service, options, f"{where}.authentication"),
        *_tls(service, options, f"{where}.authentication"),
    )


def _secret(service: Service, options: Authentication, where: str) -> Iterator[InvalidError]:
    if service.protocol == "webhook":
        if options.kind != "bearer":
            right = "only `certificate` and `authorities`: its secret signs"
            problem = "a webhook is signed, and bears no other credential"
            yield InvalidError(problem, where=f"{where}.authentication.kind", right=right)
    elif service.secret is None and (options.kind != "bearer" or options.certificate is None):
        problem = f"nothing to authenticate with as `{options.kind}`"
        yield InvalidError(problem, where=f"{where}.secret", right=_SECRETS[options.kind])


def _tokens(service: Service, options: Authentication, where: str) -> Iterator[InvalidError]:
    given = {"token_endpoint": options.token_endpoint, "scope": options.scope, "audience": options.audience}
    if options.kind != "oauth2":
        for name, value in given.items():
            if value is not None:
                yield InvalidError("only `oauth2` asks for tokens", where=f"{where}.{name}", right="kind: oauth2")
        return
    if options.token_endpoint is None:
        right = "the https URL of the endpoint that gives tokens"
        yield InvalidError("nobody to ask for tokens", where=f"{where}.token_endpoint", right=right)
    elif not _is_endpoint(options.token_endpoint, private=service.private):
        right = "https://host/path, without a user or a fragment"
        yield InvalidError("not a token endpoint", where=f"{where}.token_endpoint", right=right)


def _is_endpoint(text: str, *, private: bool) -> bool:
    try:
        url = urlsplit(text)
        host, _port = url.hostname, url.port
    except ValueError:
        return False
    safe = url.scheme == "https" or (url.scheme == "http" and private)
    return safe and bool(host) and url.username is None and "#" not in text  # RFC 6749 3.2


def _tls(service: Service, options: Authentication, where: str) -> Iterator[InvalidError]:
    for name, value in {"certificate": options.certificate, "authorities": options.authorities}.items():
        if value is not None and not service.endpoint.startswith("https://"):
            yield InvalidError("there is no TLS", where=f"{where}.{name}", right="an endpoint with https")
    if options.authorities is not None and not _is_pem(options.authorities):
        right = "one or more blocks of -----BEGIN CERTIFICATE-----"
        yield InvalidError("not certificates", where=f"{where}.authorities", right=right)


def _is_pem(text: str) -> bool:
    blocks = _PEM.findall(text)
    try:
        return bool(blocks) and all(base64.b64decode("".join(block.split()), validate=True) for block in blocks)
    except binascii.Error:
        return False
