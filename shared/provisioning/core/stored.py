"""What ports read and write beside identities and accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from provisioning.core.account import Account, Intent
from provisioning.core.gate import Gate
from provisioning.core.identity import Identity
from provisioning.core.period import Instant


@dataclass(frozen=True, slots=True)
class Holding:
    """One identity and its accounts by service, as one consistent read saw them. `identity` None: not known."""

    identity: Identity | None
    accounts: Mapping[str, Account]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something from a source that could not be understood, kept for the operator."""

    source: str
    message: str  # its id
    reason: str
    body: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Group:
    """A group of an SP that the engine knows or is making. `intent` open: somebody is creating it.

    `next_at`: its members are changed again at this instant, not before, so that changes gather. `rung_at`: the
    instant for which a bell was rung. `slots`: how many of the budget it was given, for then. `attempts`: calls that
    failed since one had an effect.
    """

    service: str
    name: str
    remote_id: str | None = None
    intent: Intent | None = None
    next_at: Instant = 0
    rung_at: Instant = 0
    slots: int = 0
    attempts: int = 0
    revision: int = 0


class Waiting(NamedTuple):
    """An identity whose account waits for this group, in this revision of it or a later one."""

    group: str
    identity: str
    revision: int


@dataclass(frozen=True, slots=True)
class Name:
    """A value of an attribute that only one identity may have at a service, as it is reserved.

    `refused`: the SP has it for somebody else, so that nobody of ours will ever have it; `identity` was told so.
    """

    service: str
    attribute: str
    value: str
    identity: str
    refused: bool = False


class Standing(NamedTuple):
    """An account as an index has it: by phase and condition."""

    identity: str
    phase: str
    condition: str


@dataclass(frozen=True, slots=True)
class Published:
    """Which bundle is in force."""

    hash: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What a batch of deliveries needs: identity and account by identity id, and the service's gate.

    `others`: accounts at other services, by (identity, service), as far as there are any.
    """

    rows: Mapping[str, tuple[Identity | None, Account | None]]
    gate: Gate
    others: Mapping[tuple[str, str], Account] = field(default_factory=dict)
