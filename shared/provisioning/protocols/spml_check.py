"""Whether a service's options and mapping can be an SPML target's: checked with the bundle, before any delivery."""

from collections.abc import Iterator, Sequence
from typing import Final

from provisioning.core.catalog import Service, Spml
from provisioning.core.errors import InvalidError
from provisioning.protocols.spml_values import OBJECT_CLASS, is_name
from provisioning.protocols.xml import is_writable

# A password would be kept with what is known of the account; so it is refused where it would be mapped.
_PASSWORDS: Final = frozenset({"password", "userpassword", "unicodepwd"})


def check(service: Service) -> Sequence[InvalidError]:
    """What is wrong, each at its place in `services/<id>`."""
    where = f"services/{service.id}"
    if service.spml is None:
        return (InvalidError("an SPML target needs `spml`", where=f"{where}.spml", right="at least its entity"),)
    return (*_options(service, service.spml, where), *_mapping(service, service.spml, where))


def _options(service: Service, held: Spml, where: str) -> Iterator[InvalidError]:
    if held.owner is None and held.identifier != "identity" and service.adopt != "match":
        right = "an attribute as `owner`, `identifier: identity`, or `adopt: match`"
        yield InvalidError("nothing tells our accounts from others'", where=f"{where}.spml.owner", right=right)
    if service.groups and held.member_of is None and held.reference is None:
        right = "`member_of` or `reference`"
        yield InvalidError("nothing says how groups are kept", where=f"{where}.spml", right=right)
    if held.member_of is not None and held.reference is not None:
        yield InvalidError("memberships are kept in two ways", where=f"{where}.spml.reference", right="one of the two")
    if held.active and not held.suspended:
        yield InvalidError("`active` without `suspended`", where=f"{where}.spml.active", right="both, or neither")
    if held.profile == "xsd" and not all(map(is_writable, (held.namespace, held.entity))):
        yield InvalidError("no XML", where=f"{where}.spml.namespace", right="a URI")
    for field, name in _names(held):
        if not is_name(held, name):
            yield InvalidError(f"{name!r} is no name of profile {held.profile}", where=f"{where}.spml.{field}")


def _names(held: Spml) -> Iterator[tuple[str, str]]:
    optional = {"owner": held.owner, "member_of": held.member_of, "group_name": held.group_name}
    yield from ((field, name) for field, name in optional.items() if name is not None)
    yield from (("active", name) for name in held.active)
    yield from (("suspended", name) for name in held.suspended)
    if held.profile == "xsd":
        yield from (("entity", held.entity), ("group_entity", held.group_entity))


def _mapping(service: Service, held: Spml, where: str) -> Iterator[InvalidError]:
    mapped = {name.casefold(): name for name in service.account}
    engines = {name.casefold() for name in (OBJECT_CLASS, *held.active, *held.suspended)}
    engines |= {name.casefold() for name in (held.owner, held.member_of) if name is not None}
    for name in service.account:
        place = f"{where}.account.{name}"
        if not is_name(held, name):
            yield InvalidError(f"no name of profile {held.profile}", where=place, right="one name, such as mail")
        elif name.casefold() in _PASSWORDS:
            yield InvalidError("passwords are not delivered", where=place, right="no mapping")
        elif name.casefold() in engines:
            yield InvalidError("the engine sets it", where=place, right="no mapping")
        elif mapped[name.casefold()] != name:
            yield InvalidError("names have no case", where=place, right="one of the two")
    if service.match not in service.account:
        yield InvalidError("it is not mapped", where=f"{where}.match", right="one of `account`, such as uid")
