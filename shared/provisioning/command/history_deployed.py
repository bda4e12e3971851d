"""What `provision history` asks of a deployed stack."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from provisioning.adapters.aws.history import StoredHistory
from provisioning.command.deployed import Deployed, deployed
from provisioning.core.errors import InvalidError
from provisioning.core.history import Entry


@dataclass(frozen=True, slots=True)
class Told:
    """The history of a person: entries by time. `zone`: of the tenant."""

    identity: str
    entries: Sequence[Entry]
    zone: ZoneInfo


async def history_of(stack: str, person: str, service: str | None) -> Told:
    """The history of a person, or of their account and their right at one service. Raises InvalidError."""
    async with deployed(stack) as ports:
        identity = await _identity(ports, person)
        found = await StoredHistory(ports.rows).entries(identity)
        if not found:
            await _refuse_unknown(ports, identity, person)
        policy = await ports.policies.current()
        entries = found if service is None else [only for each in found if (only := _only(each, service)) is not None]
        known = {*policy.services, *(each.service for each in found)}
        if service is not None and service not in known:
            raise InvalidError(f"there is no service {service!r}", right=f"one of {', '.join(sorted(known - {''}))}")
        return Told(identity, entries, policy.zone)


async def erase(stack: str, person: str) -> tuple[str, int]:
    """Forget the history of a person: the identity's id, and how many entries are gone. Raises InvalidError."""
    async with deployed(stack) as ports:
        identity = await _identity(ports, person)
        count = await StoredHistory(ports.rows).erase(identity)
        if not count:
            await _refuse_unknown(ports, identity, person)
        return identity, count


def _only(entry: Entry, service: str) -> Entry | None:
    """What of an entry concerns one service: its account's, or of the person's what they may have there."""
    if entry.service == service:
        return entry
    said = tuple(each for each in entry.said if each.service == service) if not entry.service else ()
    return replace(entry, said=said) if said else None


async def _identity(ports: Deployed, person: str) -> str:
    """The id of a person, who may be gone from the table: then an id is taken as it is."""
    source, _, key = person.partition("/")
    if not key:
        return person
    identity = (await ports.table.links([(source, key)])).get((source, key))
    if identity is None:
        raise InvalidError(f"nobody is known as {person!r}", right="SOURCE/KEY, such as registry/ada, or an id")
    return identity


async def _refuse_unknown(ports: Deployed, identity: str, person: str) -> None:
    if (await ports.table.holding(identity)).identity is None:
        raise InvalidError(f"nobody is known as {person!r}", right="SOURCE/KEY, such as registry/ada, or an id")
