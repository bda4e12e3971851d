"""What has changed in a target since a client asked before (the updates capability, section 3.6.8).

Objects that are there are looked through, then what was deleted: pages may be empty and still go on. A token lies a
minute back, since a change is dated when its request began and seen when it is written: what is that new is told
twice rather than never.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from provisioning.core.period import DAY
from provisioning.core.pushed import KEPT_DAYS
from provisioning.core.source_spml import PushedSpml
from provisioning.protocols.inbound.spml_data import show_id
from provisioning.protocols.inbound.spml_iterator import read_iterator, read_query_value, write_iterator
from provisioning.protocols.inbound.spml_message import FailureError, response
from provisioning.protocols.inbound.spml_query import Query, read_query, selects
from provisioning.protocols.spml_names import UPDATES
from provisioning.protocols.xml import Element
from provisioning.stages.gateway_call import Call
from provisioning.stages.gateway_spml_read import CHUNK, MOST_SHOWN, MOST_TEXT, MOST_WALKED, read_most, size_of

LAG: Final = 60  # seconds; more than a request may take
_TOKEN: Final = re.compile(r"t1-([0-9]{1,12})")
_COMPACT: Final = re.compile(r"([0-9]{8})([0-9]{6})(?:\.[0-9]+)?(Z?)")  # as one client writes an instant


class Walk(NamedTuple):
    """How far a list of updates is. `until`: the token of its end; `phase`: `here`, then `gone`."""

    query: Query
    since: int
    until: int
    most: int
    phase: str
    after: str

    @property
    def value(self) -> list[Any]:
        """As JSON."""
        return [self.query.value, self.since, self.until, self.most, self.phase, self.after]


async def updates(call: Call, options: PushedSpml, request: Element) -> Element:
    """The first page of what has changed since a token or an instant; without both, everything. Raises FailureError."""
    if request.one("updatedByCapability") is not None:
        raise FailureError("unsupportedOperation", "updates are not told apart by capability")
    since, query = _since(request), read_query(request.one("query"), options)
    if 0 < since < call.now - KEPT_DAYS * DAY:
        raise FailureError("customError", f"deletions are known for {KEPT_DAYS} days; search for all objects instead")
    return await _page(call, options, request, Walk(query, since, call.now - LAG, read_most(request), "here", ""))


async def iterate(call: Call, options: PushedSpml, request: Element) -> Element:
    """The next page. Raises FailureError."""
    return await _page(call, options, request, read_iterator(request.one("iterator"), "u", _read_walk))


def _read_walk(value: list[Any]) -> Walk:
    query, since, until, most, phase, after = value
    numbers = all(isinstance(each, int) for each in (since, until)) and most in range(1, MOST_SHOWN + 1)
    if not numbers or phase not in ("here", "gone") or not isinstance(after, str):
        raise ValueError("no place of a list of updates")
    return Walk(read_query_value(query), since, until, most, phase, after)


def _since(request: Element) -> int:
    token, said = request.attributes.get("token", "").strip(), request.attributes.get("updatedSince", "").strip()
    if token:
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise FailureError("malformedRequest", "the token is none that was given")
        return int(found[1])
    compact = _COMPACT.fullmatch(said)
    text = f"{compact[1]}T{compact[2]}{compact[3]}" if compact is not None else said[:64]
    try:
        date = datetime.fromisoformat(text) if text else datetime.fromtimestamp(0, UTC)
    except ValueError as error:
        raise FailureError("malformedRequest", "updatedSince is a date and a time") from error
    at = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return max(0, int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()))


async def _page(call: Call, options: PushedSpml, request: Element, walk: Walk) -> Element:
    found: list[Element] = []
    rest: Walk | None = walk
    if walk.phase == "here":
        found, rest = await _changed(call, options, walk)
    if rest is not None and rest.phase == "gone" and len(found) < walk.most:
        deleted, rest = await _deleted(call, options, rest, walk.most - len(found))
        found += deleted
    if rest is None:
        return response(request, found, token=f"t1-{max(0, walk.until)}")
    place = Element(UPDATES, "iterator", {"ID": write_iterator("u", rest.value)})
    return response(request, (*found, place))


async def _changed(call: Call, options: PushedSpml, walk: Walk) -> tuple[list[Element], Walk | None]:
    """A page of the objects that are there and were made or changed, and where the next one begins."""
    ids = [id_ for id_ in await call.pushed.ids(call.source.id, "User") if id_ > walk.after]
    found: list[Element] = []
    size = 0
    for first in range(0, min(len(ids), MOST_WALKED), CHUNK):
        some = ids[first : first + CHUNK]
        there = {each.id: each for each in await call.pushed.get_many(call.source.id, "User", some)}
        for id_ in some:
            if len(found) >= walk.most or size >= MOST_TEXT:
                return found, walk
            walk = walk._replace(after=id_)
            each = there.get(id_)
            if each is not None:
                size += size_of(each)
                if each.modified >= walk.since and selects(walk.query, each.id, each.content):
                    kind = "add" if each.created >= walk.since else "modify"
                    found.append(_update(id_, kind, each.modified, options))
    if len(ids) > MOST_WALKED:
        return found, walk
    # Who knows nothing needs not be told of what is gone.
    return found, walk._replace(phase="gone", after="") if walk.since > 0 else None


async def _deleted(call: Call, options: PushedSpml, walk: Walk, room: int) -> tuple[list[Element], Walk | None]:
    """A page of what was deleted and is not there again, and where the next one begins.

    Whether a query would have selected it nobody knows any more.
    """
    page = await call.pushed.gone(call.source.id, "User", walk.after, room)
    ids: Sequence[str] = [each.id for each in page]
    there = {each.id for each in await call.pushed.get_many(call.source.id, "User", ids)} if ids else set()
    found = [
        _update(each.id, "delete", each.at, options) for each in page if each.at >= walk.since and each.id not in there
    ]
    return found, walk._replace(after=page[-1].id) if len(page) == room else None


def _update(id_: str, kind: str, at: int, options: PushedSpml) -> Element:
    timestamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    attributes = {"timestamp": timestamp, "updateKind": kind}
    return Element(UPDATES, "update", attributes, (show_id(id_, options, UPDATES),))
