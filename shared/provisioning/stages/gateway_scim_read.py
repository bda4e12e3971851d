"""Reading users and groups (RFC 7644 3.4)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from provisioning.core.pushed import FINDABLE, Held, Kind, Resource
from provisioning.protocols.inbound import answer as answers
from provisioning.protocols.inbound.discovery import MOST_RESULTS
from provisioning.protocols.inbound.filter import Filter, read_filter
from provisioning.protocols.inbound.http import Response
from provisioning.protocols.inbound.match import equalities, holds, member_ids, mentions
from provisioning.protocols.inbound.refusal import RefusedError, refuse
from provisioning.stages.gateway_call import Call
from provisioning.stages.gateway_onward import AT_ONCE, MEMBERS, names_of

MOST_WALKED: Final = 1000  # resources that are looked at for a filter that names no attribute by which they are found
_UNSHOWN: Final = {"User": "groups", "Group": "members"}  # what costs a read of its own


async def load(call: Call, kind: Kind, id_: str) -> Held:
    """A resource that is there. Raises RefusedError."""
    held = await call.pushed.get(call.source.id, kind, id_)
    if held is None or held.resource.deleted:
        raise RefusedError(404, "", f"there is no {kind} {id_[:100]!r}")
    return held


async def show(call: Call, kind: Kind, id_: str) -> Response:
    """GET of one."""
    held = await load(call, kind, id_)
    header = call.request.headers.get("if-none-match")
    if header is not None and answers.matches(header, held.resource):
        return answers.answer(304, headers={"ETag": answers.etag(held.resource)})
    return await shown(call, held, 200)


async def shown(call: Call, held: Held, status: int, most: int | None = None) -> Response:
    """A resource as an answer, with what was asked for of it. Of a group with more than `most` members, 204."""
    query, resource = call.request.query, held.resource
    headers = {"ETag": answers.etag(resource), "Location": answers.location(resource, call.request.base)}
    members: Sequence[str] | None = None
    if resource.kind == "Group" and _is_shown(query, "Group"):
        members = await every_member(call, resource.id, most)
        if most is not None and len(members) > most:
            return answers.answer(204, headers=headers)
    view = answers.shown(held, await names_of(call.pushed, call.source.id, [held]), members, call.request.base)
    return answers.answer(status, _projected(view, query, resource.kind), headers)


async def every_member(call: Call, group: str, most: int | None = None) -> list[str]:
    """The ids of a group's members; with `most`, one more at most."""
    found: list[str] = []
    page = MEMBERS if most is None else most + 1
    while True:
        some = await call.pushed.members(call.source.id, group, found[-1] if found else "", page)
        found += some
        if len(some) < page or most is not None:
            return found


async def find(call: Call, kinds: Sequence[Kind], query: Mapping[str, str]) -> Response:
    """A list of one kind or of both, all or by a filter (RFC 7644 3.4.2, 3.4.3)."""
    start = max(1, _number(query, "startIndex", 1))
    count = min(MOST_RESULTS, max(0, _number(query, "count", MOST_RESULTS)))
    text = query.get("filter", "").strip()
    every: list[tuple[Kind, str]] = []
    for kind in kinds:
        ids = await _meant(call, kind, read_filter(text, kind)) if text else await call.pushed.ids(call.source.id, kind)
        every += [(kind, id_) for id_ in ids]
    page = every[start - 1 : start - 1 + count]
    views: list[dict[str, Any]] = []
    for kind in kinds:
        wanted = [id_ for each, id_ in page if each == kind]
        found = await call.pushed.get_many(call.source.id, kind, wanted) if wanted else ()
        views += await _views(call, found, query)
    return answers.listed(views, len(every), start)


async def _meant(call: Call, kind: Kind, filter_: Filter) -> list[str]:
    """The ids of those for which a filter holds, sorted."""
    source = call.source.id
    ids = await _candidates(call, kind, filter_)
    if ids is None:
        ids = await call.pushed.ids(source, kind)
        if len(ids) > MOST_WALKED:
            named = ", ".join(("id", *FINDABLE[kind]))
            raise refuse("tooMany", f"among more than {MOST_WALKED} a filter asks for one of {named} by eq")
    found = await call.pushed.get_many(source, kind, sorted(set(ids)))
    asked = member_ids(filter_) if kind == "Group" else []
    if asked is None:
        raise refuse("invalidFilter", 'of members a filter asks by members[value eq "id"]')
    helds = await _helds(call, found, read=kind == "User" and mentions(filter_, "groups"))
    names = await names_of(call.pushed, source, helds)
    meant = []
    for held in helds:
        members = sorted(await call.pushed.holds(source, held.resource.id, asked)) if asked else None
        if holds(filter_, answers.shown(held, names, members, call.request.base), kind):
            meant.append(held.resource.id)
    return meant


async def _candidates(call: Call, kind: Kind, filter_: Filter) -> Sequence[str] | None:
    """The ids among which those must be for which a filter holds; None if it names nothing that is looked up."""
    for each in equalities(filter_):
        if each.path.schema is not None or each.path.sub is not None or not isinstance(each.value, str):
            continue
        if each.path.name.lower() == "id":
            return [each.value]
        for name in FINDABLE[kind]:
            if each.path.name.lower() == name.lower():
                return await call.pushed.find(call.source.id, kind, name, each.value)
    return None


async def _views(call: Call, page: Sequence[Resource], query: Mapping[str, str]) -> list[dict[str, Any]]:
    if not page:
        return []
    kind, read = page[0].kind, _is_shown(query, page[0].kind)
    helds = await _helds(call, page, read=read and kind == "User")
    names = await names_of(call.pushed, call.source.id, helds)
    members: list[Sequence[str] | None] = [None] * len(page)
    if read and kind == "Group":
        members = [await every_member(call, group.id) for group in page]
    views = (answers.shown(held, names, some, call.request.base) for held, some in zip(helds, members, strict=True))
    return [_projected(view, query, kind) for view in views]


async def _helds(call: Call, resources: Sequence[Resource], *, read: bool) -> list[Held]:
    """Resources with their groups, if these are wanted."""
    if not read:
        return [Held(resource) for resource in resources]
    busy = asyncio.Semaphore(AT_ONCE)

    async def one(resource: Resource) -> Held:
        async with busy:
            return await call.pushed.get(call.source.id, resource.kind, resource.id) or Held(resource)

    return [held for held in await asyncio.gather(*map(one, resources)) if not held.resource.deleted]


def _projected(view: Mapping[str, Any], query: Mapping[str, str], kind: Kind) -> dict[str, Any]:
    wanted, excluded = (answers.asked(query, kind, name) for name in ("attributes", "excludedAttributes"))
    return answers.projected(view, wanted, excluded)


def _is_shown(query: Mapping[str, str], kind: Kind) -> bool:
    """Whether an answer shows what costs a read of its own."""
    wanted, excluded = (
        {path.name.lower() for path in answers.asked(query, kind, name) if path.schema is None}
        for name in ("attributes", "excludedAttributes")
    )
    name = _UNSHOWN[kind]
    return name in wanted if query.get("attributes") else name not in excluded


def _number(query: Mapping[str, str], name: str, otherwise: int) -> int:
    text = query.get(name, "").strip()
    if not text:
        return otherwise
    if len(text) > 10 or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise refuse("invalidValue", f"{name} is a whole number")
    return int(text)
