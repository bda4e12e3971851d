"""Lists page by page (RFC 7644 3.4.2.4, RFC 9865), ended by what was seen and never by what was promised."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Json, Known
from provisioning.core.scim_options import Scim
from provisioning.protocols.dialogue import Answer, Ending, Outcome, Request
from provisioning.protocols.ending import classify, garbage, read_object, status_of
from provisioning.protocols.scim_calls import Refused, Resource, get, id_of
from provisioning.protocols.scim_resource import member

_NO_SEARCH: Final = (400, 501)  # this attribute cannot be searched here: invalidFilter and its relatives
OVER: Final = ("invalidCursor", "expiredCursor", "invalidCount")  # RFC 9865 2.3: begin again
_LONGEST_CURSOR: Final = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """What a search showed that is truly what was asked for. `proven`: that there is no more is beyond doubt."""

    resources: tuple[Resource, ...]
    proven: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `cursor`: of the next one, if the SP gave any."""

    entries: tuple[Resource, ...]
    total: int | None
    cursor: str | None


@dataclass(frozen=True, slots=True)
class _Walk:
    """What was seen so far. `foreign`: the SP has shown something that was not asked for."""

    found: tuple[Resource, ...] = ()
    ids: frozenset[str] = frozenset()
    received: int = 0
    pages: int = 0
    total: int | None = None
    foreign: bool = False
    cursors: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is looked for. `query` is part of every page's; `counted`: with a count of ours; `pages`: read before."""

    scim: Scim
    collection: str
    query: Mapping[str, str]
    is_it: Callable[[Resource], bool]
    known: Known
    counted: bool = True
    pages: int = 0


@dataclass(frozen=True, slots=True)
class _Again:
    """The list must be read from its beginning. `ending`: if there is no second time."""

    asked: _Asked
    ending: Ending


def search(
    scim: Scim, collection: str, filter_: str, is_it: Callable[[Resource], bool], known: Known, **query: str
) -> Generator[Request, Answer, Found | Ending]:
    """Look resources up and believe only those that are what was asked for.

    Where the SP has no filters all of its resources are paged through, within the bound of `scim.pages`; an ending is
    permanent if that is not enough. A filter may be ignored, so finding nothing proves nothing unless the SP showed
    all that it has, or nothing but what was asked for. An attribute that cannot be searched finds and proves nothing.
    """
    filtered = query if scim.filter == "none" else {"filter": filter_, **query}
    first = yield from _walk(_Asked(scim, collection, filtered, is_it, known))
    if not isinstance(first, _Again):
        return first
    second = yield from _walk(first.asked)
    return second.ending if isinstance(second, _Again) else second


def _walk(asked: _Asked) -> Generator[Request, Answer, Found | Ending | _Again]:
    scim, walk, query = asked.scim, _Walk(pages=asked.pages), _first(asked)
    while walk.pages < scim.pages:
        page = yield from read_page(asked.collection, query, asked.known)
        if isinstance(page, Refused):
            return _refused(asked, walk, query, page)
        if page.cursor is None and walk.total is not None and page.total is not None and page.total < walk.total:
            # Something was removed meanwhile, so what stood behind it moved up into a page that was read before.
            reason = f"the list of {asked.collection} shrank while it was read"
            return _Again(replace(asked, pages=walk.pages + 1), Ending(Outcome.TRANSIENT, asked.known, reason))
        before, walk = walk, _seen(walk, page, asked.is_it)
        proven = _is_all(scim, before, walk, page, query)
        if proven is not None:
            return Found(walk.found, proven)
        query = _next(scim, query, walk, page)
    if "filter" in asked.query:
        return Found(walk.found, proven=False)
    reason = f"scim.filter is none, and {scim.pages} pages with {len(walk.ids)} {asked.collection} are not all"
    return Ending(Outcome.PERMANENT, asked.known, reason)


def _first(asked: _Asked) -> dict[str, str]:
    """The first page. Where a filter is answered at once no count is sent: an SP may refuse even a legal one."""
    scim, query = asked.scim, dict(asked.query)
    count = {"count": str(scim.page)} if asked.counted and scim.paging != "none" else {}
    if scim.paging == "cursor":
        return {**query, "cursor": "", **count}
    return query if "filter" in query else {**query, **count}


def _next(scim: Scim, query: Mapping[str, str], walk: _Walk, page: Page) -> dict[str, str]:
    """The next page. Beside a cursor everything stays as it was asked first (RFC 9865 2.1)."""
    if page.cursor is not None:
        return {**query, "cursor": page.cursor}
    return {**query, "startIndex": str(walk.received + 1), "count": str(scim.page)}


def _seen(walk: _Walk, page: Page, is_it: Callable[[Resource], bool]) -> _Walk:
    fresh = {str(id_of(entry)): entry for entry in page.entries if id_of(entry) not in walk.ids}
    wanted = tuple(entry for entry in fresh.values() if is_it(entry))
    return _Walk(
        found=walk.found + wanted,
        ids=walk.ids | fresh.keys(),
        received=walk.received + len(page.entries),
        pages=walk.pages + 1,
        total=page.total if page.total is not None else walk.total,
        foreign=walk.foreign or len(wanted) < len(fresh),
        cursors=walk.cursors if page.cursor is None else walk.cursors | {page.cursor},
    )


def _is_all(scim: Scim, before: _Walk, walk: _Walk, page: Page, query: Mapping[str, str]) -> bool | None:
    """None if the list goes on; else whether it is beyond doubt that there is no more than was seen."""
    filtered, fresh = "filter" in query, len(walk.ids) > len(before.ids)
    if walk.total is not None and page.cursor is None and walk.total <= len(walk.ids):
        return True
    if filtered and walk.foreign:  # the filter is ignored: more of what was not asked for helps nobody
        return False
    if page.cursor is not None:
        # An empty page may have a next one; the same again, or a cursor for the second time, is a circle.
        return None if (fresh or not page.entries) and page.cursor not in before.cursors else False
    if walk.total is not None:
        return None if fresh and scim.paging == "index" and "cursor" not in query else False
    if filtered or "cursor" in query:
        return True
    if scim.paging == "none" or (page.entries and not fresh and not before.received > len(page.entries)):
        return False  # there may be more; the first page twice may be all, or an SP that knows no startIndex
    return None if fresh else True


def _refused(asked: _Asked, walk: _Walk, query: Mapping[str, str], refused: Refused) -> Found | Ending | _Again:
    if refused.scim_type in OVER and ("cursor" in query or "count" in query):
        counted = asked.counted and refused.scim_type != "invalidCount"
        return _Again(replace(asked, pages=walk.pages + 1, counted=counted), refused.ending)
    if "filter" in query and not walk.received and refused.status in _NO_SEARCH:
        return Found((), proven=False)
    return refused.ending


def read_page(collection: str, query: Mapping[str, str], known: Known) -> Generator[Request, Answer, Page | Refused]:
    """One page of a collection, if that is what was shown: every resource on it has an id."""
    request = get(f"/{collection}", query)
    answer = yield request
    ending = classify(request, answer, known)
    body = read_object(answer)
    if ending.outcome is not Outcome.DONE:
        return Refused(status_of(answer), str(member(body, "scimType") or ""), ending)
    entries, total = member(body, "Resources"), member(body, "totalResults")
    counted = isinstance(total, int) and not isinstance(total, bool)
    if entries is None and body is not None and ((counted and total == 0) or "cursor" in query):
        entries = []
    if not isinstance(entries, list) or not all(id_of(entry) for entry in entries):
        return Refused(0, "", garbage(request, known, "something that is not a list of resources"))
    return Page(tuple(entries), total if counted else None, _cursor(member(body, "nextCursor")))


def _cursor(value: Json) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_CURSOR else None
