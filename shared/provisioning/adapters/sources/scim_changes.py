"""Changes by `meta.lastModified`, in the server's own time: who came or changed, never who is gone.

Each look goes back by `overlap` before the time, by the server's `Date`, at which the last one began: resources get
their time before they can be seen, and not all of a server's clocks are one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from provisioning.adapters.sources.scim_item import ResourceReader
from provisioning.adapters.sources.scim_pages import Listed, PageRefusedError, Question, Walk, ask_list, next_page
from provisioning.adapters.sources.scim_paging import Paging
from provisioning.adapters.sources.scim_place import Place, question_of
from provisioning.core.account import Json
from provisioning.protocols.scim_resource import member

_REFUSED: Final = (400, 403, 501)
_TRIES: Final = 3  # looks that cannot see all, until the place is given up
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class UnfilteredError(Exception):
    """Why the server cannot show changes by a filter."""


class LostError(Exception):
    """Why the place is of no use any more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One page of changes: its entries, the walk before it, and the place after it."""

    entries: Sequence[Json]
    before: Walk
    place: Place


class Changes:
    """Looks for changes. Nothing is kept here between two pages."""

    def __init__(self, paging: Paging, reader: ResourceReader) -> None:
        self._paging, self._reader, self._server = paging, reader, paging.server
        self._options = paging.server.options

    async def begin(self) -> Place:
        """The server's time, if its filter can be relied on. Raises UnfilteredError if not.

        Whoever is shown must be found by the time that is shown, and nobody by a time to come.
        """
        anybody = await ask_list(self._server, self._options.resource, self._query(None, count="1"))
        if anybody.at is None:
            raise UnfilteredError("its answers have no Date")
        if anybody.entries:
            known = _modified(anybody.entries[0])
            if not (await self._since(known)).entries:
                raise UnfilteredError("a filter of meta.lastModified does not find what is there")
        future = anybody.at + timedelta(days=1)
        _check_since((await self._since(future)).entries, future)
        return Place(question_of(self._options), anybody.at.isoformat())

    async def page(self, place: Place) -> Seen:
        """The next page since a place. Raises UnfilteredError or LostError."""
        try:
            since = max(_FIRST, datetime.fromisoformat(place.at) - timedelta(seconds=self._options.overlap))
        except (ValueError, TypeError, OverflowError):
            raise LostError("the place is of no use: it is no instant") from None
        walk = place.walk or Walk(await self._paging.way())
        question = Question(self._options.resource, self._query(since), await self._paging.count())
        try:
            listed, after = await next_page(self._server, question, walk)
        except PageRefusedError as error:
            if error.status not in _REFUSED:  # not the filter, but the whole list
                raise
            raise UnfilteredError(error.problem) from error
        _check_since(listed.entries, since)
        newest = place.newest or (listed.at.isoformat() if listed.at is not None else place.at)
        return Seen(listed.entries, walk, _after(place, after, newest))

    async def _since(self, since: datetime) -> Listed:
        try:
            query = self._query(since, count="1")
            return await ask_list(self._server, self._options.resource, query, _REFUSED)
        except PageRefusedError as error:
            raise UnfilteredError(error.problem) from error

    def _query(self, since: datetime | None, **more: str) -> dict[str, str]:
        tests = [f"({self._options.filter})"] if self._options.filter is not None else []
        if since is not None:
            tests.append(f'meta.lastModified ge "{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"')
        if len(tests) == 1 and since is None:
            tests = [str(self._options.filter)]
        return {**self._reader.query, **more, **({"filter": " and ".join(tests)} if tests else {})}


def _after(place: Place, walk: Walk, newest: str) -> Place:
    """The place after a page. A look that could not see all is made again from where it began."""
    if not walk.over:
        return replace(place, walk=walk, newest=newest)
    if not walk.problem:
        return Place(place.of, max(place.at, newest), sketch=place.sketch)
    if place.tries + 1 >= _TRIES:
        raise LostError(f"the list of changes cannot be read whole: {walk.problem}")
    return Place(place.of, place.at, sketch=place.sketch, tries=place.tries + 1)


def _check_since(entries: Sequence[Json], since: datetime) -> None:
    """Raises UnfilteredError if somebody is shown who was not asked for: then everybody is."""
    for entry in entries:
        if _modified(entry) < since - timedelta(seconds=1):
            raise UnfilteredError("a filter of meta.lastModified is ignored")


def _modified(resource: Json) -> datetime:
    text = member(member(resource, "meta"), "lastModified")
    try:
        told = datetime.fromisoformat(text) if isinstance(text, str) and len(text) <= 64 else None
    except ValueError:
        told = None
    if told is None:
        raise UnfilteredError("a resource shows no meta.lastModified")
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)
