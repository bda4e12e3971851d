"""Two large sets of memberships, compared by small sketches of them: who is in one and not in the other.

An invertible Bloom lookup table: each membership is added into four cells of 192, and taking one table from another
leaves what only one set has, which is read cell by cell where it is alone. A table has the same size whatever the
size of the set; a hundred differences are read with near certainty, more than 150 hardly ever, and it is known when
not all of them were.
"""

import struct
import zlib
from base64 import b64decode, b64encode
from binascii import Error
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

_PARTS: Final = 4
_EACH: Final = 48  # cells of each part: a membership is in one cell of each
_CELLS: Final = _PARTS * _EACH
_LONGEST: Final = 300  # octets of a member's name; a longer one is counted, but cannot be read back
_HEAD: Final = struct.Struct(">iQH")
_MOST: Final = _CELLS * (_HEAD.size + _LONGEST + 10)


@dataclass(slots=True)
class Sketch:
    """A set of (group, member). Which of them is added first, and how often it is written and read, does not matter."""

    _counts: list[int] = field(default_factory=lambda: [0] * _CELLS)
    _marks: list[int] = field(default_factory=lambda: [0] * _CELLS)
    _texts: list[int] = field(default_factory=lambda: [0] * _CELLS)

    def add(self, group: bytes, member: bytes) -> None:
        """One membership, which is not in it yet. `group`: four octets that stand for the group."""
        text = int.from_bytes(b"\1" + group + member) if len(member) <= _LONGEST else 0
        self._put(_mark(group + member), text, 1)

    def _put(self, mark: int, text: int, count: int) -> None:
        for cell in _cells(mark):
            self._counts[cell] += count
            self._marks[cell] ^= mark
            self._texts[cell] ^= text

    def difference(self, other: "Sketch") -> frozenset[bytes] | None:
        """Members of the memberships that only one of the two has. None: they are too many to be told."""
        left = Sketch(
            [one - two for one, two in zip(self._counts, other._counts, strict=True)],
            [one ^ two for one, two in zip(self._marks, other._marks, strict=True)],
            [one ^ two for one, two in zip(self._texts, other._texts, strict=True)],
        )
        found: set[bytes] = set()
        waiting = list(range(_CELLS))
        for _ in range(_CELLS * 8):  # more cannot be in so many cells: a table that was spoiled must end, too
            if not waiting:
                break
            cell = waiting.pop()
            raw = left._alone(cell)
            if raw is None:
                continue
            found.add(raw[5:])
            mark = left._marks[cell]
            left._put(mark, left._texts[cell], -left._counts[cell])
            waiting += _cells(mark)
        return None if any(left._marks) or any(left._counts) else frozenset(found)

    def _alone(self, cell: int) -> bytes | None:
        """The membership of a cell that holds nothing else."""
        if self._counts[cell] not in (1, -1) or not self._texts[cell]:
            return None
        text = self._texts[cell]
        raw = text.to_bytes((text.bit_length() + 7) // 8)
        return raw if raw[0] == 1 and _mark(raw[1:]) == self._marks[cell] else None

    def write(self) -> str:
        """As text."""
        cells = []
        for count, mark, text in zip(self._counts, self._marks, self._texts, strict=True):
            octets = text.to_bytes((text.bit_length() + 7) // 8)
            cells.append(_HEAD.pack(count, mark, len(octets)) + octets)
        return b64encode(zlib.compress(b"".join(cells), 6)).decode()


def read_sketch(text: str) -> Sketch | None:
    """What was written; None for what was not."""
    try:
        packer = zlib.decompressobj()
        octets = packer.decompress(b64decode(text, validate=True), _MOST)
        made, at = Sketch(), 0
        for cell in range(_CELLS):
            made._counts[cell], made._marks[cell], size = _HEAD.unpack_from(octets, at)
            at += _HEAD.size
            made._texts[cell] = int.from_bytes(octets[at : at + size])
            at += size
    except (ValueError, Error, zlib.error, struct.error):
        return None
    return made if at == len(octets) and packer.eof else None


def _cells(mark: int) -> list[int]:
    return [part * _EACH + (mark >> (16 * part)) % _EACH for part in range(_PARTS)]


def _mark(octets: bytes) -> int:
    return int.from_bytes(blake2b(octets, digest_size=8).digest())
