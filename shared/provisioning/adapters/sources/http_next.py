"""What an answer says of its list: where it goes on, whether it does, and how many there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.paths import compile_path
from provisioning.core.source_http import HttpSource
from provisioning.core.web_link import LinkError, links, target_of

_LONGEST: Final = 4096  # characters of a cursor
_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Told:
    """A page's own words. `at`: target or cursor of the next, empty if it names none; `more`: None if it is silent."""

    at: str
    more: bool | None
    total: int | None


def read_told(body: Json, headers: Mapping[str, str], options: HttpSource, url: str, *, counted: bool) -> Told:
    """What a page, asked for at a URL, says. Raises TransientError or InvalidError if it is not to be understood.

    `counted`: the API's count is of this list.

    Whatever stands where the next page should be named, and is no such name, is an error: it would look like the end.
    """
    total = _total(body, headers, options) if counted else None
    return Told(_next(body, headers, options, url), _more(body, options), total)


def link_in(body: Json, path: str, where: str, url: str | None) -> str:
    """A word or, with `url`, a link relative to that, at a path; empty if there is none. Raises as `read_told` does."""
    value = compile_path(path)(body)
    if value is None or value is False or value == "":
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and url is None:
        return str(value)
    if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST:
        raise TransientError(f"what the API names as the next page is no text of {_LONGEST} characters: {where}")
    return value if url is None else _target(url, value, where)


def _next(body: Json, headers: Mapping[str, str], options: HttpSource, url: str) -> str:
    paging = options.paging
    if paging.way not in ("link", "cursor"):
        return ""
    if paging.next is not None:
        return link_in(body, paging.next, "poll.http.paging.next", url if paging.way == "link" else None)
    if paging.next_header is not None:
        return link_in({"next": headers.get(paging.next_header.lower())}, "next", "poll.http.paging.next_header", None)
    try:
        found = {_target(url, each, "the header Link") for each in links(headers.get("link", ""), "next")}
    except LinkError as error:
        raise TransientError(f"the API: {error}") from error
    if len(found) > 1:
        raise TransientError("the API names several next pages in its header Link")
    return found.pop() if found else ""


def _target(url: str, reference: str, where: str) -> str:
    try:
        return target_of(url, reference)
    except LinkError as error:
        raise InvalidError(
            f"{where}: {error}", "poll.http.paging", right="a URL of the host of poll.http.url"
        ) from None


def _more(body: Json, options: HttpSource) -> bool | None:
    if options.paging.more is None:
        return None
    value = compile_path(options.paging.more)(body)
    if not isinstance(value, bool):
        raise TransientError("the API does not say whether another page follows: no bool at poll.http.paging.more")
    return value


def _total(body: Json, headers: Mapping[str, str], options: HttpSource) -> int | None:
    value: Json = None
    if options.total is not None:
        value = compile_path(options.total)(body)
    elif options.total_header is not None:
        value = headers.get(options.total_header.lower(), "").strip()
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
