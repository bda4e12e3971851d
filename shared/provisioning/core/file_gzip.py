"""Packed files (RFC 1952), unpacked piece by piece, so that a small file cannot fill the memory."""

import zlib
from collections.abc import Iterator
from typing import Final

from provisioning.core.errors import InvalidError

PIECE: Final = 1_048_576  # bytes that are unpacked at once
MOST_RATIO: Final = 200  # of unpacked to packed; people's data has about 10
FREE: Final = 16_777_216  # bytes that may come of however few


class Unpacking:
    """Fed with packed bytes, gives unpacked ones. A file may have several members, one after the other."""

    def __init__(self, where: str) -> None:
        self._where, self._taken, self._given = where, 0, 0
        self._member = zlib.decompressobj(wbits=31)
        self._begun = False  # a member is under way

    @property
    def whole(self) -> bool:
        """Whether what was fed ends where a member ends."""
        return self._taken > 0 and not self._begun

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpack what comes next, in pieces of PIECE at most.

        Raises InvalidError if it cannot be, or grows too much.
        """
        self._taken += len(data)
        piece = b""
        while data or len(piece) == PIECE:  # a full piece may have left more behind, of what was fed already
            try:
                piece = self._member.decompress(data, PIECE)
            except zlib.error as error:
                raise InvalidError(f"cannot be unpacked: {error}", self._where, right="a whole file of gzip") from error
            self._begun, data = True, self._member.unconsumed_tail
            self._given += len(piece)
            if self._given > max(FREE, MOST_RATIO * self._taken):
                raise InvalidError(
                    f"grows more than {MOST_RATIO} times by unpacking", self._where, right="a file of rows"
                )
            if piece:
                yield piece
            if self._member.eof:
                data, piece = self._member.unused_data, b""
                self._member, self._begun = zlib.decompressobj(wbits=31), False
