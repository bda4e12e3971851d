"""Looking at objects by SPML 2.0: lookup, active, and searches in pages (sections 3.5.1.4, 3.6.7.3 and 3.6.6)."""

from collections.abc import Sequence
from typing import Any, Final

from provisioning.core.pushed import Resource
from provisioning.core.source_spml import PushedSpml
from provisioning.protocols.inbound.spml_data import read_id, read_returned, show_object
from provisioning.protocols.inbound.spml_iterator import read_iterator, read_query_value, write_iterator
from provisioning.protocols.inbound.spml_message import FailureError, response
from provisioning.protocols.inbound.spml_query import Query, read_query, selects, wanted_value
from provisioning.protocols.spml_names import SEARCH
from provisioning.protocols.xml import Element
from provisioning.stages.gateway_call import Call
from provisioning.stages.gateway_spml_write import expected

MOST_SHOWN: Final = 100  # objects of one page
MOST_WALKED: Final = 1000  # objects that are looked at for one page
MOST_TEXT: Final = 1_000_000  # characters of objects that are looked at, or shown, for one page
CHUNK: Final = 100  # objects that are read at once


async def lookup(call: Call, options: PushedSpml, request: Element) -> Element:
    """One object as it is. Raises FailureError."""
    returned = read_returned(request)
    found = await expected(call, read_id(request.one("psoID"), options))
    return response(request, (show_object(found.id, found.content, options, returned),))


async def active(call: Call, options: PushedSpml, request: Element) -> Element:
    """Whether an object is not suspended. Raises FailureError."""
    found = await expected(call, read_id(request.one("psoID"), options))
    return response(request, active="true" if found.content.get("active") is not False else "false")


async def search(call: Call, options: PushedSpml, request: Element) -> Element:
    """The first page of the objects that a query selects, by id. Raises FailureError."""
    query = read_query(request.one("query"), options)
    return await _page(call, options, request, query, read_returned(request), read_most(request), "")


async def iterate(call: Call, options: PushedSpml, request: Element) -> Element:
    """The next page. What was deleted meanwhile is not shown; what was made may be. Raises FailureError."""
    query, returned, most, after = read_iterator(request.one("iterator"), "s", _read_place)
    return await _page(call, options, request, query, returned, most, after)


def _read_place(value: list[Any]) -> tuple[Query, str, int, str]:
    query, returned, most, after = value
    if (
        returned not in ("identifier", "data", "everything")
        or not isinstance(after, str)
        or most not in range(1, MOST_SHOWN + 1)
    ):
        raise ValueError("no place of a search")
    return read_query_value(query), returned, most, after


def read_most(request: Element) -> int:
    """How many a client wants on a page; more than our own bound it does not get. Raises FailureError."""
    text = request.attributes.get("maxSelect", str(MOST_SHOWN)).strip()
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 10 and int(text) > 0):
        raise FailureError("malformedRequest", "maxSelect is a whole number above 0")
    return min(int(text), MOST_SHOWN)


async def _page(
    call: Call, options: PushedSpml, request: Element, query: Query, returned: str, most: int, after: str
) -> Element:
    ids = [id_ for id_ in await _candidates(call, options, query) if id_ > after]
    shown: list[Element] = []
    walked = size = 0
    while walked < min(len(ids), MOST_WALKED) and len(shown) < most and size < MOST_TEXT:
        for found in await _read(call, ids[walked : walked + CHUNK]):
            if len(shown) == most or size >= MOST_TEXT:
                break
            size += size_of(found)
            after = found.id
            if selects(query, found.id, found.content):
                shown.append(show_object(found.id, found.content, options, returned, SEARCH))
        else:
            walked += CHUNK
            after = max(after, ids[min(walked, len(ids)) - 1])
    if after < max(ids, default=""):
        place = write_iterator("s", [query.value, returned, most, after])
        shown.append(Element(SEARCH, "iterator", {"ID": place}))
    return response(request, shown)


async def _candidates(call: Call, options: PushedSpml, query: Query) -> Sequence[str]:
    """The ids, sorted, among which those are that a query selects: few, if it names what objects are found by."""
    if query.scope == "pso" and query.base is not None:
        return [query.base]
    value = None if options.unique is None else wanted_value(query.clause, options.unique)
    if value is not None:
        return sorted(await call.pushed.find(call.source.id, "User", "userName", value))
    return await call.pushed.ids(call.source.id, "User")


async def _read(call: Call, ids: Sequence[str]) -> list[Resource]:
    found = await call.pushed.get_many(call.source.id, "User", ids)
    return sorted(found, key=lambda resource: resource.id)


def size_of(resource: Resource) -> int:
    """About how many characters an object has."""
    attributes: dict[str, Any] = resource.content.get("attributes", {})
    return 100 + sum(
        len(name) + (len(some) if isinstance(some, str) else sum(map(len, some)) + 30 * len(some))
        for name, some in attributes.items()
    )
