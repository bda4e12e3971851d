"""Sorted lines in files of bounded size: written part by part, read together in the order of keys."""

from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from provisioning.core.errors import PermanentError
from provisioning.core.keylist import TAB
from provisioning.core.polled import Part
from provisioning.ports import Spool

PART: Final = 8_388_608  # bytes of one file, about
BLOCK: Final = 1_048_576  # bytes of a file that are read at once
_LONGEST_KEY: Final = 64  # bytes of an escaped key that a part tells: all parts of a run are in one item


class LostFileError(PermanentError):
    """A file that was written is not there any more."""


@dataclass(slots=True)
class Writer:
    """Puts lines away in the order in which they come. `name`: of a file, by its number."""

    spool: Spool
    name: Callable[[int], str]
    parts: list[Part] = field(default_factory=list)
    _lines: list[bytes] = field(default_factory=list)
    _size: int = 0

    async def add(self, lines: list[bytes]) -> None:
        """Some lines, after all that were added before."""
        self._lines += lines
        self._size += sum(map(len, lines))
        if self._size >= PART:
            await self.flush()

    async def flush(self) -> None:
        """Write what is left."""
        if self._lines:
            self.parts.append(await write_part(self.spool, self.name(len(self.parts) + 1), self._lines))
            self._lines, self._size = [], 0


async def write_part(spool: Spool, name: str, lines: Sequence[bytes]) -> Part:
    """One file of sorted lines; there must be one at least."""
    await spool.write(name, b"\n".join(lines) + b"\n")
    ends = [line.split(TAB, 1)[0] for line in (lines[0], lines[-1])]
    first, last = (end.decode() if len(end) <= _LONGEST_KEY and end.isascii() else "" for end in ends)
    return Part(name, len(lines), first, last)


async def read_part(spool: Spool, part: Part) -> AsyncIterator[list[bytes]]:
    """The lines of one file, some at a time. Raises LostFileError."""
    start, rest = 0, b""
    while True:
        block = await spool.read(part.name, start, BLOCK)
        if block is None:
            raise LostFileError(f"{part.name} is lost")
        start += len(block)
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if lines:
            yield lines
        if len(block) < BLOCK:
            return


@dataclass(slots=True)
class Reader:
    """Reads parts of which each begins after the end of the one before."""

    spool: Spool
    parts: list[Part]
    lines: list[bytes] = field(default_factory=list)
    done: bool = False
    _blocks: AsyncIterator[list[bytes]] | None = None

    async def more(self) -> None:
        """Read on, until there are more lines or the end has come."""
        while not self.done:
            if self._blocks is None:
                if not self.parts:
                    self.done = True
                    return
                self._blocks = read_part(self.spool, self.parts.pop(0))
            block = await anext(self._blocks, None)
            if block is not None:
                self.lines += block
                return
            self._blocks = None

    def take(self, bound: bytes | None) -> list[bytes]:
        """The lines whose keys are less than a bound; all of them without one."""
        end = len(self.lines) if bound is None else bisect_left(self.lines, bound + TAB)
        taken, self.lines = self.lines[:end], self.lines[end:]
        return taken

    @property
    def last(self) -> bytes:
        """The key up to which it has been read."""
        return self.lines[-1].split(TAB, 1)[0]


def readers(spool: Spool, parts: Sequence[Part]) -> list[Reader]:
    """As few readers as the parts' order allows: what was read in the order of keys is one chain."""
    chains: list[list[Part]] = []
    for part in sorted(parts, key=lambda each: (each.first, each.name)):
        chain = next((each for each in chains if part.first and each[-1].last and each[-1].last < part.first), None)
        if chain is None:
            chains.append([part])
        else:
            chain.append(part)
    return [Reader(spool, chain) for chain in chains]


async def together(one: Sequence[Reader], other: Sequence[Reader]) -> AsyncIterator[tuple[list[bytes], list[bytes]]]:
    """The lines of both sides in ranges of keys, each side sorted. A key stands in one range only."""
    all_ = [*one, *other]
    while True:
        for reader in all_:
            if not reader.lines:
                await reader.more()
        ends = [reader.last for reader in all_ if not reader.done]
        bound = min(ends) if ends else None
        taken = [[reader.take(bound) for reader in side] for side in (one, other)]
        if any(lines for side in taken for lines in side):
            yield _sorted(taken[0]), _sorted(taken[1])
        elif bound is None:
            return
        else:  # some hold nothing but lines of the bound, which may go on in the next block
            for reader in all_:
                if not reader.done and reader.last == bound:
                    await reader.more()


def _sorted(runs: Sequence[list[bytes]]) -> list[bytes]:
    filled = [run for run in runs if run]
    if len(filled) == 1:
        return filled[0]
    return sorted(line for run in filled for line in run)  # runs that are sorted already are merged at the speed of C
