"""Members of a group, added and removed and never replaced by ours alone: by PATCH, or by GET, merge and PUT."""

from collections.abc import Generator, Sequence

from provisioning.core.account import Json, Known
from provisioning.core.scim_options import Scim
from provisioning.protocols.dialogue import Answer, Ending, Outcome, Request
from provisioning.protocols.scim_calls import (
    RACED,
    RACES,
    Refused,
    Resource,
    call,
    patch,
    place_of,
    put,
    read,
    version_of,
)
from provisioning.protocols.scim_filter import literal
from provisioning.protocols.scim_patch import Operation
from provisioning.protocols.scim_resource import member, spelled


def change_members(
    scim: Scim, group: str, add: Sequence[str], remove: Sequence[str], known: Known
) -> Generator[Request, Answer, Refused | None]:
    """Add and remove members, by their ids, of the group with this id. None if that was done.

    Both are harmless when repeated, so a PATCH needs no version; it has one where the SP insists. A PUT replaces what
    others do at the same time: it loses to them if the SP shows versions, and is then planned again, a few times.
    """
    if not scim.patch and not scim.members_shown:
        ending = Ending(Outcome.PERMANENT, known, "members can neither be seen nor changed by PATCH: see scim.patch")
        return Refused(0, "", ending)
    looks = not scim.patch or scim.etag == "required"
    refused: Refused | None = None
    for _ in range(RACES):
        shown: Resource | None = None
        if looks:
            answer = yield from read("Groups", group, known)
            if isinstance(answer, Refused):
                return answer
            shown = answer
        place, version = place_of("Groups", group), version_of(scim, shown)
        if scim.patch:
            refused = yield from call(patch(place, _operations(scim, add, remove), version), known)
        else:
            wanted = _with_members(shown or {}, add, remove)
            refused = (yield from call(put(place, wanted, version), known)) if wanted is not None else None
        if refused is None or refused.status not in RACED:
            return refused
        looks = True
    return refused


def _operations(scim: Scim, add: Sequence[str], remove: Sequence[str]) -> list[Operation]:
    made: list[Operation] = []
    if scim.remove_member == "value" and remove:
        made.append({"op": "remove", "path": "members", "value": [{"value": member_id} for member_id in remove]})
    else:
        made += [{"op": "remove", "path": f"members[value eq {literal(member_id)}]"} for member_id in remove]
    if add:
        made.append({"op": "add", "path": "members", "value": [{"value": member_id} for member_id in add]})
    return made


def _with_members(shown: Resource, add: Sequence[str], remove: Sequence[str]) -> Json:
    """The group as it should be, or None if it is so."""
    name = spelled(shown, "members")
    entries = shown.get(name)
    entries = entries if isinstance(entries, list) else []
    there = {member(entry, "value") for entry in entries}
    kept = [entry for entry in entries if member(entry, "value") not in remove]
    new = [{"value": member_id} for member_id in add if member_id not in there]
    if len(kept) == len(entries) and not new:
        return None
    group = {key: value for key, value in shown.items() if key.casefold() != "meta"}
    return {**group, name: [*kept, *new]}
