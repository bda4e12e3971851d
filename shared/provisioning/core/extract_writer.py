"""A part under way: rows are added until it is large enough."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from provisioning.core import extract_ldif, extract_text
from provisioning.core.extract_rows import LDIF, Layout, Row


class Writer(Protocol):
    """Takes rows and gives the bytes of the part. It holds one part in memory, never more."""

    @property
    def size(self) -> int:
        """Bytes so far; before they are packed, if the format packs them."""
        ...

    def add(self, row: Row) -> None:
        """Take one row."""
        ...

    def finish(self) -> bytes:
        """The part; nothing is added after."""
        ...


MakeWriter = Callable[[Layout], Writer]


class Lines(NamedTuple):
    """A format in which every row stands for itself."""

    header: Callable[[Layout], bytes]
    row: Callable[[Layout, Row], bytes]


class LineWriter:
    """A part of such a format."""

    def __init__(self, lines: Lines, layout: Layout) -> None:
        self._row, self._layout = lines.row, layout
        self._body = bytearray(lines.header(layout))

    @property
    def size(self) -> int:
        return len(self._body)

    def add(self, row: Row) -> None:
        self._body += self._row(self._layout, row)

    def finish(self) -> bytes:
        return bytes(self._body)


_FULL: Final[Mapping[str, Lines]] = {
    "csv": Lines(extract_text.csv_header, extract_text.csv_row),
    "jsonl": Lines(lambda _layout: b"", extract_text.json_row),
    LDIF: Lines(lambda _layout: extract_ldif.HEADER, extract_ldif.entry),
}
_DELTA: Final = {**_FULL, LDIF: Lines(lambda _layout: extract_ldif.HEADER, extract_ldif.changes)}


def line_writer(layout: Layout, *, delta: bool) -> Writer | None:
    """The writer of a format of lines; None if it is none."""
    lines = (_DELTA if delta else _FULL).get(layout.format)
    return LineWriter(lines, layout) if lines is not None else None
