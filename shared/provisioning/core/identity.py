"""One person: the records linked to a meaning-free identifier, and what evaluate decided from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from provisioning.core.account import Json
from provisioning.core.lifecycle import Entitlement
from provisioning.core.linking import UNLINKED, Linking
from provisioning.core.period import Instant
from provisioning.core.record import Absence, Affiliation, Record
from provisioning.core.version import MICROSECONDS

MOST_CLOSED: Final = 100  # closed affiliations kept; the ones that ended last


class Absorbed(StrEnum):
    """What a record taught. Only NEWER changes the identity."""

    NEWER = "newer"
    SAME = "same"
    OLDER = "older"
    REUSED = "reused"  # the version that is known, with other content


@dataclass(frozen=True, slots=True)
class Closed:
    """An affiliation that its source no longer states: it ended, at the latest, when we learned of that."""

    source: str
    affiliation: Affiliation


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity item. `sequence` is that of the bundle that decided the entitlements."""

    id: str
    records: Mapping[str, Record] = field(default_factory=dict)
    closed: tuple[Closed, ...] = ()
    entitlements: Mapping[str, Entitlement] = field(default_factory=dict)
    sequence: int = 0
    revision: int = 0
    due_at: Instant | None = None
    linking: Linking = UNLINKED

    @property
    def forward(self) -> str:
        """The identity that it was merged into; empty: none."""
        return self.linking.forward

    @property
    def live(self) -> bool:
        """Whether any source still knows this person."""
        return any(not record.deleted for record in self.records.values())


def absorb(identity: Identity, told: Record | Absence, now: Instant) -> tuple[Identity, Absorbed]:
    """The identity after a record, by the source's own version: arrival order means nothing.

    Of one version, what was observed later is the truth, whatever the source's versions are worth; what a source
    tells of itself is no observation, since it may be repeated late. An absence is of the version that is known.

    What the source no longer states, or states otherwise, is closed at `now`: a right ends when we learn of it,
    and the grace of the rule that gave it runs from there.
    """
    known = identity.records.get(told.source)
    if isinstance(told, Absence):
        if known is None or known.deleted:
            return identity, Absorbed.SAME
        record = Record(told.source, told.key, known.version, deleted=True, observed=told.observed)
    else:
        record = told
    if known is not None:
        absorbed = _compare(known, record)
        if absorbed is not Absorbed.NEWER:
            return identity, absorbed
    record = replace(record, observed=record.observed or now * MICROSECONDS)
    if record.deleted and known is not None:
        # The attributes stay: a suspended account still needs its name. Nothing erases them afterwards yet.
        record = replace(record, attributes=known.attributes, affiliations=())
    stated = {affiliation.id: affiliation for affiliation in record.affiliations}
    ended = [
        Closed(record.source, replace(old, end=min(old.end, now)))
        for old in (known.affiliations if known else ())
        if old.start < now and (old.id not in stated or stated[old.id].facts != old.facts)
    ]
    closed = sorted((*identity.closed, *ended), key=lambda item: item.affiliation.end)[-MOST_CLOSED:]
    return replace(identity, records={**identity.records, record.source: record}, closed=tuple(closed)), Absorbed.NEWER


def _compare(known: Record, record: Record) -> Absorbed:
    if record.version != known.version:
        return Absorbed.NEWER if record.version > known.version else Absorbed.OLDER
    if known.deleted and record.deleted:
        return Absorbed.SAME
    if record.observed > known.observed and not _says_same(known, record):
        return Absorbed.NEWER
    if record.deleted:  # seen to be absent, before what is known was seen
        return Absorbed.OLDER
    return Absorbed.SAME if _says_same(known, record) else Absorbed.REUSED


def _says_same(known: Record, record: Record) -> bool:
    return (known.deleted, known.attributes, known.affiliations) == (
        record.deleted, record.attributes, record.affiliations,
    )  # fmt: skip


def prune(identity: Identity, before: Instant) -> Identity:
    """Forget the closed affiliations that ended before an instant: no rule's grace reaches from there to now."""
    kept = tuple(item for item in identity.closed if item.affiliation.end >= before)
    return identity if len(kept) == len(identity.closed) else replace(identity, closed=kept)


def person(identity: Identity, sources: Sequence[str], *, live: bool = False) -> dict[str, Json]:
    """The merged attributes: for each, the word of the first source, in the bundle's order, that states it.

    A source that has withdrawn speaks only where no other does; `live`: not at all, as long as another is there.
    """
    merged: dict[str, Json] = {}
    gone: list[Record] = []
    for source in reversed(sources):
        record = identity.records.get(source)
        if record is None:
            continue
        if record.deleted:
            gone.append(record)
        else:
            merged.update(record.attributes)
    if gone and not (live and identity.live):
        for record in reversed(gone):
            merged = {**record.attributes, **merged}
    return merged


def affiliations(identity: Identity, sources: Sequence[str]) -> Iterator[tuple[str, Affiliation]]:
    """Every affiliation, stated and closed, of the bundle's sources, each with the name of its fact."""
    for source in sources:
        record = identity.records.get(source)
        for affiliation in record.affiliations if record is not None else ():
            yield f"{source}/{affiliation.id}", affiliation
    for item in identity.closed:
        if item.source in sources:
            yield f"{item.source}/{item.affiliation.id} (closed)", item.affiliation
