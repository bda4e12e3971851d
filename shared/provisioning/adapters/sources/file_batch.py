"""A file, or all the parts that a manifest names, read row by row from any place."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from provisioning.adapters.sources.file_pieces import Pieces, ReplacedError
from provisioning.core.file_manifest import LARGEST, Manifest, read_manifest
from provisioning.core.file_names import Stamped, StoredFile, stamp_of
from provisioning.core.file_place import BatchPlace
from provisioning.core.file_rows import Mark, Reader, too_many_spoiled
from provisioning.core.source import Item, Spoiled
from provisioning.core.source_csv import CsvRows
from provisioning.core.source_files import Files
from provisioning.core.source_jsonl import JsonLines
from provisioning.ports import Folders

MOST_PIECES = 4  # of one answer, however few rows they hold: it must fit in memory
_COUNT_BYTES = 64  # of a file that holds a number


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where files are read from, and how."""

    folders: Folders
    options: Files

    async def listed(self, prefix: str, most: int) -> tuple[StoredFile, ...]:
        """Files whose names begin so. Raises InvalidError if there are more."""
        return tuple(await self.folders.listed(self.options.place, prefix, most))

    async def whole(self, file: StoredFile, most: int) -> bytes:
        """A small file. Raises ReplacedError."""
        body = await self.folders.read(self.options.place, file, 0, most + 1) if file.size else b""
        if body is None:
            raise ReplacedError(file.name)
        return body


@dataclass(slots=True)
class Batch:
    """One that is being read. `finished`: every row was given."""

    shelf: Shelf
    place: BatchPlace
    finished: bool = False
    _fed: int = 0
    _manifest: Manifest | None = None
    _reader: Reader | None = None
    _pieces: Pieces | None = None
    _stream: AsyncIterator[bytes] | None = field(default=None, repr=False)

    async def read(self, most: int) -> list[Item | Spoiled]:
        """The next rows, or as many as MOST_PIECES hold. Raises ReplacedError, InvalidError."""
        found: list[Item | Spoiled] = []
        self._fed = 0
        while len(found) < most and not self.finished and self._fed < MOST_PIECES:
            reader = self._reader or await self._open()
            if reader is None:
                break
            found += reader.read(most - len(found))
            if not reader.finished and len(found) < most:
                await self._feed(reader)
            self.place = replace(self.place, mark=reader.mark)
            if reader.finished:
                await self._close(reader)
        return found

    async def _open(self) -> Reader | None:
        """A reader of the part that comes next; None: there is none."""
        if self.place.part < 0 and not await self._next(self.place.problem):
            self.finished = True
            return None
        place, options = self.place, self.shelf.options
        self._pieces = Pieces(self.shelf.folders, options.place, place.file, place.mark.offset, options.largest)
        self._stream = aiter(self._pieces)
        if options.format == "csv":
            full = stamp_of(options.full, place.batch.file.name) is not None
            self._reader = CsvRows(options, place.file.name, place.mark, full=full)
        else:
            self._reader = JsonLines(options, place.file.name, place.mark)
        return self._reader

    async def _feed(self, reader: Reader) -> None:
        assert self._stream is not None  # noqa: S101 opened with the reader
        piece = await anext(self._stream, None)
        self._fed += 1
        reader.feed(piece or b"", last=piece is None)

    async def _close(self, reader: Reader) -> None:
        """A part's end: the next one begins, or all is read."""
        problem = self.place.problem or self._packed_problem() or await self._part_problem()
        if await self.manifest() is None or not await self._next(problem or reader.mark.problem):
            self.place = replace(self.place, problem=problem)
            self.finished = True

    async def _next(self, problem: str) -> bool:
        """Go to the next part. False: there is none."""
        place, manifest = self.place, await self.manifest()
        part = place.part + 1
        if manifest is None or part >= len(manifest.parts):
            return False
        file = await _part_file(self.shelf, manifest.parts[part].name)
        counted = self.counted
        self.place = BatchPlace(place.batch, file, part, Mark(), counted.rows, counted.spoiled, problem)
        self._reader = self._pieces = self._stream = None
        return True

    async def manifest(self) -> Manifest | None:
        """What it says; None: there is none by configuration. Raises ReplacedError, InvalidError if it is none."""
        if self._manifest is None and self.shelf.options.count == "manifest":
            whole = self.place.batch.file
            self._manifest = read_manifest(await self.shelf.whole(whole, LARGEST), whole.name)
        return self._manifest

    def _packed_problem(self) -> str:
        return self._pieces.problem if self._pieces is not None else ""

    async def _part_problem(self) -> str:
        """What the manifest says otherwise of the part that ends. A part that was begun elsewhere has no digest."""
        manifest = await self.manifest()
        if manifest is None or self._pieces is None:
            return ""
        said, file = manifest.parts[self.place.part], self.place.file
        digest = self._pieces.digest
        if said.size not in (None, file.size):
            return f"{file.name}: {file.size} bytes, where its manifest says {said.size}"
        if said.sha256 and digest is not None and digest != said.sha256:
            return f"{file.name}: its sha256 is not what its manifest says"
        return ""

    @property
    def counted(self) -> Mark:
        """Rows of all parts so far."""
        place = self.place
        rows, spoiled = place.rows + place.mark.rows, place.spoiled + place.mark.spoiled
        return replace(place.mark, rows=rows, spoiled=spoiled)

    async def verdict(self) -> tuple[int | None, str]:
        """How many rows there are by what was counted beside them, and why the file cannot be believed; at its end."""
        name, mark = self.place.batch.file.name, self.counted
        expected, problem = await self._expected(name)
        problem = self.place.problem or problem or too_many_spoiled(mark)
        if expected is None:
            empty = f"{name} shows nobody, and nothing says that this is right" if not mark.rows else ""
            return None, mark.problem or problem or empty
        if expected != mark.rows:
            problem = problem or f"{name} has {mark.rows} rows, where {expected} were counted"
        return expected, problem

    async def _expected(self, name: str) -> tuple[int | None, str]:
        if (manifest := await self.manifest()) is not None:
            return manifest.rows, ""
        if self.shelf.options.count == "trailer":
            stated = self.place.mark.stated
            return stated, f"{name} has no trailer: it is cut off" if stated is None else ""
        if self.shelf.options.count == "file":
            return await _count_file(self.shelf, f"{name}.count")
        return None, ""


def begin_batch(shelf: Shelf, stamped: Stamped) -> Batch:
    """One from its beginning."""
    return Batch(shelf, BatchPlace(stamped, stamped.file, part=-1 if shelf.options.count == "manifest" else 0))


async def _part_file(shelf: Shelf, name: str) -> StoredFile:
    for file in await shelf.listed(name, 1000):
        if file.name == name:
            return file
    raise ReplacedError(name)


async def _count_file(shelf: Shelf, name: str) -> tuple[int | None, str]:
    for file in await shelf.listed(name, 1000):
        if file.name == name:
            text = (await shelf.whole(file, _COUNT_BYTES)).decode(errors="replace").strip()
            if text.isascii() and text.isdigit() and len(text) < 20:
                return int(text), ""
            return None, f"{name} is no number"
    return None, f"there is no {name}"
