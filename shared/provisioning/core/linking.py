"""What is kept so that records of several sources can be one person's: claims, questions, and who was linked when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

from provisioning.core.period import Instant
from provisioning.core.wire import digest_of

MOST_CLAIMANTS: Final = 20  # of one value; what more records than these state says nothing about who somebody is
MOST_PAST: Final = 50  # links that an identity remembers; the newest


class Claim(NamedTuple):
    """A value of a matcher that a record states: normalized, and short."""

    matcher: str
    value: str


class Claimant(NamedTuple):
    """The record that states it, and whose it is."""

    source: str
    key: str
    identity: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """Everybody who states one value, as it was read; nobody: it is not stored.

    `crowded`: too many did, once; from then on nobody is counted, and nobody is linked by it. `written`: which write
    made it; empty: none did.
    """

    claim: Claim
    claimants: tuple[Claimant, ...] = ()
    crowded: bool = False
    written: str = ""


class Evidence(NamedTuple):
    """Why somebody may be the same person: by which matcher, and which of the two records has the value too.

    `value` is a digest: a question holds no identifiers of people but the keys of their records.
    """

    matcher: str
    tier: int
    value: str
    source: str  # of the record in question
    key: str
    other_source: str
    other_key: str
    identity: str  # whose the other record is


class Answer(StrEnum):
    """What became of a question."""

    OPEN = "open"
    LINKED = "linked"
    SEPARATE = "separate"


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a record is of one of these persons, for an operator to say. `against`: what speaks against it."""

    id: str
    source: str
    key: str
    identity: str  # whose the record is meanwhile
    evidence: tuple[Evidence, ...]
    against: tuple[str, ...]
    at: Instant
    answer: Answer = Answer.OPEN
    revision: int = 0

    @property
    def candidates(self) -> tuple[str, ...]:
        """The identities that it may be."""
        return tuple(dict.fromkeys(each.identity for each in self.evidence))


class Past(NamedTuple):
    """A record that came to an identity, from another one if `origin` is not empty, or left it for `origin`."""

    at: Instant
    source: str
    key: str
    why: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Linking:
    """What an identity knows of how it came to be.

    `forward`: it was merged into that one. `claims`: by source, what its record claims.
    """

    forward: str = ""
    claims: Mapping[str, tuple[Claim, ...]] = field(default_factory=dict)
    past: tuple[Past, ...] = ()

    def remember(self, past: Iterable[Past]) -> "Linking":
        """The same with what just happened; what happened first is forgotten first."""
        return replace(self, past=(*self.past, *past)[-MOST_PAST:])

    def without(self, sources: Iterable[str]) -> "Linking":
        """The same without what the records of some sources claim."""
        left = {*self.claims} - {*sources}
        return replace(self, claims={source: some for source, some in self.claims.items() if source in left})

    def claiming(self, claims: Mapping[str, Sequence[Claim]]) -> "Linking":
        """The same with other claims."""
        return replace(self, claims={source: tuple(some) for source, some in claims.items() if some})


UNLINKED: Final = Linking()


def question_id(evidence: Iterable[Evidence]) -> str:
    """The same for the same evidence, from whichever of two records one looks: it is asked once."""
    pairs = (
        [each.matcher, each.value, *sorted([[each.source, each.key], [each.other_source, each.other_key]])]
        for each in evidence
    )
    return digest_of(sorted(pairs))


def reclaimed(
    found: Iterable[Claimed], before: Iterable[tuple[Claim, Claimant]], after: Iterable[tuple[Claim, Claimant]]
) -> tuple[Claimed, ...]:
    """What must be written so that records that claimed one thing claim another. What is crowded stays as it is."""
    gone: dict[Claim, set[tuple[str, str]]] = {}
    come: dict[Claim, list[Claimant]] = {}
    for claim, claimant in before:
        gone.setdefault(claim, set()).add(claimant[:2])
    for claim, claimant in after:
        come.setdefault(claim, []).append(claimant)
    written = []
    for each in found:
        new = come.get(each.claim, [])
        leaving = gone.get(each.claim, set()) | {claimant[:2] for claimant in new}
        left = [claimant for claimant in each.claimants if claimant[:2] not in leaving]
        claimants = tuple(sorted({*left, *new}))
        if each.crowded or claimants == each.claimants:
            continue
        crowded = len(claimants) > MOST_CLAIMANTS
        written.append(replace(each, claimants=() if crowded else claimants, crowded=crowded))
    return tuple(written)
