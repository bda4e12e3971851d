"""All of the outside world, in core words. Adapters are named for a technology; these are named for a need.

Whatever a port cannot do now raises TransientError; a conditional write that lost raises ConflictError. Each
docstring counts the requests that the AWS adapter makes: they are the engine's cost.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from provisioning.core.account import Account, Condition
from provisioning.core.bell import Bell
from provisioning.core.catalog import Service
from provisioning.core.extract import Extracts
from provisioning.core.gate import Gate, Slots
from provisioning.core.identity import Identity
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.stored import Deliveries as Deliveries
from provisioning.core.stored import Group as Group
from provisioning.core.stored import Holding as Holding
from provisioning.core.stored import Name as Name
from provisioning.core.stored import Published as Published
from provisioning.core.stored import Rejected as Rejected
from provisioning.core.stored import Standing as Standing
from provisioning.core.stored import Waiting as Waiting
from provisioning.ports.braking import Braked as Braked
from provisioning.ports.braking import Populations as Populations
from provisioning.ports.hearings import Hearings as Hearings
from provisioning.ports.hearings import Unheard as Unheard
from provisioning.ports.linking import Linked as Linked
from provisioning.ports.notifying import Announcements as Announcements
from provisioning.ports.notifying import Histories as Histories
from provisioning.ports.polling import Extraction as Extraction
from provisioning.ports.polling import Folders as Folders
from provisioning.ports.polling import Intake as Intake
from provisioning.ports.polling import Polls as Polls
from provisioning.ports.polling import Recall as Recall
from provisioning.ports.polling import Spool as Spool
from provisioning.ports.reconciling import Asking as Asking
from provisioning.ports.reconciling import Reconciles as Reconciles
from provisioning.ports.reconciling import Standings as Standings
from provisioning.ports.tokens import KeySets as KeySets
from provisioning.ports.tokens import SeenTokens as SeenTokens
from provisioning.protocols.dialogue import Dialogue, Ending


class Identities(Linked, Protocol):
    """What evaluate reads and writes."""

    async def links(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """Identity ids by (source, key), for those that are linked. One request for 100."""
        ...

    async def holding(self, identity: str) -> Holding:
        """One consistent query."""
        ...

    async def put_identity(self, identity: Identity, link: tuple[str, str] | None = None) -> None:
        """Write the identity as its revision + 1, and the link with it if this (source, key) is new: one request.

        Raises ConflictError if the stored revision is not `identity.revision` (0: not stored), or if the link exists;
        StalePolicyError if the stored sequence is higher than `identity.sequence`.
        """
        ...


class Accounts(Braked, Protocol):
    """What deliver reads and writes."""

    async def deliveries(self, service: str, identities: Sequence[str], others: Sequence[str] = ()) -> Deliveries:
        """Identity and account for each id, and the gate, read consistently: one request for 100 items.

        `others`: services whose accounts are read too.
        """
        ...

    async def put_gate(self, service: str, gate: Gate) -> None:
        """Write all of the gate but `next_free`, as its revision + 1: one request. Raises ConflictError."""
        ...

    async def put_account(self, account: Account) -> None:
        """Write the account as its revision + 1: one request.

        Raises ConflictError if the stored revision is not `account.revision` (0: not stored); StalePolicyError if the
        stored sequence is higher.
        """
        ...

    async def take_slots(self, service: str, count: int, spacing: int, now: Instant) -> Slots:
        """Take consecutive slots of `spacing` milliseconds from the service's budget: one conditional update."""
        ...

    async def group(self, service: str, name: str) -> Group | None:
        """One consistent read."""
        ...

    async def put_group(self, group: Group) -> None:
        """Write the group as its revision + 1: one request. Raises ConflictError as `put_account` does."""
        ...

    async def put_waiting(self, service: str, waiting: Sequence[Waiting]) -> None:
        """Write down who waits for which group, whoever does already: one request for 25."""
        ...

    async def waiting(self, service: str, group: str, most: int) -> Sequence[Waiting]:
        """Who waits for a group, by identity, read consistently: one request a page."""
        ...

    async def drop_waiting(self, service: str, waiting: Sequence[Waiting]) -> None:
        """Forget these, but not who waits again in a later revision: one request for 25."""
        ...

    async def reserve(self, name: Name) -> Name:
        """Reserve a name for good, and return who has it then: one request, whoever wins.

        A name that is stored is not written again, but for one change: its own identity says that the SP refused it.
        Names that differ in nothing but case are one name.
        """
        ...


class Due(Protocol):
    """What schedule reads: whatever waits for an instant, spread over `shards` by identity."""

    @property
    def shards(self) -> int:
        """How many shards there are, numbered from 0."""
        ...

    def due(self, shard: int, after: Instant, until: Instant) -> AsyncIterator[tuple[str, Instant]]:
        """(identity id, due_at) of items whose `due_at` lies in `(after, until]`, by time, from an index that lags."""
        ...

    async def cursor(self, shard: int) -> Instant:
        """How far the sweep has rung; 0 at first."""
        ...

    async def advance(self, shard: int, cursor: Instant) -> None:
        """Remember how far the sweep has rung. Two sweeps at once only ring twice."""
        ...


class Walk(Protocol):
    """What campaign reads: all identities, in segments."""

    async def walk(self, segment: int, segments: int, start: str | None, most: int) -> tuple[Sequence[str], str | None]:
        """Up to `most` identity ids of one segment after an opaque position, and the next position (None: done)."""
        ...


class Counts(Protocol):
    """What status reads."""

    async def count(self, service: str) -> Mapping[tuple[str, str], int]:
        """Accounts by (phase, condition), from an index that lags."""
        ...

    async def resting(self, service: str, condition: Condition, most: int) -> Sequence[Account]:
        """Accounts of a service that wait for a person: those that are parked, or held by the brake."""
        ...


class Rejections(Protocol):
    """Where receive keeps what it could not understand."""

    async def keep(self, rejected: Rejected) -> None:
        """Durable when it returns; the same source and message id are kept once."""
        ...

    async def rejections(self, source: str, most: int) -> Sequence[Rejected]:
        """What was kept, newest first."""
        ...

    async def forget(self, source: str, message: str) -> None:
        """Forget what was kept, whether it is there or not."""
        ...


class Bells(Protocol):
    """Doorbells, outward."""

    async def ring(self, bells: Sequence[Bell], now: Instant) -> None:
        """Send every bell: to `identities`, delayed until `at` if that lies ahead, or to its service's queue.

        Ten of one queue are one request. A deduplication id is unique for each send. Raises TransientError unless all
        were accepted.
        """
        ...


class Campaigns(Protocol):
    """Messages that keep a campaign going."""

    async def continue_campaign(self, body: str, delay: int = 0) -> None:
        """Send one message to the campaign's queue, to be handled in so many seconds."""
        ...


class Staged(Protocol):
    """What extract reads: the rows that deliver staged."""

    async def accounts(self, service: str, identities: Sequence[str]) -> Sequence[Account]:
        """Those that exist, read consistently, in no order: one request for 100."""
        ...

    async def changed(
        self, service: str, after: Instant, until: Instant, start: str | None, most: int
    ) -> tuple[Sequence[str], str | None]:
        """Up to `most` identity ids of staged accounts whose `changed_at` lies in `(after, until]`.

        They come after an opaque position, with the next position (None: done), from an index that lags.
        """
        ...


class Runs(Protocol):
    """Where extract keeps how far it has come, and its messages to itself."""

    async def extracts(self, service: str) -> Extracts:
        """One consistent read; an empty one if there is none."""
        ...

    async def put_extracts(self, item: Extracts) -> None:
        """Write it as its revision + 1: one request. Raises ConflictError unless its revision is stored."""
        ...

    async def continue_extract(self, body: str) -> None:
        """Send one message to the queue of extract."""
        ...


class Files(Protocol):
    """Where an SP finds its files. `place` is the service's endpoint, `name` lies beneath it."""

    async def put(self, place: str, name: str, body: bytes) -> None:
        """Store a file, whole or not at all; durable when it returns."""
        ...

    async def has(self, place: str, name: str) -> bool:
        """Whether a file is there."""
        ...


class Policies(Protocol):
    """The bundle in force."""

    async def current(self, at_least: int = 0) -> Policy:
        """The policy; cached for a minute unless its sequence is below `at_least`.

        Raises TransientError if no bundle with that sequence is published.
        """
        ...


class Publishing(Protocol):
    """Publishing a bundle: done by a command, not by functions."""

    async def publish(self, bundle: bytes, hash_: str) -> Published:
        """Store the bundle under its hash and put it in force under the next sequence."""
        ...


class Staleness(Protocol):
    """Which sources are stale, beside the bundle in force: what functions load with it."""

    async def mark(self, stale: Mapping[str, Instant], sequence: int, following: int) -> None:
        """Say which sources are stale, since when, while the bundle has `sequence`; from now on it has `following`.

        One request. Raises ConflictError if the bundle in force has another sequence.
        """
        ...


class Courier(Protocol):
    """Carries a protocol's dialogue to the SP."""

    def take_part(self, service: Service) -> AbstractContextManager[None]:
        """Say that a dialogue may begin before this context ends: others' requests may wait to be sent with its own."""
        ...

    async def converse(self, service: Service, dialogue: Dialogue) -> Ending:
        """Drive a dialogue to its ending. Never raises for what the SP or the network did."""
        ...
