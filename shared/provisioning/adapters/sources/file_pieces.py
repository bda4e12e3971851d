"""A file's bytes, piece by piece and unpacked, from any offset."""

import hashlib
from collections.abc import AsyncIterator
from typing import Final

from provisioning.core.errors import InvalidError
from provisioning.core.file_gzip import Unpacking
from provisioning.core.file_names import StoredFile
from provisioning.ports import Folders

PIECE: Final = 2_097_152  # bytes of one request


class ReplacedError(Exception):
    """The file is gone, or is another one than the one that was begun."""


class Pieces:
    """A file's bytes. `digest`: SHA-256 of all of it as it is stored, if it was read from its beginning to its end.

    A packed file is read from its beginning whatever the offset: what comes before is unpacked and passed over.
    """

    def __init__(self, folders: Folders, place: str, file: StoredFile, offset: int, largest: int) -> None:
        self._folders, self._place, self._file, self._offset, self._largest = folders, place, file, offset, largest
        self._hash = hashlib.sha256()
        self._packed = file.name.endswith(".gz")
        self._hashed = 0
        self.problem = ""  # of a packed file that ends too soon

    @property
    def digest(self) -> str | None:
        return self._hash.hexdigest() if self._hashed == self._file.size else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Pieces in order, none of them empty. Raises ReplacedError, InvalidError for a file that is too large."""
        if not self._packed:
            self._bound(self._file.size)
            async for piece in self._stored(self._offset):
                yield piece
            return
        unpacking, at = Unpacking(self._file.name), 0
        async for packed in self._stored(0):
            for piece in unpacking.feed(packed):
                begin, at = at, at + len(piece)
                self._bound(at)
                if at > self._offset:
                    yield piece[max(0, self._offset - begin) :]
        if not unpacking.whole:
            self.problem = f"{self._file.name}: cut off: it cannot be unpacked to its end"

    async def _stored(self, start: int) -> AsyncIterator[bytes]:
        while start < self._file.size:
            piece = await self._folders.read(self._place, self._file, start, PIECE)
            if not piece:
                raise ReplacedError(self._file.name)
            if start == self._hashed:
                self._hash.update(piece)
                self._hashed += len(piece)
            start += len(piece)
            yield piece

    def _bound(self, size: int) -> None:
        if size > self._largest:
            right = "smaller files, or files.largest"
            raise InvalidError(f"more than {self._largest} bytes", self._file.name, right=right)
