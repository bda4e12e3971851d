"""Names of the files that an IDMS leaves: which are meant by a pattern, and in which order they were made."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provisioning.core.errors import InvalidError

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as it is listed. `name`: beneath its place. `size` in bytes. `etag`: another one if it is replaced."""

    name: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Stamped:
    """A file that a pattern means. `stamp`: what the star stands for; nothing if the pattern has none."""

    stamp: str
    file: StoredFile


def prefix_of(pattern: str) -> str:
    """What all names begin with that the pattern means."""
    return pattern.partition("*")[0]


def stamp_of(pattern: str, name: str) -> str | None:
    """What the star stands for in a name; None if the pattern does not mean it."""
    before, star, after = pattern.partition("*")
    if not star:
        return "" if name == pattern else None
    end = len(name) - len(after)
    if end <= len(before) or not name.startswith(before) or not name.endswith(after):
        return None
    stamp = name[len(before) : end]
    return None if "/" in stamp else stamp


def order_of(stamp: str) -> tuple[tuple[str | int, ...], str]:
    """What stamps are ordered by: texts by their characters, numbers in them by their value.

    >>> sorted(["10", "9", "2026-01-31T10", "2026-01-31"], key=order_of)
    ['9', '10', '2026-01-31', '2026-01-31T10']
    """
    parts = _DIGITS.split(stamp)  # texts and digits in turn, so that two of one place are of one type
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts)), stamp


def stamped(pattern: str, listed: Iterable[StoredFile], *, done: bool) -> tuple[Stamped, ...]:
    """The files that a pattern means, in order. `done`: only those that another file says to be complete."""
    files = {file.name: file for file in listed}
    found = [
        Stamped(stamp, file)
        for name, file in files.items()
        if (stamp := stamp_of(pattern, name)) is not None and (not done or f"{name}.done" in files)
    ]
    return tuple(sorted(found, key=lambda each: order_of(each.stamp)))


def later(files: Iterable[Stamped], stamp: str) -> tuple[Stamped, ...]:
    """Those after a stamp."""
    return tuple(each for each in files if order_of(each.stamp) > order_of(stamp))


def in_turn(pattern: str, listed: Sequence[StoredFile], after: str, *, done: bool) -> tuple[Stamped, ...]:
    """Those after a stamp, in order, up to the first that is not complete yet: what follows it waits for it."""
    every = later(stamped(pattern, listed, done=False), after)
    complete = set(stamped(pattern, listed, done=done))
    waits = next((index for index, each in enumerate(every) if each not in complete), len(every))
    return every[:waits]


def check_listed(count: int, place: str, most: int) -> None:
    """Refuse a folder of too many files. Raises InvalidError."""
    if count > most:
        raise InvalidError(f"more than {most} files", place, right="a lifecycle rule that takes old ones away")


def check_alike(full: Stamped, deltas: Sequence[Stamped], where: str) -> None:
    """Refuse stamps that cannot be ordered together, such as days and numbers: deltas would never be looked at.

    Raises InvalidError.
    """
    for each in (*deltas[:1], *deltas[-1:]):
        if not _alike(full.stamp, each.stamp):
            raise InvalidError(
                f"{full.file.name} and {each.file.name} cannot be ordered", where, right="stars for the same thing"
            )


def _alike(one: str, other: str) -> bool:
    """Whether one is spelt as the other begins. A number may have a digit more: it grows; a day never has."""
    mine, theirs = sorted((_DIGITS.split(one), _DIGITS.split(other)), key=len)
    last = len(mine) - 1
    for index, (here, there) in enumerate(zip(mine, theirs, strict=False)):
        if index % 2:
            if max(len(here), len(there)) > 3 and abs(len(here) - len(there)) > 1:
                return False
        elif here != there and not (index == last > 0 and there.startswith(here)):
            return False
    return True


def gap(files: Sequence[Stamped], after: str, where: str) -> str:
    """Why changes after a stamp are not all there: a number is missing before the first of these; nothing if none is.

    Raises InvalidError if a stamp is no number.
    """
    if not files or not after:
        return ""
    expected, found = number_of(after, where) + 1, number_of(files[0].stamp, where)
    return f"number {expected} is missing before {files[0].file.name}" if found > expected else ""


def number_of(stamp: str, where: str) -> int:
    """The number that a stamp is. Raises InvalidError."""
    if not stamp.isascii() or not stamp.isdigit():
        raise InvalidError(f"{stamp!r} is no number", where, right="a star that stands for digits, or numbered: false")
    return int(stamp)
