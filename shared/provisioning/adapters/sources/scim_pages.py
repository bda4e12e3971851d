"""A list, page by page (RFC 7644 3.4.2.4, RFC 9865): ended by what was seen and never by what was promised."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from provisioning.adapters.sources.scim_http import Server, Told, refusal
from provisioning.core.account import Json
from provisioning.core.errors import InvalidError, TransientError
from provisioning.protocols.scim_calls import id_of
from provisioning.protocols.scim_resource import member

_LONGEST_CURSOR: Final = 4096
_MOST_EMPTY: Final = 100  # pages without anything, one after the other
_REFUSALS: Final = (400, 404, 410, 501)


@dataclass(frozen=True, slots=True)
class Question:
    """A list. `query` is part of every page's; `count`: resources of one page, at most."""

    collection: str
    query: Mapping[str, str]
    count: int


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a list was read: of use in another process. `way`: index or cursor; `start`: index of the next page.

    `first` and `last` stand for what the first and the last page showed. `problem`: why it cannot be the whole list.
    """

    way: str
    start: int = 1
    cursor: str = ""
    total: int | None = None
    first: str = ""
    last: str = ""
    empty: int = 0
    over: bool = False
    problem: str = ""

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Listed:
    """One page. `at`: the server's time."""

    entries: Sequence[Json]
    total: int | None
    cursor: str | None
    claimed: int | None
    at: datetime | None = None


_NOTHING: Final = Listed((), None, None, None)


class PageRefusedError(InvalidError):
    """The server refused a page. `status`: of its answer."""

    def __init__(self, told: Told) -> None:
        error = refusal(told)
        right = error.right if isinstance(error, InvalidError) else ""
        problem = f"the SCIM server refuses a list: {told.status} {told.word}".rstrip()
        super().__init__(problem, "poll.scim", right=right)
        self.status = told.status


async def ask_list(server: Server, collection: str, query: Mapping[str, str], bearing: Sequence[int] = ()) -> Listed:
    """One page of a list. Raises TransientError or InvalidError; a status of `bearing` raises PageRefusedError."""
    told = await server.ask(f"/{collection}", query, bearing)
    if told.status != 200:
        raise PageRefusedError(told)
    entries, total = member(told.body, "Resources"), _whole(member(told.body, "totalResults"))
    cursor = member(told.body, "nextCursor")
    if entries is None and (total is not None or cursor):
        entries = []
    if not isinstance(entries, list):
        raise TransientError(f"the SCIM server answers for {collection} with something that is no list of resources")
    if cursor and not (isinstance(cursor, str) and len(cursor) <= _LONGEST_CURSOR):  # to stop here would be half a list
        raise TransientError(f"the SCIM server gives a nextCursor that is no text of {_LONGEST_CURSOR} characters")
    claimed = _whole(member(told.body, "itemsPerPage"))
    return Listed(entries, total, cursor if isinstance(cursor, str) and cursor else None, claimed, told.at)


async def next_page(server: Server, question: Question, walk: Walk) -> tuple[Listed, Walk]:
    """The next page, and how far the list was read after it. A page that was shown before shows nobody.

    Raises TransientError or InvalidError.
    """
    query = {**question.query, "count": str(question.count)}
    query |= {"cursor": walk.cursor} if walk.way == "cursor" else {"startIndex": str(walk.start)}
    try:
        listed = await ask_list(server, question.collection, query, _REFUSALS)
    except PageRefusedError as refused:
        if _is_past(walk, None):  # some refuse an index past the end, where the standard has an empty list
            return _NOTHING, _ended(walk, "")
        if walk.start > 1 or walk.cursor:  # an old cursor, or an index too high: it can only be begun again
            return _NOTHING, _ended(walk, f"after {walk.start - 1} resources: {refused.problem}")
        raise
    if walk.way == "index" and listed.cursor is not None and walk.start == 1:
        walk = replace(walk, way="cursor")  # a server may go on by cursor unasked
    seen, again = _seen(walk, listed)
    after = (_by_cursor if walk.way == "cursor" else _by_index)(walk, listed, seen, again=again)
    return (replace(listed, entries=()) if again else listed), after


def _by_index(walk: Walk, listed: Listed, after: Walk, *, again: bool) -> Walk:
    """After the last page one more is asked for: a total that counts only the page it came with has been seen."""
    past = _is_past(walk, listed.total)
    if not listed.entries:
        problem = "" if past else f"an empty page at index {walk.start}, where totalResults is {after.total}"
        return _ended(after, problem if after.total is not None else "")
    if again:
        return _ended(after, "" if past else f"index {walk.start} shows a page that was shown before")
    if past:
        after = _troubled(after, f"more is shown than totalResults, {after.total}")
    end = walk.start + len(listed.entries)
    is_last = after.total is not None and end > after.total
    if listed.claimed is not None and listed.claimed > len(listed.entries) and not is_last:
        claim = f"itemsPerPage is {listed.claimed} at index {walk.start}, where {len(listed.entries)} are shown"
        after = _troubled(after, claim)
    return replace(after, start=end)


def _by_cursor(walk: Walk, listed: Listed, after: Walk, *, again: bool) -> Walk:
    after = replace(after, start=walk.start + len(listed.entries))
    if again:
        return _ended(after, "a page was shown that was shown before")
    if listed.cursor is None:
        seen = after.start - 1
        missing = after.total is not None and seen < after.total
        return _ended(after, f"{seen} are shown, where totalResults is {after.total}" if missing else "")
    if listed.cursor == walk.cursor:
        return _ended(after, "nextCursor is the cursor of the same page")
    if after.empty > _MOST_EMPTY:
        return _ended(after, f"more than {_MOST_EMPTY} empty pages, one after the other")
    return replace(after, cursor=listed.cursor)


def _seen(walk: Walk, listed: Listed) -> tuple[Walk, bool]:
    """What both ways look at, and whether the page was shown before."""
    total = walk.total if listed.total is None else listed.total
    after = replace(walk, total=total, empty=0 if listed.entries else walk.empty + 1)
    if walk.total is not None and listed.total is not None and listed.total < walk.total:
        # Who went has moved all after them into a page that was read before; a cursor may be no more than an index.
        after = _troubled(after, f"totalResults fell from {walk.total} to {listed.total} while it was read")
    if not listed.entries:
        return after, False
    ids = [id_of(entry) for entry in listed.entries]
    if len(set(ids)) < len(ids) and None not in ids:
        after = _troubled(after, "a resource is shown twice in a page")
    mark = blake2b(json.dumps(ids).encode(), digest_size=9).hexdigest()
    again = mark in (walk.first, walk.last)
    return replace(after, first=walk.first or mark, last=mark), again


def _is_past(walk: Walk, total: int | None) -> bool:
    """Whether the page begins after the last resource, by all that is known."""
    known = [each for each in (walk.total, total) if each is not None]
    return walk.way == "index" and bool(known) and walk.start > max(known)


def _ended(walk: Walk, problem: str) -> Walk:
    return replace(_troubled(walk, problem) if problem else walk, over=True)


def _troubled(walk: Walk, problem: str) -> Walk:
    """The first problem is the one to look at."""
    return walk if walk.problem else replace(walk, problem=problem)


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
