"""What a run read, beside the list of keys of the last complete run: what is new, what changed, who is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from provisioning.core.keylist import SPOILED, TAB, key_line
from provisioning.core.polled import Found

TOLD: Final = (0, 1, 2, 4, 8)  # complete runs after which somebody who is gone is told so, and then again


@dataclass(slots=True)
class Comparison:
    """Takes both, piece by piece in the order of keys, and says what came of each piece.

    `runs`: complete runs that must miss somebody before they are due. `again`: whoever is shown is sent, changed or
    not, because what is read of them is not what it was. `keys`, `differences`, `absences`: lines of
    the piece that was taken last; whoever takes the next one has put them away.

    Whoever is gone stays in the list for some runs, and is told again in some of them: what the source showed of them
    may have waited in a queue, and arrived only when they were told to be gone. Of two lines of one key, the one with
    a digest counts: the other says only that the subject was there, though later than one that it was gone.
    """

    runs: int
    again: bool = False
    keys: list[bytes] = field(default_factory=list)
    differences: list[bytes] = field(default_factory=list)
    absences: list[bytes] = field(default_factory=list)
    _rows: int = 0
    _new: int = 0
    _changed: int = 0
    _absent: int = 0
    _due: int = 0
    _doubled: int = 0

    @property
    def found(self) -> Found:
        """What was found until now."""
        return Found(self._rows, self._new, self._changed, self._absent, self._due, self._doubled)

    def take(self, before: Sequence[bytes], now: Sequence[bytes]) -> None:
        """All lines of a range of keys, each sequence sorted. A key stands in one range only."""
        self.keys, self.differences, self.absences = [], [], []
        known = dict(line.split(TAB, 1) for line in before)
        if len(known) < len(before):
            lines = sorted(before, key=_weight)
            known = dict(line.split(TAB, 1) for line in lines)
        place, end = 0, len(now)
        while place < end:
            line = now[place]
            place += 1
            key, digest, _ = line.split(TAB, 2)
            if place < end and now[place].startswith(key + TAB):
                line, digest, place = self._same(key, line, now, place)
            self._rows += 1
            had = known.pop(key, None)
            if had == digest + b"\t0" and not self.again:  # by far the most
                self.keys.append(b"%b\t%b" % (key, had))
            else:
                self._shown(key, digest, line, had)
        for key, had in known.items():
            self._missing(key, had)
        self.keys.sort()

    def _same(self, key: bytes, line: bytes, now: Sequence[bytes], place: int) -> tuple[bytes, bytes, int]:
        """One of several lines of a key: if they differ, nothing is known but that the subject is there."""
        lines = {line}
        while place < len(now) and now[place].startswith(key + TAB):
            lines.add(now[place])
            place += 1
        if len(lines) > 1:
            self._doubled += 1
            line = b"%b\t%b\t" % (key, SPOILED)
        return line, line.split(TAB, 2)[1], place

    def _shown(self, key: bytes, digest: bytes, line: bytes, had: bytes | None) -> None:
        before = had.split(TAB)[0] if had is not None and TAB + b"-" not in had else None  # who was gone is new
        if digest == SPOILED:
            digest = before or SPOILED  # it stays as it was until it can be read
        elif before is None or before == SPOILED:
            self._new += 1
            self.differences.append(line)
        elif before != digest or self.again:
            self._changed += 1
            self.differences.append(line)
        self.keys.append(key_line(key, digest, 0))

    def _missing(self, key: bytes, had: bytes) -> None:
        digest, missed = had.split(TAB)
        count = int(missed) + 1
        if count <= 0:
            self._gone(key, digest, 1 - count)
            return
        self._absent += 1
        if count >= self.runs:
            self._due += 1
            self._gone(key, digest, 0)
        else:
            self.keys.append(key_line(key, digest, count))

    def _gone(self, key: bytes, digest: bytes, runs: int) -> None:
        """Somebody who has been told to be gone for so many runs."""
        if runs in TOLD:
            self.absences.append(b"%b\t%b\t" % (key, digest))
        if runs < TOLD[-1]:
            self.keys.append(key_line(key, digest, -1 - runs))


def _weight(line: bytes) -> int:
    _, digest, missed = line.split(TAB, 2)
    return 0 if missed.startswith(b"-") else 1 if digest == SPOILED else 2
