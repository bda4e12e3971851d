"""What CSV and JSON lines have in common: rows become items, and what says how many there are."""

from dataclasses import dataclass
from typing import Final, Protocol

from provisioning.core.account import Json
from provisioning.core.file_lines import SHOWN
from provisioning.core.source import Item, Spoiled
from provisioning.core.source_files import Files

LONGEST_KEY: Final = 1024  # characters
LEAST_SPOILED: Final = 10  # rows that may be spoiled in any file; of a large one, a hundredth


@dataclass(frozen=True, slots=True)
class Mark:
    """A place between two rows of a file, and what is known of the rows before it.

    `offset` in bytes, unpacked; `line` from 1. `header`: names of the columns. `rows`: read, spoiled ones among them.
    `stated`: what the trailer says. `problem`: why the file is not what it should be.
    """

    offset: int = 0
    line: int = 1
    header: tuple[str, ...] = ()
    rows: int = 0
    spoiled: int = 0
    stated: int | None = None
    problem: str = ""


class Reader(Protocol):
    """A file, fed in pieces. Rows come out in the file's order."""

    @property
    def mark(self) -> Mark:
        """The place after the last row that was given."""
        ...

    @property
    def finished(self) -> bool:
        """Whether all was fed, and every row given."""
        ...

    def feed(self, data: bytes, *, last: bool) -> None:
        """Take what comes next."""
        ...

    def read(self, most: int) -> list[Item | Spoiled]:
        """The next rows; fewer than `most`: it must be fed, or is finished. Raises InvalidError for a whole file."""
        ...


def spoiled(where: str, reason: str, line: bytes, key: str | None = None) -> Spoiled:
    """A row that could not be read."""
    return Spoiled(where, reason, line[:SHOWN].decode(errors="replace"), key)


class Rows:
    """Makes items of the fields of rows."""

    __slots__ = ("_deletes", "_exclude", "_key", "_operation")

    def __init__(self, options: Files) -> None:
        self._key, self._operation, self._exclude = options.key, options.operation, options.exclude
        self._deletes = frozenset(options.deletes)

    def item(self, fields: dict[str, Json]) -> Item | str:
        """The item, or why the row is none. Takes what is no field out of the fields."""
        key = key_of(fields.get(self._key))
        if key is None:
            return f"{self._key} names nobody: a text of 1 to {LONGEST_KEY} characters"
        if self._operation is not None and fields.pop(self._operation, None) in self._deletes:
            return Item(key, None)
        for name in self._exclude:
            fields.pop(name, None)
        return Item(key, fields)


def key_of(value: Json) -> str | None:
    """The key that a value is, text or a whole number; None if it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_KEY:
        return None
    return value


def too_many_spoiled(mark: Mark) -> str:
    """Why a file with so many spoiled rows shows too little; nothing if it does not."""
    if mark.spoiled < LEAST_SPOILED or mark.spoiled * 100 <= mark.rows:
        return ""
    return f"{mark.spoiled} of {mark.rows} rows could not be read"
