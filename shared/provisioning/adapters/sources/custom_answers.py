"""What an operator's own adapter answers, held to the form of the contract before anybody acts on it.

An answer of the wrong form could be taken for an absence, or be asked for without end. One subject that cannot be
sent on is set aside; whatever is wrong with an answer as a whole names the adapter's file and what would be right.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source import MOST_KEYS, Evidence, Item, Page, Spoiled
from provisioning.ports import Extraction

LARGEST: Final = 256 * 1024  # bytes of one subject's fields
MOST: Final = 10_000  # subjects of one page
_LONGEST: Final = 2000  # characters of what is kept of a subject that cannot be sent on


class Checked:
    """Port Extraction: another one, whose answers are checked and bounded in time. `file`: whose they are."""

    def __init__(self, source: Extraction, file: str, timeout: float) -> None:
        self._source, self._file, self._timeout = source, file, timeout

    async def begin(self) -> str | None:
        async with self._in_time("begin"):
            position = await self._source.begin()
        if position is not None and not isinstance(position, str):
            raise self._wrong("begin", f"a place is {_type(position)}", "text, or None if it shows no changes")
        return position

    async def changes(self, position: str) -> Page:
        async with self._in_time("changes"):
            page = self._page("changes", await self._source.changes(position), position)
        if page.position is None:
            raise self._wrong("changes", "a page without position", "the place where the next page begins")
        if page.lost and page.items:
            raise self._wrong("changes", "a page that is lost shows somebody", "no items: a snapshot is made")
        return page

    async def fetch(self, keys: Sequence[str]) -> Sequence[Item]:
        wanted = dict.fromkeys(keys)
        if len(wanted) > MOST_KEYS:
            raise InvalidError(f"{len(wanted)} keys", "keys", right=f"at most {MOST_KEYS}")
        async with self._in_time("fetch"):
            answer = await self._source.fetch(list(wanted))
        items = self._items("fetch", answer)
        # Whoever is not in the answer would be taken for gone, so silence is no word for it.
        if len(items) != len(wanted) or {item.key for item in items} != wanted.keys():
            right = "one item for each key, Item(key, None) where there is nobody"
            raise self._wrong("fetch", f"{len(items)} items for {len(wanted)} keys, or others", right)
        for item in items:
            fault = _fault(item)
            if fault:
                raise self._wrong("fetch", fault, "JSON of at most 256 KB")
        return items

    async def snapshot(self, position: str | None) -> Page:
        async with self._in_time("snapshot"):
            page = self._page("snapshot", await self._source.snapshot(position), position)
        if not page.more and not isinstance(page.evidence, Evidence):
            raise self._wrong("snapshot", "the last page has no evidence", "Evidence(expected=…), or Evidence()")
        if any(item.fields is None for item in page.items):
            raise self._wrong("snapshot", "it shows somebody without fields", "those who are there, and nobody else")
        return page

    def _page(self, call: str, page: Any, asked: str | None) -> Page:
        if not isinstance(page, Page):
            raise self._wrong(call, f"the answer is {_type(page)}", "a provisioning.core.source.Page")
        if page.position is not None and not isinstance(page.position, str):
            raise self._wrong(call, f"position is {_type(page.position)}", "text: it is of use in another process")
        if page.more and page.position in (None, asked):  # it would be asked for again and again
            raise self._wrong(call, "more is to come, from where this page began", "the place after this page")
        items = self._items(call, page.items)
        if not all(isinstance(each, Spoiled) for each in page.spoiled):
            raise self._wrong(call, "spoiled holds something else", "a tuple of provisioning.core.source.Spoiled")
        kept, aside = [], list(page.spoiled)
        for item in items:
            fault = _fault(item)
            if fault:
                aside.append(Spoiled(f"{self._file} {item.key}", fault, str(item.fields)[:_LONGEST], item.key))
            else:
                kept.append(item)
        return replace(page, items=tuple(kept), spoiled=tuple(aside))

    def _items(self, call: str, items: Any) -> Sequence[Item]:
        if not isinstance(items, tuple | list) or not all(isinstance(item, Item) for item in items):
            raise self._wrong(call, "what it shows is something else", "provisioning.core.source.Item, each")
        if len(items) > MOST:
            raise self._wrong(call, f"{len(items)} items", f"at most {MOST} a page")
        if not all(isinstance(item.key, str) and item.key for item in items):
            raise self._wrong(call, "a key is no text, or empty", "what the source calls the subject, as text")
        return items

    def _wrong(self, call: str, problem: str, right: str) -> InvalidError:
        return InvalidError(f"{call}: {problem}", self._file, right=right)

    @asynccontextmanager
    async def _in_time(self, call: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except TimeoutError as error:
            raise TransientError(f"{self._file}: {call}: no answer in {self._timeout} s") from error


def _fault(item: Item) -> str:
    """Why a subject cannot be sent on; empty: it can. Names fields and types, and no value."""
    if item.fields is None:
        return ""
    if not isinstance(item.fields, Mapping):
        return f"fields are {_type(item.fields)}: an object, or None"
    size = 0
    for name, value in item.fields.items():
        try:
            size += len(json.dumps({name: value}, allow_nan=False, ensure_ascii=False).encode())
        except (TypeError, ValueError, RecursionError):
            return f"fields.{name} is no JSON ({_type(value)}): instants and bytes are shown as text"
    return f"{size} bytes: at most {LARGEST}" if size > LARGEST else ""


def _type(value: object) -> str:
    return type(value).__name__
