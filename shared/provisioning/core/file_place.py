"""Places in what an IDMS leaves as files, as text: opaque to everybody else, of use in another process."""

import json
from dataclasses import astuple, dataclass
from typing import Any

from provisioning.core.errors import InvalidError
from provisioning.core.file_names import Stamped, StoredFile
from provisioning.core.file_rows import Mark

_BEGINNING = Mark()


@dataclass(frozen=True, slots=True)
class BatchPlace:
    """A place in a file, or in the parts that a manifest names.

    `part`: which one is read, from 0; `file`: this part, as it was when it was begun. `rows` and `spoiled`: of the
    parts before. `problem`: why one of these is not what it should be.
    """

    batch: Stamped
    file: StoredFile
    part: int = 0
    mark: Mark = _BEGINNING
    rows: int = 0
    spoiled: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotPlace:
    """A place in a snapshot: a full file, with the deltas after it up to the stamp `through`.

    `deltas`: stands for these files, as they were. `dropped`: rows of the full file that a delta replaced or removed.
    `tail`: how many of the deltas' own subjects were shown; None: the full file is being read.
    """

    full: BatchPlace
    through: str
    deltas: str
    dropped: int = 0
    tail: int | None = None


@dataclass(frozen=True, slots=True)
class ChangesPlace:
    """A place among deltas: after the one with this stamp, or within one. `broken`: why it cannot be gone on from."""

    after: str
    within: BatchPlace | None = None
    broken: str = ""


def write_snapshot(place: SnapshotPlace) -> str:
    """The place as text."""
    return _written(place)


def read_snapshot(text: str) -> SnapshotPlace:
    """The place that a text says. Raises InvalidError."""
    full, through, deltas, dropped, tail = _read(text, 5)
    return SnapshotPlace(_batch(full), through, deltas, dropped, tail)


def write_changes(place: ChangesPlace) -> str:
    """The place as text."""
    return _written(place)


def read_changes(text: str) -> ChangesPlace:
    """The place that a text says. Raises InvalidError."""
    after, within, broken = _read(text, 3)
    return ChangesPlace(after, _batch(within) if within is not None else None, broken)


def _written(place: SnapshotPlace | ChangesPlace) -> str:
    return json.dumps(astuple(place), ensure_ascii=False, separators=(",", ":"))


def _read(text: str, count: int) -> list[Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidError("not a place of this source", "position", right="one that it gave") from error
    if not isinstance(value, list) or len(value) != count:
        raise InvalidError("not a place of this source", "position", right="one that it gave")
    return value


def _batch(value: list[Any]) -> BatchPlace:
    (stamp, whole), file, part, mark, rows, spoiled, problem = value
    offset, line, header, *rest = mark
    batch = Stamped(stamp, StoredFile(*whole))
    return BatchPlace(batch, StoredFile(*file), part, Mark(offset, line, tuple(header), *rest), rows, spoiled, problem)
