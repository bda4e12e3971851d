"""Two states of an identity → what happened: to who is known, and to what they may have."""

from collections.abc import Iterator, Mapping
from typing import Final

from provisioning.core.identity import Identity
from provisioning.core.lifecycle import NOTHING, Entitlement, Standing
from provisioning.core.occurrence import IDENTITY, Change, Occurrence, Type
from provisioning.core.record import Record

AFFILIATIONS: Final = "affiliations"
RECORD: Final = "record"  # the source states this subject again, or does not any more

_NOBODY: Final = Record("", "", 0)
_HELD: Final = frozenset({Standing.ACTIVE, Standing.GRACE})
# What is told of an entitlement. Its digest and its turn are between evaluate and deliver.
_TOLD: Final = ("standing", "authorizations", "until", "ended", "dispute")


def of_identity(change: Change, old: Identity | None, new: Identity | None, told: int) -> Iterator[Occurrence]:
    """What a write of an identity meant: first of the person, then of each service, by name."""
    before = old if old is not None else Identity(change.identity)
    after = new if new is not None else Identity(change.identity, sequence=before.sequence)
    if old is None:
        yield occurrence(change, Type.IDENTITY_CREATED, after, told, changed_names({}, after.records))
    elif new is None:
        if before.live:
            yield occurrence(change, Type.IDENTITY_CLOSED, after, told)
    else:
        yield from _of_person(change, before, after, told)
    yield from _of_entitlements(change, before, after, told)


def occurrence(change: Change, kind: Type, identity: Identity, told: int, names: tuple[str, ...] = ()) -> Occurrence:
    """What happened to a person, and whether any source still knows them."""
    return Occurrence(
        kind, change.identity, IDENTITY, change.revision, told, identity.sequence, change.at, names,
        (("live", identity.live),), tuple(sorted(identity.records)),
    )  # fmt: skip


def _of_person(change: Change, old: Identity, new: Identity, told: int) -> Iterator[Occurrence]:
    joined, left = new.records.keys() - old.records.keys(), old.records.keys() - new.records.keys()
    if joined:
        yield occurrence(change, Type.IDENTITY_LINKED, new, told, tuple(sorted(joined)))
    if left:
        yield occurrence(change, Type.IDENTITY_SPLIT, new, told, tuple(sorted(left)))
    names = changed_names(old.records, new.records)
    closes = old.live and not new.live
    if names and not closes:
        yield occurrence(change, Type.IDENTITY_CHANGED, new, told, names)
    if closes:
        yield occurrence(change, Type.IDENTITY_CLOSED, new, told, names)


def changed_names(old: Mapping[str, Record], new: Mapping[str, Record]) -> tuple[str, ...]:
    """Names of the attributes of which some source says something else now, and of what else it says otherwise.

    A newer version that says the same changes nothing.
    """
    names: set[str] = set()
    for source in old.keys() | new.keys():
        was, now = old.get(source, _NOBODY), new.get(source, _NOBODY)
        attributes = was.attributes.keys() | now.attributes.keys()
        names |= {name for name in attributes if was.attributes.get(name) != now.attributes.get(name)}
        if was.affiliations != now.affiliations:
            names.add(AFFILIATIONS)
        if was.deleted is not now.deleted:
            names.add(RECORD)
    return tuple(sorted(names))


def _of_entitlements(change: Change, old: Identity, new: Identity, told: int) -> Iterator[Occurrence]:
    for service in sorted(old.entitlements.keys() | new.entitlements.keys()):
        was, now = old.entitlements.get(service, NOTHING), new.entitlements.get(service, NOTHING)
        names = tuple(name for name in _TOLD if getattr(was, name) != getattr(now, name))
        if names:
            yield of_entitlement(change, _type(was, now), service, new, told, names)


def of_entitlement(
    change: Change, kind: Type, service: str, identity: Identity, told: int, names: tuple[str, ...] = ()
) -> Occurrence:
    """What happened to what a person may have of a service."""
    now = identity.entitlements.get(service, NOTHING)
    return Occurrence(
        kind, change.identity, service, change.revision, told, identity.sequence, change.at, names,
        (("standing", now.standing.value),), tuple(sorted(identity.records)),
    )  # fmt: skip


def _type(was: Entitlement, now: Entitlement) -> Type:
    held, holds = was.standing in _HELD, now.standing in _HELD
    if holds and not held:
        return Type.ENTITLEMENT_GRANTED
    return Type.ENTITLEMENT_ENDED if held and not holds else Type.ENTITLEMENT_CHANGED
