"""How far a list was read: of use in another process, and small whatever the list's size.

A list is ended by what was seen and never by what was promised. Where the numbers of pages are ours, one empty page
more is asked for than there are, and two where nobody counts: an empty page in the middle looks like the end. Pages
that come again are found however long their circle is, by a mark that is moved at each power of two (Brent).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from hashlib import blake2b
from typing import Any, Final

from provisioning.adapters.sources.http_next import Told
from provisioning.core.account import Json
from provisioning.core.loose_json import shown
from provisioning.core.source_http import HttpSource

_MOST_EMPTY: Final = 100  # pages without anything, one after the other
_MOST_AGAIN: Final = 3  # pages that were shown before
Key = Callable[[Json], str | None]


@dataclass(frozen=True, slots=True)
class Walk:
    """How far. `at`: the next page's target, cursor or number. `pages`, `shown`: pages and objects until now.

    `gone`: of those, who is said to be gone. `mark` and `last` stand for what two pages showed, `source` for the place
    of one that was read. `problem`: why what was read cannot be the whole list.
    """

    at: str = ""
    pages: int = 0
    shown: int = 0
    gone: int = 0
    total: int | None = None
    mark: str = ""
    last: str = ""
    source: str = ""
    again: int = 0
    empty: int = 0
    over: bool = False
    problem: str = ""

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @property
    def expected(self) -> int | None:
        """How many subjects there are, by the API's count, which may have counted who is gone."""
        return None if self.total is None else min(self.total, self.shown - self.gone)


def read_walk(told: Any) -> Walk | None:
    """A walk that was written as JSON."""
    if not isinstance(told, dict) or told.keys() != {each.name for each in fields(Walk)}:
        return None
    walk = Walk(**told)
    texts = (walk.at, walk.mark, walk.last, walk.source, walk.problem)
    numbers = (walk.pages, walk.shown, walk.gone, walk.again, walk.empty)
    right = all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)
    return walk if right and (walk.total is None or type(walk.total) is int) and type(walk.over) is bool else None


def first_number(options: HttpSource) -> int:
    """The first page's number, or the first offset."""
    return options.paging.first if options.paging.first is not None else int(options.paging.way == "page")


def after_page(
    walk: Walk, entries: Sequence[Json], told: Told, options: HttpSource, size: int, key: Key | None
) -> Walk:
    """How far the list was read, after a page. `key`: of a subject, who is in a list once; none: as often as it likes.

    `size`: how many were asked for.
    """
    after = _seen(walk, entries, told, key)
    if options.paging.way in ("page", "offset"):
        return _by_number(walk, after, len(entries), told.more, size, options)
    if told.more is False:
        return _ended(after)
    if not told.at:
        return _ended(after, "the answer says that more follows, and not where" if told.more else "")
    if told.at in (walk.at, after.source):
        return _ended(after, "a page leads to one that was read before")
    if after.empty > _MOST_EMPTY:
        return _ended(after, f"more than {_MOST_EMPTY} empty pages, one after the other")
    if after.again >= _MOST_AGAIN:
        return _ended(after)
    return replace(after, at=told.at)


def after_refusal(walk: Walk, status: int, options: HttpSource) -> Walk:
    """After a page that the API does not have: an old cursor, or a number that is too high."""
    by_number = options.paging.way in ("page", "offset")
    counted = walk.total is not None and walk.shown >= walk.total
    if by_number and (counted or (status in options.paging.past and not walk.empty)):
        return _ended(walk)
    return _ended(walk, f"after {walk.shown} subjects the API answers {status}")


def _ended(walk: Walk, problem: str = "") -> Walk:
    """The end, with what the count says of it."""
    walk = replace(_troubled(walk, problem), over=True)
    missing = walk.total is not None and walk.shown < walk.total
    return _troubled(walk, f"{walk.shown} are shown, where the API counts {walk.total}") if missing else walk


def _by_number(walk: Walk, after: Walk, count: int, more: bool | None, size: int, options: HttpSource) -> Walk:
    if walk.empty and count:
        after = _troubled(after, f"an empty page in the middle, after {walk.shown} subjects")
    counted = after.total is not None and after.shown >= after.total
    if more is False or after.again >= _MOST_AGAIN or (not count and counted and not more):
        return _ended(after)
    if after.empty > (_MOST_EMPTY if more else 1):
        return _ended(after, "the answer says that more follows, and nothing comes" if more else "")
    step = 1 if options.paging.way == "page" else count or size
    return replace(after, at=str(int(walk.at or first_number(options)) + step))


def _seen(walk: Walk, entries: Sequence[Json], told: Told, key: Key | None) -> Walk:
    """What every way of going on looks at."""
    total = walk.total if told.total is None else told.total
    is_turn = (walk.pages + 1) & walk.pages == 0  # 1, 2, 4, 8 …
    after = replace(
        walk, total=total, pages=walk.pages + 1, empty=0 if entries else walk.empty + 1,
        source=walk.at if is_turn else walk.source,
    )  # fmt: skip
    if walk.total is not None and told.total is not None and told.total < walk.total:
        # Who went has moved all after them into a page that was read before; a cursor may be no more than an offset.
        after = _troubled(after, f"the API's count fell from {walk.total} to {told.total} while it was read")
    if not entries:
        return after
    names = [(key(entry) if key is not None else None) or shown(entry) for entry in entries]
    if key is not None and len(set(names)) < len(names):
        after = _troubled(after, "a subject is shown twice in a page")
    mark = blake2b("\n".join(names).encode(errors="replace"), digest_size=9).hexdigest()
    again = mark in (walk.mark, walk.last)
    if again:
        after = _troubled(replace(after, again=walk.again + 1), "a page was shown that was shown before")
    count = 0 if again else len(entries)
    return replace(after, mark=mark if is_turn else walk.mark, last=mark, shown=walk.shown + count)


def _troubled(walk: Walk, problem: str) -> Walk:
    """The first problem is the one to look at."""
    return walk if walk.problem or not problem else replace(walk, problem=problem)
