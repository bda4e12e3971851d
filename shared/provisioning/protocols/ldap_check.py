"""Whether a service's options and mapping can be a directory's: checked with the bundle, before any delivery."""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from provisioning.core.catalog import Ldap, Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.ldap_names import ATTRIBUTE, beneath, read_dn

_SCHEMES: Final = ("ldap", "ldaps")


def check(service: Service) -> Sequence[InvalidError]:
    """What is wrong, each at its place in `services/<id>`."""
    where = f"services/{service.id}"
    if service.ldap is None:
        return (InvalidError("a directory needs `ldap`", where=f"{where}.ldap", right="at least its base"),)
    return (*_connection(service, where), *_names(service.ldap, f"{where}.ldap"), *_mapping(service, where))


def _connection(service: Service, where: str) -> Iterator[InvalidError]:
    url = urlsplit(service.endpoint)
    if url.scheme not in _SCHEMES or not url.hostname or url.path.strip("/") or url.query:
        yield InvalidError("not a directory's address", where=f"{where}.endpoint", right="ldaps://host:636")
    elif url.scheme == "ldap" and not options_of(service).start_tls and not service.private:
        yield InvalidError("a password would travel open", where=f"{where}.ldap.start_tls", right="true, or ldaps://")
    if service.secret is None:
        yield InvalidError("nobody to bind as", where=f"{where}.secret", right="a secret with {dn, password}")


def options_of(service: Service) -> Ldap:
    """The options of a service that has them."""
    assert service.ldap is not None  # noqa: S101  asked by the caller
    return service.ldap


def _names(held: Ldap, where: str) -> Iterator[InvalidError]:
    places = {"base": held.base, "suspended_in": held.suspended_in, "groups": held.groups}
    for field, name in places.items():
        try:
            if name is not None:
                read_dn(name)
        except InvalidError as error:
            yield InvalidError(error.problem, where=f"{where}.{field}", right=error.right)
    if held.suspended_in is not None and not beneath(held.suspended_in, held.base):
        yield InvalidError("not beneath `base`", where=f"{where}.suspended_in", right="where accounts are looked up")
    for name in (held.rdn, held.owner, *held.suspended):
        if not ATTRIBUTE.fullmatch(name):
            yield InvalidError(f"{name!r} is no attribute", where=where, right="letters, digits and hyphens")


def _mapping(service: Service, where: str) -> Iterator[InvalidError]:
    held = options_of(service)
    mapped = {name.casefold(): name for name in service.account}
    engines = {name.casefold() for name in ("objectClass", held.owner, *held.suspended)}
    for name in service.account:
        if not ATTRIBUTE.fullmatch(name):
            yield InvalidError(f"{name!r} is no attribute", where=f"{where}.account.{name}", right="such as mail")
        elif name.casefold() in engines:
            yield InvalidError("the engine sets it", where=f"{where}.account.{name}", right="no mapping")
        elif mapped[name.casefold()] != name:
            yield InvalidError("names have no case", where=f"{where}.account.{name}", right="one of the two")
    if held.rdn not in service.account:
        yield InvalidError("what names an entry is not mapped", where=f"{where}.ldap.rdn", right="one of `account`")
    if service.match not in service.account:
        yield InvalidError("it is not mapped", where=f"{where}.match", right=f"one of `account`, such as {held.rdn}")
