"""Groups in SCIM: the memberships of one account, added and removed; and a group made once."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Json, Known
from provisioning.core.catalog import Service
from provisioning.core.quick import quick
from provisioning.core.scim_options import Scim
from provisioning.core.scim_presets import options_of
from provisioning.protocols.dialogue import Answer, Delivery, Dialogue, Ending, Outcome, Request
from provisioning.protocols.ending import discreet
from provisioning.protocols.scim_calls import GONE, Refused, Resource, checked, create, id_of, stop
from provisioning.protocols.scim_filter import equals
from provisioning.protocols.scim_members import change_members
from provisioning.protocols.scim_pages import search
from provisioning.protocols.scim_resource import GROUP, member, read_path

_CONFLICT: Final = 409


@quick
@dataclass(frozen=True, slots=True)
class Left:
    """After memberships were ended. `refusal`: one that the SP will not end; `missing`: a group that is gone."""

    known: Known
    refusal: Ending | None = None
    missing: str | None = None


def leave(
    scim: Scim, delivery: Delivery, known: Known, wanted: tuple[str, ...]
) -> Generator[Request, Answer, Left | Ending]:
    """End the memberships that are no longer wanted. A group that is gone has no members; so has one without an id.

    What the SP refuses for good does not keep the account itself from being suspended or deleted: it is told at
    the end.
    """
    left = Left(known)
    for name in known.groups:
        if name in wanted:
            continue
        refused: Refused | None = None
        if name in delivery.groups:
            group = delivery.groups[name]
            refused = yield from change_members(scim, group, (), (str(known.remote_id),), left.known)
            if refused is not None:
                refused = yield from checked(scim, "Groups", group, refused, left.known)
        gone = refused is not None and refused.status in GONE
        if refused is not None and not gone and refused.scim_type != "noTarget":
            if refused.ending.outcome is not Outcome.PERMANENT:
                return refused.ending
            left = replace(left, refusal=refused.ending)
            continue
        left = replace(left, known=_without(left.known, name), missing=name if gone else left.missing)
    return left


def join(
    scim: Scim, delivery: Delivery, known: Known, wanted: tuple[str, ...], shown: Resource | None
) -> Generator[Request, Answer, Known | Ending]:
    """Add the memberships that are not known, or, after a look, that the SP does not show. Adding twice is harmless.

    A call whose effect is not known counts as a membership, so that it is ended when it is no longer wanted; it is
    added again by the look that follows.
    """
    for name in wanted:
        remote_id = delivery.groups.get(name)
        if name in known.groups and (shown is None or _is_member(shown, remote_id)):
            continue
        if remote_id is None:  # not known to be a member, then: so that the next attempt is given the id
            return Ending(Outcome.TRANSIENT, _without(known, name), f"group {name!r} has no remote id")
        refused = yield from change_members(scim, remote_id, (str(known.remote_id),), (), known)
        joined = known if name in known.groups else replace(known, groups=tuple(sorted((*known.groups, name))))
        if refused is not None:
            refused = yield from checked(scim, "Groups", remote_id, refused, known)
        if refused is None:
            known = joined
        elif refused.status in GONE:
            return Ending(Outcome.TRANSIENT, _without(known, name), f"group {name!r} is gone", missing_group=name)
        else:
            return stop(refused.ending, joined if refused.ending.outcome is Outcome.UNKNOWN else known)
    return known


def _without(known: Known, name: str) -> Known:
    return replace(known, groups=tuple(group for group in known.groups if group != name))


def _is_member(shown: Resource, remote_id: str | None) -> bool:
    groups = member(shown, "groups")
    if remote_id is None or not isinstance(groups, list):
        return False
    return any(member(entry, "value") == remote_id for entry in groups)


def make_group(service: Service, name: str, look: bool) -> Dialogue:
    """The group of this name: its id is `known.remote_id`. Made only if it is not there and the service says so.

    Looked up in any case: an SP need not refuse a second group of the same name. Without leave to make it, it is
    waited for: when an operator has made it, the accounts that need it go on by themselves.
    """
    del look
    return discreet((yield from _make_group(service, name)))


def _make_group(service: Service, name: str) -> Dialogue:
    scim = options_of(service)
    found = yield from _one(scim, name)
    if found is not None:
        return found
    if not service.create_groups:
        return Ending(Outcome.TRANSIENT, Known(), f"there is no group {name!r}, and create_groups is off")
    body: Json = {"schemas": [GROUP], "displayName": name}
    made = yield from create("Groups", body, Known())
    if isinstance(made, str):
        return Ending(Outcome.DONE, Known(remote_id=made))
    if made.status != _CONFLICT:
        return made.ending
    found = yield from _one(scim, name)
    return found or made.ending


def _one(scim: Scim, name: str) -> Generator[Request, Answer, Ending | None]:
    """The one group that a look-up shows, or None if there is none. Members are not asked for where they are shown."""
    without = {"excludedAttributes": "members"} if scim.members_shown else {}
    found = yield from search(
        scim,
        "Groups",
        equals(read_path("displayName"), name),
        lambda group: bool(member(group, "displayName") == name),
        Known(),
        **without,
    )
    if isinstance(found, Ending):
        return found
    if len(found.resources) > 1:
        return Ending(Outcome.PERMANENT, Known(), f"{len(found.resources)} groups have this name")
    if found.resources:
        return Ending(Outcome.DONE, Known(remote_id=id_of(found.resources[0])))
    if not found.proven:
        return Ending(Outcome.PERMANENT, Known(), "the SP cannot look up a group by its displayName")
    return None
