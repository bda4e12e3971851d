"""The table in dicts. Values are frozen, so they are kept as they are."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, TypeVar

from provisioning.adapters.aws import keys
from provisioning.adapters.memory.braking import MemoryBraked
from provisioning.adapters.memory.index import Place
from provisioning.adapters.memory.indexes import Indexes
from provisioning.adapters.memory.linking import MemoryLinked
from provisioning.adapters.memory.request import Checkpoint, Clock, Request, pass_by
from provisioning.adapters.memory.size import check_account, check_identity
from provisioning.core.account import Account, Condition
from provisioning.core.changed import changed
from provisioning.core.errors import ConflictError, StalePolicyError
from provisioning.core.gate import Gate, Slots
from provisioning.core.identity import Identity
from provisioning.core.period import Instant
from provisioning.ports import Deliveries, Group, Holding, Name, Rejected, Waiting

BATCH: Final = 100  # items of one BatchGetItem
WRITES: Final = 25  # items of one BatchWriteItem
Item = TypeVar("Item")


class MemoryStore(MemoryLinked, MemoryBraked):
    """Ports Identities, Accounts, Due, Walk, Counts and Rejections.

    Its contents are public for tests to look at. `lag` gives the seconds until a write shows in the indexes; reads
    of items are consistent.
    """

    def __init__(
        self,
        now: Clock = lambda: 0.0,
        lag: Callable[[], float] | None = None,
        checkpoint: Checkpoint = pass_by,
        shards: int = keys.SHARDS,
    ) -> None:
        MemoryLinked.__init__(self, shards)
        MemoryBraked.__init__(self)
        self.requests: Counter[str] = Counter()
        self.identities: dict[str, Identity] = {}
        self.accounts: dict[str, dict[str, Account]] = {}
        self.linked: dict[tuple[str, str], str] = {}
        self.groups: dict[tuple[str, str], Group] = {}
        self.members: set[tuple[str, Waiting]] = set()  # with the service: who waits for which group
        self.names: dict[tuple[str, str], Name] = {}  # by the key of its item
        self.next_free: dict[str, int] = {}
        self.gates: dict[str, Gate] = {}
        self.kept: dict[tuple[str, str], Rejected] = {}  # by the key of its item
        self._cursors: dict[int, Instant] = {}
        self._busy: dict[str, bool] = {}
        self._checkpoint = checkpoint
        self.indexes = Indexes(now, lag, shards)

    def _request(self, name: str) -> Request:
        return Request(self.requests, name, self._checkpoint)

    # Identities

    async def links(self, wanted: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        for some in _batches(dict.fromkeys(wanted), BATCH):
            async with self._request("BatchGetItem"):
                found.update((key, self.linked[key]) for key in some if key in self.linked)
        return found

    async def holding(self, identity: str) -> Holding:
        async with self._request("Query"):
            return Holding(self.identities.get(identity), dict(self.accounts.get(identity, {})))

    async def put_identity(self, identity: Identity, link: tuple[str, str] | None = None) -> None:
        check_identity(identity)
        async with self._request("PutItem" if link is None else "TransactWriteItems"):
            # Loses to another evaluation of this identity, and to another receive that linked the same key.
            self._check(self.identities.get(identity.id), identity)
            if link is not None:
                if link in self.linked:
                    raise ConflictError(f"{link[0]}/{link[1]} is linked already")
                self.linked[link] = identity.id
            self._store_identity(identity)

    # Accounts

    async def deliveries(self, service: str, identities: Sequence[str], others: Sequence[str] = ()) -> Deliveries:
        found: dict[str, tuple[Identity | None, Account | None]] = {}
        wanted: list[str | None] = [None]  # the gate, then an identity and its account for each
        for identity in dict.fromkeys(identities):
            wanted += [identity] * (2 + len(others))
        for some in _batches(wanted, BATCH):
            async with self._request("BatchGetItem"):
                for each in some:
                    if each is not None:
                        found[each] = (self.identities.get(each), self.accounts.get(each, {}).get(service))
        gate = self.gates.get(service, Gate())
        beside = {
            (identity, other): self.accounts[identity][other]
            for identity in found
            for other in others
            if other in self.accounts.get(identity, {})
        }
        return Deliveries(found, replace(gate, next_free=self.next_free.get(service, 0)), beside)

    async def put_gate(self, service: str, gate: Gate) -> None:
        async with self._request("UpdateItem"):
            # Loses to another batch that learned something of the SP, and to an operator.
            self.check_revision(self.gates.get(service, Gate()).revision, gate.revision)
            self.gates[service] = replace(gate, revision=gate.revision + 1)

    async def put_account(self, account: Account) -> None:
        check_account(account)
        async with self._request("PutItem"):
            # Loses to another delivery of this account.
            self._check(self.accounts.get(account.identity, {}).get(account.service), account)
            stored = changed(account, revision=account.revision + 1)
            self.accounts.setdefault(account.identity, {})[account.service] = stored
            self.indexes.put(stored)

    async def take_slots(self, service: str, count: int, spacing: int, now: Instant) -> Slots:
        busy = self._busy.get(service, False)  # what was true the last time is tried first, as the table does
        while True:
            async with self._request("UpdateItem"):
                # Loses to another batch that moved the budget past this instant, or found it free.
                free = self.next_free.get(service)
                if (free is not None and free >= now * 1000) is busy:
                    first = free if busy and free is not None else now * 1000
                    self.next_free[service] = first + count * spacing
                    self._busy[service] = busy
                    return Slots(first, spacing)
            busy = not busy

    async def group(self, service: str, name: str) -> Group | None:
        async with self._request("GetItem"):
            return self.groups.get((service, name))

    async def put_group(self, group: Group) -> None:
        async with self._request("PutItem"):
            # Loses to another delivery that makes the same group.
            stored = self.groups.get((group.service, group.name))
            self.check_revision(stored.revision if stored is not None else 0, group.revision)
            self.groups[group.service, group.name] = replace(group, revision=group.revision + 1)

    async def put_waiting(self, service: str, waiting: Sequence[Waiting]) -> None:
        for some in _batches(waiting, WRITES):
            async with self._request("BatchWriteItem"):
                self.members |= {(service, each) for each in some}

    async def waiting(self, service: str, group: str, most: int) -> Sequence[Waiting]:
        async with self._request("Query"):
            # As the table sorts them: by text.
            found = [each for held, each in self.members if (held, each.group) == (service, group)]
            return sorted(found, key=lambda each: f"{each.identity}#{each.revision}")[:most]

    async def drop_waiting(self, service: str, waiting: Sequence[Waiting]) -> None:
        for some in _batches(waiting, WRITES):
            async with self._request("BatchWriteItem"):
                self.members -= {(service, each) for each in some}

    async def reserve(self, name: Name) -> Name:
        async with self._request("PutItem"):
            key = keys.name_key(name.service, name.attribute, name.value)
            stored = self.names.get(key)
            # Loses to whoever reserved the name first. Only whose name it is may say that the SP refused it.
            if stored is None or (name.refused and stored.identity == name.identity):
                stored = self.names[key] = name
            return replace(stored, value=name.value)

    # Due

    async def due(self, shard: int, after: Instant, until: Instant) -> AsyncIterator[tuple[str, Instant]]:
        async with self._request("Query"):
            page = self.indexes.read().due.partition(str(shard))
        for due_at, (pk, _) in page:
            if after < int(due_at) <= until:
                yield keys.identity_of(pk), int(due_at)

    async def cursor(self, shard: int) -> Instant:
        async with self._request("GetItem"):
            return self._cursors.get(shard, 0)

    async def advance(self, shard: int, cursor: Instant) -> None:
        async with self._request("PutItem"):
            self._cursors[shard] = cursor

    # Walk

    async def walk(self, segment: int, segments: int, start: str | None, most: int) -> tuple[Sequence[str], str | None]:
        shard, after = keys.read_position(start, segment)
        found: list[str] = []
        while shard < keys.SHARDS:
            async with self._request("Query"):
                page = self.indexes.by_service.partition(keys.identities_partition(shard))
            found += islice((str(sort) for sort, _ in page if str(sort) > after), most - len(found))
            if len(found) == most:
                return found, keys.write_position(shard, found[-1])
            shard, after = shard + segments, ""
        return found, None

    # Counts

    async def count(self, service: str) -> Mapping[tuple[str, str], int]:
        counts: Counter[tuple[str, str]] = Counter()
        for shard in range(keys.SHARDS):
            async with self._request("Query"):
                page = self.indexes.read().by_service.partition(keys.accounts_partition(service, shard))
            counts.update(keys.read_account_state(str(sort)) for sort, _ in page)
        return counts

    async def resting(self, service: str, condition: Condition, most: int) -> Sequence[Account]:
        found: list[str] = []
        for shard in range(keys.SHARDS):
            async with self._request("Query"):
                page = self.indexes.read().by_service.partition(keys.accounts_partition(service, shard))
            begins = keys.in_condition(condition)
            some = (keys.identity_of(pk) for sort, (pk, _) in page if str(sort).startswith(begins))
            found += islice(some, most - len(found))
            if len(found) == most:
                break
        accounts: list[Account] = []
        for batch in _batches(found, BATCH):
            async with self._request("BatchGetItem"):
                accounts += (self.accounts[identity][service] for identity in batch)
        return [account for account in accounts if account.condition is condition]

    # Rejections

    async def keep(self, rejected: Rejected) -> None:
        async with self._request("PutObject"):
            pass  # the body lies apart; nobody sees it before its item is there
        async with self._request("PutItem"):
            key = keys.rejected_key(rejected.source, rejected.message)
            # Loses to an earlier receipt of the same message: the first is the one that is kept.
            if key not in self.kept:
                self.kept[key] = rejected
                partition = keys.rejected_partition(rejected.source, keys.shard_of(rejected.message))
                self.indexes.by_service.put(key, Place(partition, keys.rejected_state(rejected.at)))

    async def rejections(self, source: str, most: int) -> Sequence[Rejected]:
        found: list[tuple[int | str, tuple[str, str]]] = []
        for shard in range(keys.SHARDS):
            async with self._request("Query"):
                found += self.indexes.by_service.partition(keys.rejected_partition(source, shard))[-most:]
        newest = [key for _, key in sorted(found, reverse=True)[:most]]
        kept: list[Rejected] = []
        for some in _batches(newest, BATCH):
            async with self._request("BatchGetItem"):
                kept += (self.kept[key] for key in some)
        for _ in kept:
            async with self._request("GetObject"):
                pass
        return kept

    async def forget(self, source: str, message: str) -> None:
        async with self._request("BatchWriteItem"):
            key = keys.rejected_key(source, message)
            self.kept.pop(key, None)
            self.indexes.by_service.put(key, None)
        async with self._request("DeleteObject"):
            pass

    # The conditions of writes.

    def check_revision(self, stored: int, read: int) -> None:
        """Raises ConflictError unless what is stored is what was read."""
        if stored != read:
            raise ConflictError(f"revision {stored} is stored, {read} was read")

    def check_sequence(self, stored: int, mine: int) -> None:
        """Raises StalePolicyError if a newer bundle decided what is stored."""
        if stored > mine:
            raise StalePolicyError(f"bundle {stored} decided what is stored, {mine} is in hand")

    def _check(self, stored: Identity | Account | None, mine: Identity | Account) -> None:
        self.check_revision(stored.revision if stored is not None else 0, mine.revision)
        self.check_sequence(stored.sequence if stored is not None else 0, mine.sequence)


def _batches(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(islice(rest, most)):
        yield some
