"""Groups of a directory: members added and removed by value, never replaced; and a group made once."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from provisioning.core.account import Known
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Delivery, Dialogue, Ending, Outcome, Request
from provisioning.protocols.ending import discreet
from provisioning.protocols.ldap_account import options
from provisioning.protocols.ldap_calls import MOST, Refused, call
from provisioning.protocols.ldap_ending import (
    CLASS_VIOLATION,
    ENTRY_EXISTS,
    NO_SUCH_ATTRIBUTE,
    NO_SUCH_OBJECT,
    VALUE_EXISTS,
    classify,
    code_of,
)
from provisioning.protocols.ldap_message import LdapAdd, LdapChange, LdapModify, LdapResult, LdapSearch
from provisioning.protocols.ldap_names import beneath, equals, make_dn, read_dn


class _Kind(NamedTuple):
    """`member`: the attribute of members. `full`: it holds whole names, and a group without any cannot be."""

    member: str
    full: bool


_KINDS: Final[Mapping[str, _Kind]] = {
    "groupOfNames": _Kind("member", full=True),
    "groupOfUniqueNames": _Kind("uniqueMember", full=True),
    "posixGroup": _Kind("memberUid", full=False),
}


@dataclass(frozen=True, slots=True)
class Left:
    """After memberships were ended. `refusal`: one that will not be ended; `missing`: a group that is gone."""

    known: Known
    refusal: Ending | None = None
    missing: str | None = None


def member_value(service: Service, dn: str) -> bytes:
    """What stands in a group for the entry of this name. Raises InvalidError."""
    kind = _KINDS[options(service).group_class]
    return dn.encode() if kind.full else read_dn(dn)[0][1].encode()


def leave(
    service: Service, delivery: Delivery, known: Known, wanted: tuple[str, ...]
) -> Generator[Request, Answer, Left | Ending]:
    """End the memberships that are no longer wanted. Not to be a member already, or a group that is gone, is done.

    What is refused for good does not keep the account itself from being suspended or deleted: it is told at the end.
    """
    left = Left(known)
    for name in known.groups:
        if name in wanted:
            continue
        refused = None
        if name in delivery.groups:
            refused = yield from _take_out(service, delivery.groups[name], left.known)
        if refused is not None and refused.code not in (NO_SUCH_ATTRIBUTE, NO_SUCH_OBJECT):
            if refused.ending.outcome is not Outcome.PERMANENT:
                return refused.ending
            left = replace(left, refusal=refused.ending)
            continue
        missing = name if refused is not None and refused.code == NO_SUCH_OBJECT else left.missing
        left = replace(left, known=_without(left.known, name), missing=missing)
    return left


def _take_out(service: Service, group: str, known: Known) -> Generator[Request, Answer, Refused | None]:
    kind, value = _KINDS[options(service).group_class], member_value(service, str(known.remote_id))
    gone = LdapChange("delete", kind.member, (value,))
    refused = yield from call(LdapModify(group, (gone,)), known)
    if refused is not None and refused.code == CLASS_VIOLATION and kind.full:
        # The last member of a group that must have one: the group itself stands in.
        itself = LdapChange("add", kind.member, (group.encode(),))
        refused = yield from call(LdapModify(group, (itself, gone)), known)
    return refused


def join(
    service: Service, delivery: Delivery, known: Known, wanted: tuple[str, ...], *, again: bool
) -> Generator[Request, Answer, Known | Ending]:
    """Add the memberships that are not known; with `again` all of them. To be a member already is done.

    A call whose effect is not known counts as a membership, so that it is ended when it is no longer wanted.
    """
    member = _KINDS[options(service).group_class].member
    for name in wanted:
        group = delivery.groups.get(name)
        if name in known.groups and not again:
            continue
        if group is None:  # not known to be a member, then: so that the next attempt is given the group's name
            return Ending(Outcome.TRANSIENT, _without(known, name), f"group {name!r} has no remote id")
        change = LdapChange("add", member, (member_value(service, str(known.remote_id)),))
        refused = yield from call(LdapModify(group, (change,)), known)
        joined = known if name in known.groups else replace(known, groups=tuple(sorted((*known.groups, name))))
        if refused is None or refused.code == VALUE_EXISTS:
            known = joined
        elif refused.code == NO_SUCH_OBJECT:
            return Ending(Outcome.TRANSIENT, _without(known, name), f"group {name!r} is gone", missing_group=name)
        else:
            return replace(refused.ending, known=joined if refused.ending.outcome is Outcome.UNKNOWN else known)
    return known


def make_group(service: Service, name: str, look: bool) -> Dialogue:
    """The group of this name: its own name in the directory is `known.remote_id`. Made only if it is not there.

    Looked up in any case: a person may have made it elsewhere beneath `groups`.
    """
    del look
    try:
        place = options(service).groups
    except InvalidError as error:
        return discreet(Ending(Outcome.PERMANENT, Known(), str(error)))
    if place is None:
        return Ending(Outcome.PERMANENT, Known(), "the service does not say where its groups are (ldap.groups)")
    return discreet((yield from _make_group(service, name, place)))


def _make_group(service: Service, name: str, place: str) -> Dialogue:
    found = yield from _find(service, name, place)
    if found is not None:
        return found
    if not service.create_groups:
        return Ending(Outcome.TRANSIENT, Known(), f"there is no group {name!r}, and create_groups is off")
    kind, class_ = _KINDS[options(service).group_class], options(service).group_class
    if not kind.full:
        return Ending(Outcome.PERMANENT, Known(), f"a {class_} needs a number that only an operator can give")
    dn = make_dn("cn", name, place)
    members = {kind.member: (dn.encode(),)}  # it must have one: the group itself stands in
    refused = yield from call(
        LdapAdd(dn, {"objectClass": (class_.encode(),), "cn": (name.encode(),), **members}), Known()
    )
    if refused is None:
        return Ending(Outcome.DONE, Known(remote_id=dn))
    if refused.code != ENTRY_EXISTS:
        return refused.ending
    found = yield from _find(service, name, place)
    return found or refused.ending


def _find(service: Service, name: str, place: str) -> Generator[Request, Answer, Ending | None]:
    """The one group of this name, or None if there is none."""
    class_ = options(service).group_class
    filter_ = f"(&{equals('objectClass', class_.encode())}{equals('cn', name.encode())})"
    request = LdapSearch(place, "subtree", filter_, ("cn",), MOST)
    answer = yield request
    ending = classify(request, answer, Known())
    if ending.outcome is not Outcome.DONE or not isinstance(answer, LdapResult):
        return replace(ending, outcome=Outcome.TRANSIENT) if code_of(answer) == NO_SUCH_OBJECT else ending
    folded = name.casefold().encode()
    shown = [
        entry
        for entry in answer.entries
        if beneath(entry.dn, place)
        and folded in [held.decode(errors="replace").casefold().encode() for held in entry.values("cn")]
    ]
    if len(shown) > 1:
        return Ending(Outcome.PERMANENT, Known(), f"{len(shown)} groups have this name")
    return Ending(Outcome.DONE, Known(remote_id=shown[0].dn)) if shown else None


def _without(known: Known, name: str) -> Known:
    return replace(known, groups=tuple(group for group in known.groups if group != name))
