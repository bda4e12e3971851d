"""An account as a directory's entry: its values in octets, its name, and the smallest change between two states."""

from collections.abc import Mapping
from typing import Final

from provisioning.core.account import Desired, Json, Phase
from provisioning.core.catalog import Ldap, Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.ldap_message import Attributes, LdapChange, LdapEntry
from provisioning.protocols.ldap_names import beneath, make_dn, parent_of, read_dn

CLASS: Final = "objectClass"


def options(service: Service) -> Ldap:
    """The service's options. Raises InvalidError if it has none."""
    if service.ldap is None:
        raise InvalidError("a directory needs `ldap`", where=f"services/{service.id}.ldap", right="at least its base")
    return service.ldap


def octets(value: Json, where: str) -> tuple[bytes, ...]:
    """A value as a directory holds it: nothing for nothing, each once. Raises InvalidError for what it cannot hold."""
    items = value if isinstance(value, list | tuple) else [value]
    texts = [_text(item, where) for item in items if item not in (None, "")]
    return tuple(dict.fromkeys(text.encode() for text in texts))


def _text(item: Json, where: str) -> str:
    if isinstance(item, bool):
        return "TRUE" if item else "FALSE"
    if isinstance(item, int):
        return str(item)
    if isinstance(item, str):
        try:
            item.encode()
        except UnicodeEncodeError:
            raise InvalidError("a text that is no Unicode", where=where, right="text without lone surrogates") from None
        return item
    raise InvalidError("a directory cannot hold this", where=where, right="a text, a number, a truth value or a list")


def all_octets(values: Mapping[str, Json]) -> Attributes:
    """The values of an account, without the attributes that have none. Raises InvalidError."""
    made = {name: octets(value, name) for name, value in values.items()}
    return {name: held for name, held in made.items() if held}


def name_value(service: Service, values: Mapping[str, Json]) -> str:
    """The one text that names the entry. Raises InvalidError if there is not exactly one."""
    rdn = options(service).rdn
    held = octets(values.get(rdn), rdn)
    if len(held) != 1:
        raise InvalidError("an entry is named by one value", where=rdn, right="one text")
    return held[0].decode()


def wanted_dn(service: Service, desired: Desired, now: str | None) -> str:
    """The name that an account should have. `now`: the one it has; its parent is kept as far as it may be.

    An account that somebody sorted into another place beneath the base is left there.
    """
    held = options(service)
    parent = parent_of(now) if now is not None and beneath(now, held.base) else held.base
    if held.suspended_in is not None:
        apart = now is not None and beneath(now, held.suspended_in)
        if desired.phase is Phase.SUSPENDED and not apart:
            parent = held.suspended_in
        elif desired.phase is Phase.ACTIVE and apart:
            parent = held.base
    return make_dn(held.rdn, name_value(service, desired.values), parent)


def phase_of(service: Service, entry: LdapEntry) -> Phase:
    """What an entry shows itself to be. Without a sign of suspension in the options, every entry is active."""
    held = options(service)
    if held.suspended_in is not None and beneath(entry.dn, held.suspended_in):
        return Phase.SUSPENDED
    signs = all_octets(held.suspended)
    if signs and all(entry.values(name) == values for name, values in signs.items()):
        return Phase.SUSPENDED
    return Phase.ACTIVE


def state_values(service: Service, phase: Phase) -> Attributes:
    """The values by which a directory tells that an account is suspended; none for one that is not."""
    return all_octets(options(service).suspended) if phase is Phase.SUSPENDED else {}


def new_entry(service: Service, desired: Desired, identity: str) -> Attributes:
    """The attributes of an entry to be made, with the owner's mark. Raises InvalidError."""
    held = options(service)
    return {
        CLASS: all_octets({CLASS: list(held.classes)})[CLASS],
        **all_octets(desired.values),
        **state_values(service, desired.phase),
        held.owner: octets(identity, held.owner),
    }


def differences(had: Attributes, wanted: Attributes) -> tuple[LdapChange, ...]:
    """The smallest changes from one state to another: values that stay are not touched, one value is exchanged.

    An attribute of which nothing stays is replaced, which succeeds whatever else it held.
    """
    changes: list[LdapChange] = []
    for name in sorted({*had, *wanted}):
        old, new = had.get(name, ()), wanted.get(name, ())
        gone = tuple(value for value in old if value not in new)
        come = tuple(value for value in new if value not in old)
        if not gone and not come:
            continue
        if len(gone) == len(old):
            changes.append(LdapChange("replace", name, new))
            continue
        if gone:
            changes.append(LdapChange("delete", name, gone))
        if come:
            changes.append(LdapChange("add", name, come))
    return tuple(changes)


def renamed(entry: LdapEntry, dn: str, *, keeps: bool) -> LdapEntry:
    """An entry as it is after it was given another name. `keeps`: the value of its old name stays."""
    (was, old), (attribute, new) = read_dn(entry.dn)[0], read_dn(dn)[0]
    values = {name.casefold(): held for name, held in entry.attributes.items()}
    if not keeps:
        values[was.casefold()] = _without(values.get(was.casefold(), ()), old)
    name = attribute.casefold()
    values[name] = (*_without(values.get(name, ()), new), new.encode())
    return LdapEntry(dn, values)


def surplus(service: Service, entry: LdapEntry) -> tuple[bytes, ...]:
    """The values of the naming attribute that do not name the entry: another name that it had, or another's word."""
    return _without(entry.values(options(service).rdn), read_dn(entry.dn)[0][1])


def _without(values: tuple[bytes, ...], text: str) -> tuple[bytes, ...]:
    return tuple(value for value in values if value.lower() != text.encode().lower())
