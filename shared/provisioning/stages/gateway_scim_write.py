"""Changing users and groups (RFC 7644 3.3, 3.5, 3.6).

A resource and that it is unsent are one write. Members of a group are items of their own, 25 to a transaction: a death
in the middle leaves some of them changed, and the client, whom nobody answered, repeats what is then half done.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.pushed import Held, Kind, Resource, TakenError
from provisioning.protocols.inbound import answer as answers
from provisioning.protocols.inbound.content import read_resource
from provisioning.protocols.inbound.http import Response
from provisioning.protocols.inbound.patch import MemberChange, Patched, patched
from provisioning.protocols.inbound.refusal import RefusedError
from provisioning.stages.gateway_call import Call
from provisioning.stages.gateway_scim_read import every_member, load, shown

ATTEMPTS: Final = 8  # of a change that met others
MOST_SHOWN: Final = 1000  # members of a group that was changed, in the answer
_NOBODY: Final = MemberChange()


async def create(call: Call, kind: Kind, body: Any) -> Response:
    """POST: 201, or 409 if somebody has its userName or externalId."""
    sent = read_resource(kind, body)
    new = Resource(call.source.id, kind, call.new_id(), sent.content, call.now, call.now)
    resource = await _put(call, new, None)
    if sent.members:
        await call.pushed.change_members(call.source.id, resource.id, sent.members, ())
    return await shown(call, Held(resource), 201, MOST_SHOWN)


async def replace_whole(call: Call, kind: Kind, id_: str, body: Any) -> Response:
    """PUT. Members of which it says nothing stay."""
    sent = read_resource(kind, body)
    members = _NOBODY if sent.members is None else MemberChange(sent.members, alone=True)
    return await _change(call, kind, id_, lambda _: Patched(sent.content, members))


async def patch(call: Call, kind: Kind, id_: str, body: Any) -> Response:
    """PATCH: all of its operations or none; 204 for a group whose members would be too long an answer."""
    return await _change(call, kind, id_, lambda held: patched(kind, held.resource.content, body))


async def delete(call: Call, kind: Kind, id_: str) -> Response:
    """DELETE: its version goes on, so that what is told late does not bring it back."""
    for _ in range(ATTEMPTS):
        was = (await _expected(call, kind, id_)).resource
        try:
            await _put(call, replace(was, content={}, modified=call.now, deleted=True), was)
        except ConflictError:
            continue
        return answers.answer(204)
    raise TransientError(f"others changed a {kind} {ATTEMPTS} times")


async def _change(call: Call, kind: Kind, id_: str, change: Callable[[Held], Patched]) -> Response:
    for _ in range(ATTEMPTS):
        held = await _expected(call, kind, id_)
        after = change(held)
        added, removed = await _members(call, id_, after.members)
        if after.content != held.resource.content or added or removed:
            changed = replace(held.resource, content=after.content, modified=call.now)
            try:
                # First the version, so that of two changes of one version only one touches the members.
                held = replace(held, resource=await _put(call, changed, held.resource))
            except ConflictError:
                continue
            await call.pushed.change_members(call.source.id, id_, added, removed)
        return await shown(call, held, 200, MOST_SHOWN)
    raise TransientError(f"others changed a {kind} {ATTEMPTS} times")


async def _expected(call: Call, kind: Kind, id_: str) -> Held:
    """The resource, if it is in the version that the client means (RFC 7644 3.14)."""
    held = await load(call, kind, id_)
    header = call.request.headers.get("if-match")
    if header is not None and not answers.matches(header, held.resource):
        raise RefusedError(412, "", "it has another version")
    return held


async def _members(call: Call, group: str, change: MemberChange) -> tuple[list[str], list[str]]:
    """Who really comes and goes."""
    source = call.source.id
    if change.alone:
        held = set(await every_member(call, group))
        wanted = set(change.added) - set(change.removed)
        return sorted(wanted - held), sorted(held - wanted)
    if not change.added and not change.removed:
        return [], []
    there = await call.pushed.holds(source, group, [*change.added, *change.removed])
    return [each for each in change.added if each not in there], [each for each in change.removed if each in there]


async def _put(call: Call, resource: Resource, was: Resource | None) -> Resource:
    """Write a resource. Members of a group are told of it only if they are shown another name, or none."""
    renamed = was is not None and resource.content.get("displayName") != was.content.get("displayName")
    try:
        return await call.pushed.put_resource(resource, was, tell=resource.kind == "User" or renamed)
    except TakenError as error:
        raise RefusedError(409, "uniqueness", f"another {resource.kind} has this {error}") from error
