"""What is to be changed at an entry that exists: its values, the sign of its state, its classes, and our mark."""

from provisioning.core.account import Known
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Delivery
from provisioning.protocols.ldap_account import CLASS, all_octets, differences, options, state_values, surplus
from provisioning.protocols.ldap_message import Attributes, LdapChange, LdapEntry


def changes(service: Service, delivery: Delivery, known: Known, shown: LdapEntry | None) -> tuple[LdapChange, ...]:
    """The changes, the guard first; nothing if nothing differs.

    The guard takes our mark out and puts it in again: all is refused if the entry does not carry it. An entry
    without a mark gets it. The value that names the entry is not among them: it changes with the name.
    """
    wanted = _wanted(service, delivery, shown)
    had = _remembered(service, delivery, known) if shown is None else _shown(service, delivery, known, shown)
    found = (*_classes(service, shown), *_names(service, shown), *differences(had, wanted))
    owner, mark = options(service).owner, (delivery.identity.encode(),)
    if shown is not None and not shown.values(owner):
        return (LdapChange("add", owner, mark), *found)
    return (LdapChange("delete", owner, mark), LdapChange("add", owner, mark), *found) if found else ()


def _wanted(service: Service, delivery: Delivery, shown: LdapEntry | None) -> Attributes:
    desired = delivery.desired
    values = dict(desired.strong(desired.values))
    if shown is not None:
        values |= {name: desired.values[name] for name in desired.filled if not shown.values(name)}
    return _folded(service, {**all_octets(values), **state_values(service, desired.phase)})


def _remembered(service: Service, delivery: Delivery, known: Known) -> Attributes:
    held = all_octets(delivery.desired.strong(known.values))
    return _folded(service, {**held, **state_values(service, known.phase)})


def _shown(service: Service, delivery: Delivery, known: Known, shown: LdapEntry) -> Attributes:
    """What the entry shows of all that we ever set there, and of what we want there now."""
    names = {*delivery.desired.strong(known.values), *delivery.desired.strong(delivery.desired.values)}
    names |= {*options(service).suspended}
    return _folded(service, {name: shown.values(name) for name in names})


def _folded(service: Service, values: Attributes) -> Attributes:
    """By names without case, as a directory compares them."""
    rdn = options(service).rdn.casefold()
    return {name.casefold(): held for name, held in values.items() if held and name.casefold() != rdn}


def _names(service: Service, shown: LdapEntry | None) -> tuple[LdapChange, ...]:
    """What an entry has of the naming attribute beside its name goes: it would be found by it."""
    gone = surplus(service, shown) if shown is not None else ()
    return (LdapChange("delete", options(service).rdn, gone),) if gone else ()


def _classes(service: Service, shown: LdapEntry | None) -> tuple[LdapChange, ...]:
    """The object classes that an entry which was taken over lacks. None is ever taken away."""
    if shown is None:
        return ()
    has = {value.lower() for value in shown.values(CLASS)}
    missing = tuple(name.encode() for name in options(service).classes if name.encode().lower() not in has)
    return (LdapChange("add", CLASS, missing),) if missing else ()
