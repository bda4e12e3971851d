"""LDAP (RFC 4511) as a dialogue: one entry of a directory made as desired, with as few calls as that takes.

The account's remote id is its name (DN). Names can be given to others, so every modification carries a guard, our
mark taken out and put in again, which fails where the mark is not; a deletion or another name follows a look.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Delivery, Dialogue, Ending, Outcome, Request
from provisioning.protocols.ending import discreet
from provisioning.protocols.ldap_account import (
    all_octets,
    name_value,
    new_entry,
    options,
    phase_of,
    renamed,
    wanted_dn,
)
from provisioning.protocols.ldap_calls import Refused, call, look_up, marked, read
from provisioning.protocols.ldap_change import changes
from provisioning.protocols.ldap_ending import (
    CONSTRAINT,
    ENTRY_EXISTS,
    NO_SUCH_ATTRIBUTE,
    NO_SUCH_OBJECT,
    VALUE_EXISTS,
)
from provisioning.protocols.ldap_groups import join, leave, member_value
from provisioning.protocols.ldap_message import LdapAdd, LdapDelete, LdapEntry, LdapModify, LdapRename
from provisioning.protocols.ldap_names import parent_of, read_dn, same

# The entry is not as we remember it: look, and plan again.
_OTHERWISE: Final = (NO_SUCH_ATTRIBUTE, VALUE_EXISTS, NO_SUCH_OBJECT)


@dataclass(frozen=True, slots=True)
class _Met:
    """An account that exists. `shown`: as the directory showed it; None: as we remember it, or have just made it."""

    known: Known
    shown: LdapEntry | None = None

    @property
    def dn(self) -> str:
        """Its name."""
        return str(self.known.remote_id)


def deliver(service: Service, delivery: Delivery) -> Dialogue:
    """Make one account as desired.

    `known` of the ending is what is known now, also after a part of the work. After an unknown ending it names, too,
    the values and groups that may have arrived, so that the look which follows can take them back.
    """
    desired, known = delivery.desired, delivery.known
    try:
        options(service)
        all_octets(known.values)
        if desired.phase is not Phase.ABSENT:
            name_value(service, desired.values)
            new_entry(service, desired, delivery.identity)
        if known.remote_id is not None:
            read_dn(known.remote_id)
    except InvalidError as error:
        return discreet(Ending(Outcome.PERMANENT, known, str(error)), desired.values, known.values)
    ending = yield from _remove(service, delivery) if desired.phase is Phase.ABSENT else _make(service, delivery)
    return discreet(ending, desired.values, known.values)


def _make(service: Service, delivery: Delivery) -> Dialogue:
    """Removals first, then the name, then the entry itself, then what is added."""
    met = yield from _meet(service, delivery)
    if isinstance(met, Ending):
        return met
    desired = delivery.desired
    wanted = desired.groups if desired.phase is Phase.ACTIVE else ()
    target = wanted_dn(service, desired, met.dn)
    # Groups know their members by name: who is renamed leaves them as the one and joins them as the other.
    leaves = member_value(service, met.dn) != member_value(service, target) and not same(target, met.dn)
    left = yield from leave(service, delivery, met.known, () if leaves else wanted)
    if isinstance(left, Ending):
        return left
    moved = yield from _rename(delivery, replace(met, known=left.known), target)
    if isinstance(moved, Ending):
        return moved
    known = yield from _change(service, delivery, moved)
    if isinstance(known, Ending):
        return known
    known = yield from join(service, delivery, known, wanted, again=met.shown is not None)
    if isinstance(known, Ending):
        return known
    if left.refusal is not None:
        return replace(left.refusal, known=known)
    return Ending(Outcome.DONE, known, missing_group=left.missing)


def _meet(service: Service, delivery: Delivery) -> Generator[Request, Answer, _Met | Ending]:
    """The account that exists after this: the one we know, one found and taken over, or a new one."""
    dn = delivery.known.remote_id
    if dn is None:
        return (yield from _obtain(service, delivery))
    if not delivery.look and same(wanted_dn(service, delivery.desired, dn), dn):
        return _Met(delivery.known)
    return (yield from _look(service, delivery, dn))


def _look(service: Service, delivery: Delivery, dn: str) -> Generator[Request, Answer, _Met | Ending]:
    """Our account, where it is now."""
    shown = yield from _ours(service, delivery, dn)
    if isinstance(shown, Ending):
        return shown
    return _vanished() if shown is None else _Met(_seen(service, delivery, shown), shown)


def _ours(service: Service, delivery: Delivery, dn: str) -> Generator[Request, Answer, LdapEntry | Ending | None]:
    """The entry of this name, or, if that is gone or another's by now, the one that carries our mark."""
    shown = yield from read(service, delivery, dn)
    if isinstance(shown, Ending):
        return shown
    if shown is not None and marked(service, shown) in ((), (delivery.identity.encode(),)):
        return shown
    return (yield from look_up(service, delivery, adopts=False))


def _obtain(service: Service, delivery: Delivery) -> Generator[Request, Answer, _Met | Ending]:
    """Create the account, or take over the one that is there. After a doubt it is looked up first."""
    desired, known = delivery.desired, delivery.known
    if delivery.look:
        found = yield from look_up(service, delivery, adopts=True)
        if found is not None:
            return found if isinstance(found, Ending) else _Met(_seen(service, delivery, found), found)
    dn = wanted_dn(service, desired, None)
    refused = yield from call(LdapAdd(dn, new_entry(service, desired, delivery.identity)), known)
    if refused is None:
        return _Met(Known(desired.phase, dn, desired.held, filled=desired.filled))
    if refused.code not in (ENTRY_EXISTS, CONSTRAINT):
        return _doubted(delivery, refused.ending)
    found = yield from look_up(service, delivery, adopts=True)
    if found is not None:
        return found if isinstance(found, Ending) else _Met(_seen(service, delivery, found), found)
    if refused.code == CONSTRAINT:
        return refused.ending
    # It may be ours and not be shown yet; a look that still does not find it, later, makes it a question.
    outcome = Outcome.PERMANENT if delivery.look else Outcome.UNKNOWN
    reason = f"{refused.ending.reason}; but no look-up shows such an entry"
    rdn = options(service).rdn
    taken = (rdn, desired.values.get(rdn)) if delivery.look else None
    return _doubted(delivery, replace(refused.ending, outcome=outcome, reason=reason, taken=taken))


def _rename(delivery: Delivery, met: _Met, target: str) -> Generator[Request, Answer, _Met | Ending]:
    """Give the entry the name that it should have, if that is another one."""
    if same(target, met.dn):
        return met
    rdn = target[: len(target) - len(parent_of(target)) - 1]
    above = None if same(parent_of(target), parent_of(met.dn)) else parent_of(target)
    # An entry that was taken over may be named by something that it must have: that value stays.
    keeps = read_dn(met.dn)[0][0].casefold() != read_dn(target)[0][0].casefold()
    refused = yield from call(LdapRename(met.dn, rdn, above, keeps), met.known)
    if refused is None:
        shown = renamed(met.shown, target, keeps=keeps) if met.shown is not None else None
        return _Met(replace(met.known, remote_id=target), shown)
    if refused.code == NO_SUCH_OBJECT:
        return Ending(Outcome.TRANSIENT, met.known, "the entry, or its new parent, is not there")
    if refused.code in (ENTRY_EXISTS, CONSTRAINT):
        attribute = target.partition("=")[0]
        return replace(refused.ending, taken=(attribute, delivery.desired.values.get(attribute)))
    return _doubted(delivery, refused.ending)


def _change(service: Service, delivery: Delivery, met: _Met) -> Generator[Request, Answer, Known | Ending]:
    """One modification with what differs, or none. An entry that is not as we remember it is looked at, once."""
    refused = yield from _modify(service, delivery, met)
    if isinstance(refused, Refused) and refused.code in _OTHERWISE and met.shown is None:
        seen = yield from _look(service, delivery, met.dn)
        if isinstance(seen, Ending):
            return seen
        met = replace(seen, known=replace(seen.known, groups=met.known.groups))
        refused = yield from _modify(service, delivery, met)
    if not isinstance(refused, Refused):
        return refused
    # An account that nobody had marked is not ours before the mark has arrived: until then it is not claimed.
    foreign = met.shown is not None and not marked(service, met.shown)
    known = delivery.known if foreign and delivery.known.remote_id is None else met.known
    if refused.code in _OTHERWISE:
        return Ending(Outcome.TRANSIENT, known, f"{refused.ending.reason}: the entry is being changed by others")
    ending = replace(refused.ending, known=known)
    if refused.code == CONSTRAINT and delivery.desired.values.get(service.match) != met.known.values.get(service.match):
        ending = replace(ending, taken=(service.match, delivery.desired.values.get(service.match)))
    return _doubted(delivery, ending)


def _modify(service: Service, delivery: Delivery, met: _Met) -> Generator[Request, Answer, Known | Refused]:
    desired = delivery.desired
    after = replace(met.known, phase=desired.phase, values=desired.held, filled=desired.filled)
    found = changes(service, delivery, met.known, met.shown)
    if not found:
        return after
    return (yield from call(LdapModify(met.dn, found), met.known)) or after


def _remove(service: Service, delivery: Delivery) -> Dialogue:
    """Delete the account, if it carries our mark."""
    known = delivery.known
    found: LdapEntry | Ending | None = None
    if known.remote_id is not None:
        found = yield from _ours(service, delivery, known.remote_id)
    elif delivery.look:
        found = yield from look_up(service, delivery, adopts=False)
    if isinstance(found, Ending):
        return found
    if found is not None:
        if not marked(service, found):
            return Ending(Outcome.PERMANENT, known, "the entry does not carry our mark any more")
        known = replace(known, remote_id=found.dn)
    if known.remote_id is None:
        return Ending(Outcome.DONE, Known())
    left = yield from leave(service, delivery, known, ())
    if isinstance(left, Ending):
        return left
    refused = (yield from call(LdapDelete(found.dn), left.known)) if found is not None else None
    if refused is None or refused.code == NO_SUCH_OBJECT:
        return Ending(Outcome.DONE, Known(), missing_group=left.missing)
    return refused.ending


def _seen(service: Service, delivery: Delivery, shown: LdapEntry) -> Known:
    """What is known of an entry that was shown. Its values are those that we may have applied, not the shown."""
    return replace(delivery.known, phase=phase_of(service, shown), remote_id=shown.dn)


def _vanished() -> Ending:
    """The account was deleted behind our back. Not created again here: a create needs its intent first."""
    return Ending(Outcome.TRANSIENT, Known(), "the directory does not have the account any more", retry_after=0)


def _doubted(delivery: Delivery, ending: Ending) -> Ending:
    """After a call whose effect is not known, the values that it carried may be there as well."""
    if ending.outcome is not Outcome.UNKNOWN:
        return ending
    values: Mapping[str, object] = {**ending.known.values, **delivery.desired.values}
    return replace(ending, known=replace(ending.known, values=values))
