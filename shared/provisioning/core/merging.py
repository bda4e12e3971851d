"""Two identities that are one person become one, and one that is two becomes two again. Nobody loses an account by it.

Whoever goes leaves a forwarding identity. Its accounts go along, still known to their SPs by its mark; each is looked
at before it is changed, because a delivery may be under way. Where both have one at the same service, that of the
identity that stays is the person's. The other stays where it is, surplus, and ends like any account whose right has
ended, with the service's grace and retention: parked for good, it would outlive the person's own rights.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.account import Account
from provisioning.core.catalog import Service
from provisioning.core.delivery import raced
from provisioning.core.errors import InvalidError
from provisioning.core.identity import MOST_CLOSED, Closed, Identity, absorb
from provisioning.core.lifecycle import NOTHING, Entitlement, Standing
from provisioning.core.linking import Past
from provisioning.core.period import Instant
from provisioning.core.record import Record
from provisioning.core.wire import digest_of

_ORDER: Final = (Standing.ABSENT, Standing.SUSPENDED, Standing.GRACE, Standing.ACTIVE)


@dataclass(frozen=True, slots=True)
class Person:
    """An identity as it is stored, with its accounts by service."""

    identity: Identity
    accounts: Mapping[str, Account]


@dataclass(frozen=True, slots=True)
class Moved:
    """What is to be written of two identities: neither is decided yet. `accounts`: those that change."""

    left: Identity
    joined: Identity
    accounts: tuple[Account, ...]

    def of(self, person: Person) -> dict[str, Account]:
        """The accounts of one of the two, as they will be."""
        changed = {each.service: each for each in self.accounts if each.identity == person.identity.id}
        return {**person.accounts, **changed}


def merged(goes: Person, stays: Person, services: Mapping[str, Service], why: str, now: Instant) -> Moved:
    """One identity goes into another. Raises InvalidError if a source has a record of each: it says that they are two.

    `services`: of the bundle. The forwarding identity is left without records unless it keeps surplus accounts.
    """
    if goes.identity.id == stays.identity.id:
        raise InvalidError(f"{goes.identity.id} is one person already", right="two identities")
    both = sorted(goes.identity.records.keys() & stays.identity.records.keys())
    if both:
        right = f"an end of one of the two records at {both[0]}, and then --separate or another merge"
        raise InvalidError(f"both have a record of {', '.join(both)}", right=right)
    moving = [each for each in goes.accounts.values() if each.may_exist and not _exists(stays, each.service)]
    surplus = {each.service for each in goes.accounts.values() if each.may_exist} - {each.service for each in moving}
    left = _forwarding(goes.identity, stays.identity.id, surplus, why, now)
    joined = _with(stays.identity, goes.identity, list(goes.identity.records.values()), why, now)
    entitlements = {
        each.service: _held(stays.identity.entitlements, goes.identity.entitlements, each.service) for each in moving
    }
    joined = replace(joined, entitlements={**joined.entitlements, **entitlements})
    wanted = {name for name, each in goes.identity.entitlements.items() if each.turn} - surplus
    # Also where there is no account yet: a delivery that is about to make one must not.
    emptied = [_empty(goes, name) for name in sorted(wanted | {each.service for each in moving})]
    came = [_taken(each, stays, services.get(each.service), now) for each in moving]
    return Moved(left, joined, (*emptied, *came))


def split(stays: Person, goes: Person, sources: Sequence[str], services: Mapping[str, Service], now: Instant) -> Moved:
    """The records of some sources leave an identity, for the one that they came from, or for a new one.

    The accounts go with them that came with them; all others stay. Raises InvalidError if nothing would be left.
    """
    records = [stays.identity.records[source] for source in sources]
    if len(records) == len(stays.identity.records):
        raise InvalidError("all of its records would leave", right="a record of a person who has others")
    # Who came to it by an earlier merge leaves with it, and so do the accounts that they came with.
    subjects = {goes.identity.id, *(each.origin for each in goes.identity.linking.past)} - {stays.identity.id}
    moving = [
        each
        for each in stays.accounts.values()
        if each.may_exist and each.subject in subjects and not _exists(goes, each.service)
    ]
    back = {
        each.service: _held(goes.identity.entitlements, stays.identity.entitlements, each.service) for each in moving
    }
    stayed = {source: record for source, record in stays.identity.records.items() if source not in sources}
    past = [Past(now, each.source, each.key, "split", goes.identity.id) for each in records]
    # A turn is never taken back: whoever orders what it hears by turns would not listen any more.
    ended = {name: replace(NOTHING, turn=each.turn) for name, each in back.items()}
    left = replace(
        stays.identity,
        records=stayed,
        closed=tuple(each for each in stays.identity.closed if each.source not in sources),
        entitlements={**stays.identity.entitlements, **ended},
        linking=stays.identity.linking.without(sources).remember(past),
    )
    kept = replace(goes.identity, records={}, linking=replace(goes.identity.linking, forward=""))
    joined = _with(kept, stays.identity, records, "split", now)
    joined = replace(joined, entitlements={**joined.entitlements, **back})
    emptied = [replace(_empty(stays, each.service), turn=back[each.service].turn) for each in moving]
    came = [_taken(each, goes, services.get(each.service), now) for each in moving]
    return Moved(left, joined, (*emptied, *came))


def came_together(identity: Identity, record: Record) -> tuple[str, tuple[str, ...]]:
    """Where a record of an identity came from, empty if from nowhere, and the sources of all that came with it."""
    last = {(each.source, each.key): each for each in identity.linking.past}
    own = last.get((record.source, record.key))
    if own is None or not own.origin or own.why == "split":
        return "", (record.source,)
    sources = [
        source
        for source, each in identity.records.items()
        if (past := last.get((source, each.key))) is not None and (past.origin, past.at) == (own.origin, own.at)
    ]
    return own.origin, tuple(sources)


def _with(identity: Identity, origin: Identity, records: Sequence[Record], why: str, now: Instant) -> Identity:
    """An identity with the records of another one, and what follows them: their past affiliations and claims."""
    sources = {each.source for each in records}
    closed = _newest([*identity.closed, *(each for each in origin.closed if each.source in sources)])
    claims = {source: some for source, some in origin.linking.claims.items() if source in sources}
    past = [Past(now, each.source, each.key, why, origin.id) for each in records]
    linking = identity.linking.claiming({**identity.linking.claims, **claims}).remember(past)
    found = {**identity.records, **{each.source: each for each in records}}
    return replace(identity, records=found, closed=closed, linking=linking)


def _forwarding(identity: Identity, into: str, surplus: Iterable[str], why: str, now: Instant) -> Identity:
    """What is left of an identity: for its surplus accounts, everybody has withdrawn it."""
    kept = {name: identity.entitlements[name] for name in surplus if name in identity.entitlements}
    past = [Past(now, each.source, each.key, why, into) for each in identity.records.values()]
    left = identity
    for record in identity.records.values():
        left, _ = absorb(left, replace(record, deleted=True, version=record.version + 1), now)
    linking = replace(identity.linking.remember(past), forward=into, claims={})
    bare = replace(left, entitlements=kept, due_at=None, linking=linking)
    return bare if kept else replace(bare, records={}, closed=())


def _exists(person: Person, service: str) -> bool:
    account = person.accounts.get(service)
    return account is not None and account.may_exist


def _held(mine: Mapping[str, Entitlement], theirs: Mapping[str, Entitlement], service: str) -> Entitlement:
    """What is held with an account that comes: the better of the two, under a turn that neither has had."""
    own, other = mine.get(service, NOTHING), theirs.get(service, NOTHING)
    better = max(other, own, key=lambda each: _ORDER.index(each.standing))
    return replace(better, turn=max(own.turn, other.turn) + 1)


def _empty(person: Person, service: str) -> Account:
    """What is left where an account was: whoever is delivering to it loses the race, and looks where it is now."""
    before = person.accounts.get(service)
    revision, sequence = (before.revision, before.sequence) if before is not None else (0, person.identity.sequence)
    return Account(person.identity.id, service, sequence=sequence, revision=revision)


def _taken(account: Account, into: Person, service: Service | None, now: Instant) -> Account:
    """An account that comes to another identity: nobody knows whether a call for it is still under way."""
    over, id_ = _empty(into, account.service), into.identity.id
    sequence = max(account.sequence, over.sequence)
    mark = account.subject if account.subject != id_ else ""
    came = replace(
        account,
        identity=id_,
        mark=mark,
        turn=0,
        attempts=0,
        permits=(),
        asked="",
        sequence=sequence,
        revision=over.revision,
    )
    if service is None or account.known.staged:  # nobody delivers there any more, or nobody is called for it
        return came
    return raced(came, service, digest_of([account.identity, id_, account.service, account.revision]), now)


def _newest(closed: Sequence[Closed]) -> tuple[Closed, ...]:
    return tuple(sorted(closed, key=lambda each: each.affiliation.end)[-MOST_CLOSED:])
