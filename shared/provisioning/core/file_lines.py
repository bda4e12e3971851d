"""Bytes cut into lines, each known by its number and by where it begins. Holds no more than what it was last fed."""

from typing import Final

from provisioning.core.errors import InvalidError

LONGEST: Final = 262_144  # bytes of a line that is read: those of one item
MOST_SKIPPED: Final = 67_108_864  # bytes of a line that is passed over; beyond that the file has no lines
SHOWN: Final = 4096  # bytes of a spoiled line that people see


class Lines:
    """Fed with bytes, gives lines without their break; a carriage return before it stays.

    `offset` and `number` (from 1) are those of the line that comes next. A line beyond LONGEST is given cut short,
    and `size_of` tells its true size. `cut`: the file ended within its last line.
    """

    __slots__ = ("_index", "_lines", "_long", "_rest", "_skipped", "_where", "cut", "ended", "number", "offset")

    def __init__(self, where: str, offset: int = 0, number: int = 1) -> None:
        self.offset, self.number = offset, number
        self.ended = self.cut = False
        self._where = where
        self._lines: list[bytes] = []
        self._index = 0
        self._long: dict[int, int] = {}  # true sizes by number
        self._rest = b""
        self._skipped = 0  # bytes of the unfinished line that are not kept

    def feed(self, data: bytes, *, last: bool) -> None:
        """Take what comes next. Raises InvalidError if there are no breaks in it for too long."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        first = self.number + len(self._lines) - self._index
        if self._skipped and lines:
            self._long[first] = self._skipped + len(lines[0])
            lines[0], self._skipped = lines[0][:SHOWN], 0
        self._lines = self._lines[self._index :] + lines
        self._index = 0
        if last:
            self._end(first + len(lines))
        elif len(self._rest) > LONGEST:
            self._skipped += len(self._rest) - SHOWN
            self._rest = self._rest[:SHOWN]
            if self._skipped > MOST_SKIPPED:
                right = "lines that end in a line feed"
                raise InvalidError(f"a line of more than {MOST_SKIPPED} bytes", self._where, self.number, right=right)

    def _end(self, number: int) -> None:
        self.ended = True
        if self._rest or self._skipped:
            self.cut = True
            if self._skipped:
                self._long[number] = self._skipped + len(self._rest)
            self._lines.append(self._rest)
            self._rest, self._skipped = b"", 0

    def peek(self, ahead: int = 0) -> bytes | None:
        """A line that comes; None: what was fed does not go so far."""
        index = self._index + ahead
        return self._lines[index] if index < len(self._lines) else None

    def is_last(self, ahead: int = 0) -> bool:
        """Whether no line comes after this one."""
        return self.ended and self._index + ahead == len(self._lines) - 1

    def size_of(self, ahead: int = 0) -> int:
        """The true size of a line that comes, which must have been seen."""
        size = len(self._lines[self._index + ahead])
        return self._long.get(self.number + ahead, size) if self._long else size

    @property
    def size(self) -> int:
        """The true size of the line that comes next."""
        return self.size_of() if self._long else len(self._lines[self._index])

    def take(self, count: int = 1) -> None:
        """Pass over lines that were seen."""
        for _ in range(count):
            self.offset += self.size + 1
            if self._long:
                self._long.pop(self.number, None)
            self._index += 1
            self.number += 1
        if self.cut and self._index == len(self._lines):
            self.offset -= 1  # it has no break
