"""Changing objects by SPML 2.0: add, modify, delete, suspend and resume (sections 3.5 and 3.6.7)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.pushed import Resource, TakenError
from provisioning.core.source_spml import PushedSpml
from provisioning.protocols.inbound.spml_data import (
    apply,
    held_values,
    kept,
    read_changes,
    read_data,
    read_id,
    read_returned,
    refuse_capabilities,
    show_object,
)
from provisioning.protocols.inbound.spml_message import FailureError, response
from provisioning.protocols.xml import Element
from provisioning.stages.gateway_call import Call

ATTEMPTS: Final = 8  # of a change that met others
_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}

Changed = Callable[[Resource], Mapping[str, Any]]


async def add(call: Call, options: PushedSpml, request: Element) -> Element:
    """Make an object, with the id that is proposed or one of ours. Raises FailureError.

    A container is a name only: whether there is one of it is for the source to know.
    """
    returned = read_returned(request)
    target = request.attributes.get("targetID", request.attributes.get("targetId", options.target))
    if target.strip() != options.target:
        raise FailureError("noSuchIdentifier", f"the target is {options.target}")
    refuse_capabilities(request)
    proposed = request.one("psoID")
    container = request.one("containerID")
    within = read_id(container, options) if container is not None and container.attributes.get("ID") else None
    content = kept(read_data(request.one("data"), options), options, active=True, container=within)
    id_ = read_id(proposed, options) if proposed is not None and proposed.attributes.get("ID") else call.new_id()
    for _ in range(ATTEMPTS):
        was = await _stored(call, id_)
        if was is not None and not was.deleted:
            raise FailureError("alreadyExists", "there is an object of this ID")
        try:
            await call.pushed.put_resource(_made(call, id_, content, was), was, tell=True)
        except TakenError as error:
            raise FailureError("alreadyExists", f"another object has this {options.unique}") from error
        except ConflictError:
            continue
        return response(request, (show_object(id_, content, options, returned),))
    raise TransientError(f"others changed an object {ATTEMPTS} times")


def _made(call: Call, id_: str, content: Mapping[str, Any], was: Resource | None) -> Resource:
    """A new object; if one of its id was deleted, it goes on from that one's version.

    Nobody remembers a deletion for ever, while what was told of it is remembered. So versions begin at the time, in
    seconds: an object would have to change more than once a second from its birth on to be ahead of its successor.
    """
    version = call.now if was is None else was.version
    return Resource(call.source.id, "User", id_, content, call.now, call.now, version)


async def modify(call: Call, options: PushedSpml, request: Element) -> Element:
    """Change the attributes of an object: all of the changes or none. Raises FailureError."""
    returned, id_ = read_returned(request), read_id(request.one("psoID"), options)
    changes = read_changes(request, options)

    def changed(was: Resource) -> Mapping[str, Any]:
        values = apply(held_values(was.content), changes)
        active, container = was.content.get("active") is not False, was.content.get("container")
        return kept(values, options, active=active, container=container)

    after = await _change(call, options, id_, changed)
    return response(request, (show_object(id_, after.content, options, returned),))


async def delete(call: Call, options: PushedSpml, request: Element) -> Element:
    """Delete an object. Its version goes on, so that what is told late does not bring it back.

    No object contains another, so `recursive` changes nothing. Raises FailureError.
    """
    id_, recursive = read_id(request.one("psoID"), options), request.attributes.get("recursive", "false").strip()
    if recursive not in _TRUTHS:
        raise FailureError("malformedRequest", "recursive is true or false")
    for _ in range(ATTEMPTS):
        was = await expected(call, id_)
        try:
            await call.pushed.put_resource(replace(was, content={}, modified=call.now, deleted=True), was, tell=True)
        except ConflictError:
            continue
        return response(request)
    raise TransientError(f"others changed an object {ATTEMPTS} times")


async def suspend(call: Call, options: PushedSpml, request: Element) -> Element:
    """Suspend an object, or with a resumeRequest resume it; harmless if it is so. Raises FailureError.

    Nothing is done later: a date to come is refused, one that has come means at once.
    """
    id_, active = read_id(request.one("psoID"), options), request.name == "resumeRequest"
    _check_date(request.attributes.get("effectiveDate", "").strip(), call.now)
    await _change(call, options, id_, lambda was: {**was.content, "active": active})
    return response(request)


def _check_date(text: str, now: int) -> None:
    if not text:
        return
    try:
        date = datetime.fromisoformat(text[:64])
    except ValueError as error:
        raise FailureError("malformedRequest", "effectiveDate is a date and a time") from error
    at = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    if (at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() > now:
        raise FailureError("customError", "effectiveDate is to come; nothing is done later here")


async def expected(call: Call, id_: str) -> Resource:
    """An object that is there. Raises FailureError."""
    found = await _stored(call, id_)
    if found is None or found.deleted:
        raise FailureError("noSuchIdentifier", "no object has this ID")
    return found


async def _stored(call: Call, id_: str) -> Resource | None:
    held = await call.pushed.get(call.source.id, "User", id_)
    return None if held is None else held.resource


async def _change(call: Call, options: PushedSpml, id_: str, changed: Changed) -> Resource:
    for _ in range(ATTEMPTS):
        was = await expected(call, id_)
        content = changed(was)
        if content == was.content:
            return was
        try:
            return await call.pushed.put_resource(replace(was, content=content, modified=call.now), was, tell=True)
        except TakenError as error:
            raise FailureError("alreadyExists", f"another object has this {options.unique}") from error
        except ConflictError:
            continue
    raise TransientError(f"others changed an object {ATTEMPTS} times")
