"""What changed, by a parameter with an instant, by a place that the API hands out, or by the ETag of the whole list.

By instant, each look goes back by `overlap` before the time, by the server's `Date`, at which the last one began that
showed anybody: an API's clocks are not one, and what is written is seen later. While nobody changes the same is
asked again, so that an ETag can answer it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from provisioning.adapters.sources.http_api import Api
from provisioning.adapters.sources.http_next import link_in
from provisioning.adapters.sources.http_pages import Listed, Question, next_page, path_of
from provisioning.adapters.sources.http_place import Place, question_of
from provisioning.adapters.sources.http_walk import Walk
from provisioning.core.account import Json
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.loose_json import fault_of
from provisioning.core.paths import compile_path
from provisioning.core.source_http import HttpChanges
from provisioning.core.version import MICROSECONDS, read_version

_TRIES: Final = 3  # looks that cannot see all, until the place is given up
_MOST_TO_START: Final = 1000  # pages that are read only for the place at their end
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = 4_102_444_800 * MICROSECONDS  # the year 2100: what is later is no instant
_OK: Final = 200
_UNCHANGED: Final = 304
_NAMES: Final = "poll.http.changes"


class LostError(Exception):
    """Why the place is of no use any more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One page of changes: its entries, how many came before them in this look, and the place after it."""

    entries: Sequence[Json]
    before: int
    place: Place


class Changes:
    """Looks for changes. Nothing is kept here between two pages."""

    def __init__(self, api: Api, how: HttpChanges, page: int) -> None:
        self._api, self._how, self._page = api, how, page
        self._options = api.options
        self._changed = compile_path(how.changed) if how.changed is not None else None
        self._slack = timedelta(days=1) if how.format == "date" else timedelta(seconds=1)

    async def begin(self) -> Place:
        """The place from which everything is seen. Raises TransientError, or InvalidError for what cannot work."""
        of = question_of(self._options)
        if self._how.by == "delta":
            return Place(of, await self._newest_delta())
        plain = Question(path_of(self._options.url), self._options.query, self._page, counted=False)
        listed, _ = await next_page(self._api, plain, Walk())
        if self._how.by == "etag":
            return Place(of, "", etag=_tag(listed))
        if listed.at is None:
            raise InvalidError("its answers have no Date", f"{_NAMES}.by", right="delta, or full snapshots only")
        await self._prove(listed)
        return Place(of, listed.at.isoformat())

    async def page(self, place: Place) -> Seen:
        """The next page since a place. Raises LostError if the place is of no use."""
        question = self._question(place)
        walk = place.walk or Walk()
        bearing = self._how.expired if self._how.by == "delta" else ()
        etag = place.etag if place.walk is None else ""
        listed, after = await next_page(self._api, question, walk, bearing, etag)
        if listed.status == _UNCHANGED and etag:
            return Seen((), 0, place)
        if listed.status in bearing:
            raise LostError(f"the API answers {listed.status}: the place is too old")
        self._check_since(listed.entries, place)
        newest = place.newest or (listed.at.isoformat() if listed.at is not None else place.at)
        place = replace(place, newest=newest, some=place.some or bool(listed.entries))
        return Seen(listed.entries, walk.shown, self._after(place, after, listed))

    def _after(self, place: Place, walk: Walk, listed: Listed) -> Place:
        """The place after a page. A look that could not see all is made again from where it began."""
        if not walk.over:
            return replace(place, walk=walk, etag="")
        if walk.problem:
            if place.tries + 1 >= _TRIES:
                raise LostError(f"the list of changes cannot be read whole: {walk.problem}")
            return Place(place.of, place.at, tries=place.tries + 1)
        at, etag = place.at, listed.etag if walk.pages == 1 else ""
        if self._how.by == "delta":
            at = self._delta(listed)
            if not at:
                raise TransientError(f"the last page of changes names no next place: {_NAMES}.delta")
        elif self._how.by == "etag":
            etag = _tag(listed)
        elif place.some:
            at = max(place.at, place.newest)
        return Place(place.of, at, etag=etag if at == place.at else "")

    def _question(self, place: Place | None) -> Question:
        """What is asked for changes since a place; None: the list as it is."""
        url, target = self._how.url or self._options.url, ""
        query = {**self._options.query, **self._how.query} if self._how.url is None else dict(self._how.query)
        if place is not None and self._how.by == "since":
            query[self._how.parameter or ""] = self._since(place)
        elif place is not None and self._how.by == "delta" and self._how.parameter is None:
            target, query = place.at, {}
        elif place is not None and self._how.by == "delta":
            query[self._how.parameter or ""] = place.at
        counted = self._how.by == "since" and self._how.url is None
        return Question(target or path_of(url), query, self._page, counted=counted, handed=bool(target))

    def _since(self, place: Place) -> str:
        since = self._instant(place)
        if self._how.format == "instant":
            return f"{since:%Y-%m-%dT%H:%M:%SZ}"
        if self._how.format == "date":
            return f"{since:%Y-%m-%d}"
        seconds = int(since.timestamp())
        return str(seconds if self._how.format == "seconds" else seconds * 1000)

    def _instant(self, place: Place) -> datetime:
        try:
            since = datetime.fromisoformat(place.at).astimezone(UTC) - timedelta(seconds=self._how.overlap)
        except (ValueError, OverflowError):
            raise LostError("the place is of no use: it is no instant") from None
        return max(_FIRST, since)

    def _check_since(self, entries: Sequence[Json], place: Place) -> None:
        """Raises InvalidError if somebody is shown who changed long before: the parameter is ignored."""
        if self._changed is None or self._how.by != "since":
            return
        earliest = self._instant(place) - self._slack
        for entry in entries:
            changed = self._instant_of(entry)
            if changed is not None and changed < earliest:
                right = "the API's parameter for the time of the last change, and its format"
                raise InvalidError("it is ignored: older ones are shown", f"{_NAMES}.parameter", right=right)

    async def _prove(self, listed: Listed) -> None:
        """Somebody whom the list shows must be found by the time that is shown: else changes would seem not to be."""
        known = [each for each in map(self._instant_of, listed.entries) if each is not None]
        if self._changed is None or self._how.url is not None or not listed.entries:
            return
        if not known:
            raise InvalidError("nobody shows an instant", f"{_NAMES}.changed", right="its path, or none")
        at = max(known) + timedelta(seconds=self._how.overlap) - self._slack  # it may mean later than
        found, _ = await next_page(self._api, self._question(Place("", at.isoformat())), Walk())
        if not found.entries:
            right = "the API's parameter for the time of the last change, and its format"
            raise InvalidError("it does not find who is there", f"{_NAMES}.parameter", right=right)

    def _instant_of(self, entry: Json) -> datetime | None:
        value = self._changed(entry) if self._changed is not None else None
        if value is None or fault_of(value):
            return None
        try:
            number = read_version(value, "changed")
        except InvalidError:
            return None
        if not isinstance(value, str) or value.strip().isdigit():
            number = number * MICROSECONDS // (1000 if self._how.format == "milliseconds" else 1)
        return _FIRST + timedelta(microseconds=number) if number < _LAST else None

    async def _newest_delta(self) -> str:
        """Where changes begin from now on."""
        question = self._question(None)
        if self._how.start:
            question = replace(question, query={**question.query, **self._how.start})
        walk = Walk()
        while not walk.over and walk.pages < _MOST_TO_START:
            listed, walk = await next_page(self._api, question, walk)
            if listed.status == _OK and (at := self._delta(listed)):
                return at
        right = "its path in the last page, or `start`, by which the API hands it out at once"
        raise InvalidError(f"after {walk.pages} pages no place for changes is named", f"{_NAMES}.delta", right=right)

    def _delta(self, listed: Listed) -> str:
        """What the answer hands out for the next look; empty if nothing."""
        path = self._how.delta or ""
        base = None if self._how.parameter is not None else self._options.url
        return link_in(listed.body, path, f"{_NAMES}.delta", base)


def _tag(listed: Listed) -> str:
    """Raises InvalidError if there is none: everybody would be shown by each look."""
    if not listed.etag:
        right = "since or delta, or full snapshots only"
        raise InvalidError("the list has no ETag", f"{_NAMES}.by", right=right)
    return listed.etag
