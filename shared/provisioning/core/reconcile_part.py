"""A file of what a reconciliation found: rows that were shown, findings, and what is not said yet. As packed JSON.

No values of accounts are in it: of who was shown, only what stands for the remote id and the match value.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from provisioning.core.account import Phase
from provisioning.core.difference import Class, Finding
from provisioning.core.errors import PermanentError
from provisioning.core.wire import pack, unpack


class Row(NamedTuple):
    """An account that was shown, by tokens. `identity`: whose it is, if it is as we know it by its remote id."""

    remote: str
    identity: str
    match: str


class Left(NamedTuple):
    """An account that was shown and is not the one known by its mark.

    `match` is a token; `foreign`: it bears another's mark; `identity`: it bears the mark of this one of ours.
    """

    remote_id: str
    match: str
    phase: Phase
    foreign: bool
    identity: str = ""


class Want(NamedTuple):
    """A match value, as a token, that somebody of ours wants and has no account with."""

    match: str
    identity: str


@dataclass(slots=True)
class Part:
    """What one or several pages showed. `settled`: how many accounts are as they should be, beside the findings."""

    rows: list[Row] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)
    settled: int = 0

    def take(self, finding: Finding) -> None:
        """One finding more."""
        if finding.kind is Class.SETTLED:
            self.settled += 1
        else:
            self.found.append(finding)

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.rows) + len(self.found) + len(self.left) + len(self.wants)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not (self.size or self.settled)


def write_part(part: Part) -> bytes:
    """The file."""
    found = [[each.kind, each.remote_id, each.identity, each.attributes, each.unshown] for each in part.found]
    return pack([part.rows, found, part.left, part.wants, part.settled])


def read_part(body: bytes | None) -> Part:
    """What was written. Raises PermanentError if it is not there any more."""
    if body is None:
        raise PermanentError("a file of the run is lost")
    rows, found, left, wants, settled = unpack(body)
    return Part(
        [Row(*row) for row in rows],
        [_finding(*fields) for fields in found],
        [Left(remote_id, match, Phase(phase), *more) for remote_id, match, phase, *more in left],
        [Want(*want) for want in wants],
        settled,
    )


def _finding(kind: str, remote_id: str, identity: str, attributes: Sequence[str], unshown: Sequence[str]) -> Finding:
    return Finding(Class(kind), remote_id, identity, tuple(attributes), tuple(unshown))
