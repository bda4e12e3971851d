"""CSV (RFC 4180), read piece by piece, so that damage does not spread.

A quote that was never closed makes all the rest of a file one cell. So a row of several lines is believed only while
it has at most MOST_LINES lines and LONGEST_ROW bytes, ends well, has as many cells as there are columns, and no line
within it is a whole row by itself. If not, its first line is spoiled, and reading goes on with the line after it.
"""

import csv
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from provisioning.core.errors import InvalidError
from provisioning.core.file_lines import LONGEST, Lines
from provisioning.core.file_rows import Mark, Rows, key_of, spoiled
from provisioning.core.source import Item, Spoiled
from provisioning.core.source_files import Files

MOST_LINES: Final = 20  # of one row
LONGEST_ROW: Final = 65_536  # bytes of a row of several lines
MOST_COLUMNS: Final = 1000
_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_LEAST_COLUMNS: Final = 3  # with fewer, prose looks like a row


class _ShortError(Exception):
    """A row goes on after what was fed."""


class _OpenError(Exception):
    """A row has more lines than any may have."""


class CsvRows:
    """A Reader of it. `full`: a full file, which need not have the column of operations."""

    def __init__(self, options: Files, where: str, mark: Mark, *, full: bool = False) -> None:
        self._options, self._where, self._mark = options, where, mark
        self._full = full
        self._lines = Lines(where, mark.offset, mark.line)
        self._rows = Rows(options)
        self._encoding, self._delimiter = options.encoding, options.delimiter
        self._quote = options.quote.encode(options.encoding)
        self._columns: tuple[str, ...] = ()
        self._key = 0
        if mark.header or options.header:
            self._learn(mark.header or options.header)

    @property
    def mark(self) -> Mark:
        return replace(self._mark, offset=self._lines.offset, line=self._lines.number, header=self._columns)

    @property
    def finished(self) -> bool:
        return self._lines.ended and self._lines.peek() is None

    def feed(self, data: bytes, *, last: bool) -> None:
        self._lines.feed(data, last=last)

    def read(self, most: int) -> list[Item | Spoiled]:
        found: list[Item | Spoiled] = []
        bad = 0
        lines = self._lines
        try:
            while len(found) < most and (line := lines.peek()) is not None:
                row = self._row(line)
                if row is not None:
                    found.append(row)
                    bad += row.__class__ is Spoiled
        except _ShortError:
            pass  # read again from its beginning, once there is more
        self._mark = replace(self._mark, rows=self._mark.rows + len(found), spoiled=self._mark.spoiled + bad)
        return found

    def _row(self, line: bytes) -> Item | Spoiled | None:
        """One row, passed over; None: it holds nobody. Raises _ShortError."""
        lines = self._lines
        if lines.offset == 0:
            line = self._without_mark(line)
        if not line or line.isspace():
            lines.take()
            return None
        cells, count = self._cells(line)
        if isinstance(cells, str):
            return self._spoil(cells, line)
        if not self._columns:
            self._learn(tuple(cells))
            lines.take(count)
            return None
        if self._options.trailer is not None and cells[0] == self._options.trailer:
            lines.take(count)
            self._trailer(cells)
            return None
        if len(cells) != len(self._columns):
            return self._spoil(f"{len(cells)} cells, where there are {len(self._columns)} columns", line)
        if self._mark.stated is not None:
            self._problem("rows after its trailer")
        made = self._rows.item(dict(zip(self._columns, cells, strict=True)))
        if isinstance(made, str):
            return self._spoil(made, line)
        lines.take(count)
        return made

    def _without_mark(self, line: bytes) -> bytes:
        if line.startswith(_UTF_16):
            raise InvalidError("the file is in UTF-16", self._where, right="UTF-8, or what `encoding` names")
        return line.removeprefix(_BOM)

    def _cells(self, line: bytes) -> tuple[list[str] | str, int]:
        """The cells of the next row, or why it has none, and how many lines it has."""
        lines = self._lines
        if lines.cut and self._options.ended and lines.is_last():
            self._problem(f"cut off in line {lines.number}")
            return "the file ends within this line", 1
        try:
            if (size := lines.size) > LONGEST:
                return f"{size} bytes, more than {LONGEST}", 1
            if self._quote not in line:
                return line.decode(self._encoding).removesuffix("\r").split(self._delimiter), 1
            return self._line(line) or self._quoted(line)
        except UnicodeDecodeError as error:
            return f"not {self._encoding} at byte {error.start + 1}", 1

    def _line(self, line: bytes) -> tuple[list[str], int] | None:
        """The cells of a row of one line, which nearly all are; None: it is none."""
        text = (line.decode(self._encoding),)
        try:
            return next(csv.reader(text, delimiter=self._delimiter, quotechar=self._options.quote, strict=True)), 1
        except csv.Error:
            return None

    def _quoted(self, first: bytes) -> tuple[list[str] | str, int]:
        taken: list[bytes] = []

        def follow() -> Iterator[str]:
            line: bytes | None = first
            size = 0
            while line is not None:
                taken.append(line)
                size += self._lines.size_of(len(taken) - 1)
                if len(taken) > MOST_LINES or (len(taken) > 1 and size > LONGEST_ROW):
                    raise _OpenError
                yield line.decode(self._encoding) + "\n"
                line = self._lines.peek(len(taken))
            if not self._lines.ended:
                raise _ShortError
            self._problem(f"ends within the quotes of line {self._lines.number}")

        try:
            cells = next(csv.reader(follow(), delimiter=self._delimiter, quotechar=self._options.quote, strict=True))
        except _OpenError:
            return "a quote is not closed", 1
        except (csv.Error, StopIteration) as error:
            return f"quotes that do not fit: {error}", 1
        if self._columns and any(self._is_row(line) for line in taken[1:-1]):
            return "a quote is not closed: another row stands within it", 1
        return cells, len(taken)

    def _is_row(self, line: bytes) -> bool:
        count = line.count(self._delimiter.encode()) + 1
        return count == len(self._columns) >= _LEAST_COLUMNS

    def _spoil(self, reason: str, line: bytes) -> Spoiled:
        """A spoiled first line, passed over. Its key is known if it stands before any damage can have been done."""
        if not self._columns:
            raise InvalidError(f"the names of the columns: {reason}", self._where, right="a line of names, or `header`")
        where = f"{self._where}:{self._lines.number}"
        self._lines.take()
        before = line.split(self._quote)[0].split(self._delimiter.encode())
        if self._key and len(line.split(self._delimiter.encode())) != len(self._columns):
            before = []  # a cell too many or too few may stand before it
        key = None
        if self._key < len(before) - 1:
            key = key_of(before[self._key].removeprefix(_BOM).decode(self._encoding, errors="replace"))
        return spoiled(where, reason, line, None if key is None or "\ufffd" in key else key)

    def _learn(self, names: tuple[str, ...]) -> None:
        """The names of the columns. Raises InvalidError if they cannot be these."""
        options = self._options
        where = self._where
        if len(names) > MOST_COLUMNS or any(len(name) > 200 or "\0" in name for name in names):
            raise InvalidError("the first line is none of names", where, right=f"up to {MOST_COLUMNS}, or `encoding`")
        # By its number: if the file has no line of names, this is somebody's row.
        twice = next((number for number, name in enumerate(names, 1) if name in names[: number - 1]), 0)
        if twice:
            raise InvalidError(f"column {twice} has another one's name", where, line=1, right="a name for each column")
        operation = () if self._full or options.operation is None else (options.operation,)
        wanted = (options.key, *options.columns, *operation)
        missing = [name for name in wanted if name not in names]
        if missing:
            right = f"among the {len(names)} that it has by this delimiter"
            raise InvalidError(f"column {missing[0]!r} is missing", where, line=1, right=right)
        self._columns, self._key = names, names.index(options.key)

    def _trailer(self, cells: list[str]) -> None:
        stated = cells[1].strip() if len(cells) > 1 else ""
        if stated.isascii() and stated.isdigit() and len(stated) < 20:
            self._mark = replace(self._mark, stated=int(stated))
        else:
            self._problem("its trailer is no count")

    def _problem(self, problem: str) -> None:
        self._mark = replace(self._mark, problem=f"{self._where}: {problem}")
