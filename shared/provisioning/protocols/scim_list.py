"""All users of an SP of SCIM, page by page, for a comparison with ours.

By index (RFC 7644 3.4.2.4) each page begins with the last user of the one before. If that is another one now, the list
has moved under the reader: it goes back until it finds its place, so that whoever was there all the time is seen. By
cursor (RFC 9865) the SP keeps the place.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

from provisioning.core.account import Json, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.difference import Same, Shown
from provisioning.core.errors import InvalidError
from provisioning.core.scim_options import Scim
from provisioning.core.scim_presets import options_of
from provisioning.core.wire import read_json
from provisioning.protocols.listing import Listing, Page, Restart
from provisioning.protocols.scim_calls import Refused, Resource, id_of
from provisioning.protocols.scim_change import phase_of
from provisioning.protocols.scim_dialect import fitted
from provisioning.protocols.scim_lookup import folded, marked
from provisioning.protocols.scim_pages import OVER, read_page
from provisioning.protocols.scim_patch import shown_values
from provisioning.protocols.scim_resource import as_scim, read_path, shows, value_at

_BACK: Final = 3  # pages that are gone back to find the place again
_LONGEST: Final = 16_384  # bytes of a place
_EMPTY: Final[tuple[Json, ...]] = (None, "", [], {})
_MOVED: Final = "the list changed while it was read, and the place in it was lost"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a list goes on: after `anchor`, whose index is `start`; or by `cursor`. `first`: id of the first of all.

    `back`: pages that were gone back to find the anchor.
    """

    start: int = 0
    anchor: str = ""
    cursor: str | None = None
    back: int = 0
    counted: bool = True


def list_users(service: Service, place: str | None) -> Listing:
    """One page of all users, after a place; from None, from the beginning."""
    scim, at = options_of(service), _read(place)
    found = yield from read_page("Users", _query(scim, at), Known())
    if isinstance(found, Refused):
        if found.scim_type in OVER and (at.cursor is not None or at.start):
            return Restart(found.ending.reason)
        if found.scim_type in OVER and at.counted and place is None:
            return Page((), _write(replace(at, counted=False)))
        return found.ending
    if found.cursor is not None:
        circle = found.cursor == at.cursor
        problem = "the SP gives the same cursor again" if circle else ""
        going_on = None if circle else _write(_Place(cursor=found.cursor, counted=at.counted))
        return Page(_shown(service, scim, found.entries), going_on, found.total, problem)
    if at.cursor is not None or scim.paging == "cursor":
        return Page(_shown(service, scim, found.entries), None, found.total)
    if scim.paging == "none":
        problem = "" if found.total is not None else "the SP does not say how many accounts it has"
        return Page(_shown(service, scim, found.entries), None, found.total, problem)
    return _by_index(service, scim, at, found.entries, found.total)


def same(service: Service) -> Same:
    """How a value that is shown is compared with one that was applied."""
    scim = options_of(service)

    def is_same(text: str, shown: Json, applied: Json) -> bool:
        path = read_path(text)
        if path.is_secret or path.is_engines:
            return True
        wanted = as_scim(path, fitted(scim, {text: applied})[text])
        return wanted in _EMPTY or shows(shown, wanted)

    return is_same


def _by_index(service: Service, scim: Scim, at: _Place, entries: tuple[Resource, ...], total: int | None) -> Page:
    ids = [str(id_of(entry)) for entry in entries]
    if not at.start:
        return _after(service, scim, _Place(), entries, total, fresh=len(ids) > 0)
    if at.anchor in ids:
        number = ids.index(at.anchor)
        moved, rest = replace(at, start=at.start + number, back=0), entries[number + 1 :]
        if number and not rest:  # the list has grown before the anchor, or the SP does not know startIndex
            if total is not None and moved.start < total:
                return Page((), _write(moved), total)
            return Page((), None, total, "" if total is not None else "the SP shows the same page again")
        return _after(service, scim, moved, rest, total, fresh=bool(rest))
    if at.back < _BACK and at.start > 1:
        earlier = max(1, at.start - max(1, scim.page // 2))
        return Page((), _write(replace(at, start=earlier, back=at.back + 1)), total)
    page = _after(service, scim, replace(at, start=at.start - 1), entries, total, fresh=len(ids) > 0)
    return replace(page, problem=_MOVED)


def _after(
    service: Service, scim: Scim, at: _Place, entries: tuple[Resource, ...], total: int | None, *, fresh: bool
) -> Page:
    """The page of these users, who come after a place; the last one if there are none, or if they are all."""
    last = at.start + len(entries)
    if not fresh or (total is not None and last >= total):
        return Page(_shown(service, scim, entries), None, total)
    going_on = _Place(last, str(id_of(entries[-1])))
    return Page(_shown(service, scim, entries), _write(going_on), total)


def _query(scim: Scim, at: _Place) -> Mapping[str, str]:
    count = {"count": str(max(2, scim.page))} if scim.paging != "none" and at.counted else {}
    if at.cursor is not None:
        return {"cursor": at.cursor, **count}
    if at.start:
        return {"startIndex": str(at.start), **count}
    return {"cursor": "", **count} if scim.paging == "cursor" else count


def _shown(service: Service, scim: Scim, entries: tuple[Resource, ...]) -> tuple[Shown, ...]:
    return tuple(_account(service, scim, entry) for entry in entries)


def _account(service: Service, scim: Scim, user: Resource) -> Shown:
    phase, mark = phase_of(user), marked(user)
    suspended = phase is Phase.SUSPENDED
    hidden = scim.hides_suspended and suspended
    match = value_at(user, read_path(service.match))
    return Shown(
        str(id_of(user)),
        mark if isinstance(mark, str) else None if mark is None else str(mark),
        folded(match) if isinstance(match, str) and not hidden else "",
        phase,
        None if hidden else shown_values(user, service.account),
        gone=suspended and scim.delete != "removes",
    )


def _read(place: str | None) -> _Place:
    if place is None:
        return _Place()
    try:
        return _Place(**read_json(place, "the place", _LONGEST))
    except TypeError as error:
        raise InvalidError("not a place in a list of users", right="what a page gave") from error


def _write(place: _Place) -> str:
    return json.dumps({name: value for name, value in asdict(place).items() if value != getattr(_Place(), name)})
