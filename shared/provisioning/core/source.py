"""What a source answers when it is asked, whatever its technology.

The questions are those of `ports.Extraction`. A page is the unit of everything: what a page shows is durable before
the place after it is remembered, so whoever dies in between sees the page again, and never misses one.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from provisioning.core.account import Json
from provisioning.core.quick import quick

MOST_KEYS = 1000  # keys of one `fetch`


class Fields(Mapping[str, Json]):
    """Fields that came as JSON, the same text for the same fields: it is read only if somebody looks into it."""

    __slots__ = ("_read", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._read: dict[str, Json] | None = None

    @property
    def _fields(self) -> dict[str, Json]:
        if self._read is None:
            self._read = json.loads(self.text)
        return self._read

    def __getitem__(self, name: str) -> Json:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


@quick
@dataclass(frozen=True, slots=True)
class Item:
    """What a source shows of one subject: its own fields, not yet mapped. None: it says that there is no such subject.

    `key`: what the source calls the subject, the same for as long as it lives. `fields`: JSON, as the source spells
    names.
    """

    key: str
    fields: Mapping[str, Json] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A part of an answer that could not be read as an item. It is kept for people, and the rest goes on.

    `where`: the place in the source, such as a file's line. `body`: what stands there, bounded by who read it.
    `key`: of the subject, if that much could be read: it is not absent then.
    """

    where: str
    reason: str
    body: str = field(repr=False)
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the source itself says of a snapshot's completeness, with its last page.

    `expected`: how many subjects there are by a count that does not depend on the pages; None: it has none, and only
    the comparison with the last run can tell. `problem`: why the pages cannot be everybody, such as a count that
    changed by more than it may, a page that came twice, or a replica that lags; nothing: no such reason is known.
    `of`: the state that was shown, if the source names it, such as a file: two snapshots of one state are one evidence.
    """

    expected: int | None = None
    problem: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer. `position`: where the next page begins: opaque, and of use in another process.

    `more`: another page may be read at once. `lost`, of changes: why the place that was asked for is of no use any
    more; then there are no items, `position` is where changes begin from now on, and a snapshot must be made.
    `restarts`, of a snapshot: its pages are of use in this process only, and another one begins again from None.
    `evidence`: with the last page of a snapshot.
    """

    items: tuple[Item, ...]
    position: str | None
    more: bool
    spoiled: tuple[Spoiled, ...] = ()
    lost: str = ""
    restarts: bool = False
    evidence: Evidence | None = None
