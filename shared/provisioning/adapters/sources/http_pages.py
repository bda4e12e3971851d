"""One page of a list: how it is asked for, and what of it can be believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from provisioning.adapters.sources.http_api import WHO, Api, Told
from provisioning.adapters.sources.http_next import read_told
from provisioning.adapters.sources.http_walk import Key, Walk, after_page, after_refusal, first_number
from provisioning.core.account import Json
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.loose_json import fault_around
from provisioning.core.paths import compile_path
from provisioning.core.source_http import HttpSource

_MOST: Final = 50_000  # objects of one answer
_PAST: Final = (400, 404, 410, 416)  # how an API may say that there is no such page, or that a cursor is too old
_OK: Final = 200
_UNCHANGED: Final = 304


@dataclass(frozen=True, slots=True)
class Question:
    """A list. `target`: its path, or, if it was `handed` out, path and query as they are; `size`: of an answer.

    `key`: what tells subjects apart in a list that has each of them once; None: they may come again.
    `counted`: the API's count is of this list.
    """

    target: str
    query: Mapping[str, str]
    size: int
    key: Key | None = None
    counted: bool = True
    handed: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """One page. `status`: 200, 304, or one that was to be borne; then there is nothing else."""

    status: int
    entries: Sequence[Json] = ()
    body: Json = field(default=None, repr=False)
    etag: str = ""
    at: datetime | None = None


def path_of(url: str) -> str:
    """The path of one of the API's URLs."""
    return urlsplit(url).path or "/"


async def next_page(
    api: Api, question: Question, walk: Walk, bearing: Sequence[int] = (), etag: str = ""
) -> tuple[Listed, Walk]:
    """The next page, and how far the list was read after it: as before, if the answer's status is not 200.

    Raises TransientError or InvalidError.
    """
    options, target = api.options, _target(question, walk, api.options)
    past = (*_PAST, *options.paging.past) if walk.pages else ()
    borne = (*bearing, *past, *((_UNCHANGED,) if etag else ()))
    told = await api.ask(target, borne, etag)
    if told.status != _OK:
        refused = walk.pages > 0 and told.status not in bearing
        return Listed(told.status, at=told.at), after_refusal(walk, told.status, options) if refused else walk
    entries = _entries(told, options)
    said = read_told(told.body, told.headers, options, options.origin + target, counted=question.counted)
    after = after_page(walk, entries, said, options, question.size, question.key)
    return Listed(_OK, entries, told.body, told.etag, told.at), after


def _target(question: Question, walk: Walk, options: HttpSource) -> str:
    paging, query = options.paging, dict(question.query)
    if paging.way == "link" and walk.at:
        return walk.at
    if paging.size is not None and not question.handed:
        query.setdefault(paging.size, str(question.size))
    if paging.way in ("page", "offset"):
        query[paging.parameter or ""] = walk.at or str(first_number(options))
    elif paging.way == "cursor" and walk.at:
        query[paging.parameter or ""] = walk.at
    if not query:
        return question.target
    return question.target + ("&" if "?" in question.target else "?") + urlencode(query, quote_via=quote)


def _entries(told: Told, options: HttpSource) -> Sequence[Json]:
    """The objects of an answer. What is unfit in one object is that one's; what is around them may be anybody's."""
    entries = compile_path(options.items)(told.body) if options.items is not None else told.body
    if not isinstance(entries, list):
        place = f"at {options.items} (poll.http.items)" if options.items is not None else "(poll.http.items says where)"
        raise TransientError(f"{WHO} answers 200 without a list {place}")
    fault = fault_around(told.body, entries)
    if fault:
        raise TransientError(f"{WHO} answers 200 with what is not JSON: {fault}")
    if len(entries) > _MOST:
        right = f"at most {_MOST}, by poll.http.paging"
        raise InvalidError(f"{len(entries)} objects in one answer", "poll.http.paging", right=right)
    return entries
