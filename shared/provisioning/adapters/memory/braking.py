"""The brakes of services, in dicts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from provisioning.adapters.aws.keys import shard_of
from provisioning.adapters.memory.indexes import Indexes
from provisioning.adapters.memory.request import Checkpoint, Request
from provisioning.core.account import Account, Phase
from provisioning.core.brake import MOST_AT_ONCE, Brake
from provisioning.core.changed import changed
from provisioning.core.errors import ConflictError, PermanentError


class MemoryBraked:
    """Ports Braked and Populations, beside the other items of the table."""

    requests: Counter[str]
    accounts: dict[str, dict[str, Account]]
    indexes: Indexes
    _checkpoint: Checkpoint

    def __init__(self) -> None:
        self.brakes: dict[str, Brake] = {}
        self.populations: dict[str, dict[int, int]] = {}

    async def brake(self, service: str) -> Brake:
        async with Request(self.requests, "BatchGetItem", self._checkpoint):
            return replace(self.brakes.get(service, Brake()), population=dict(self.populations.get(service, {})))

    async def put_permits(self, service: str, brake: Brake | None, accounts: Sequence[Account]) -> None:
        if len(accounts) > MOST_AT_ONCE:
            raise PermanentError(f"{len(accounts)} accounts are to be written at once, {MOST_AT_ONCE} can be")
        async with Request(self.requests, "TransactWriteItems", self._checkpoint):
            # Loses to another batch that takes of the same brake, and to whoever wrote one of the accounts.
            if brake is not None and self.brakes.get(service, Brake()).revision != brake.revision:
                raise ConflictError("another writer came first")
            for each in accounts:
                stored = self.accounts.get(each.identity, {}).get(service)
                if (stored.revision if stored else 0) != each.revision or (stored and stored.sequence > each.sequence):
                    raise ConflictError("another writer came first")
            if brake is not None:
                self.brakes[service] = replace(brake, revision=brake.revision + 1)
            for each in accounts:
                written = changed(each, revision=each.revision + 1)
                self.accounts.setdefault(each.identity, {})[service] = written
                self.indexes.put(written)

    async def present(self, service: str, shard: int) -> int:
        async with Request(self.requests, "Query", self._checkpoint):
            return sum(
                service in some and some[service].known.phase is not Phase.ABSENT and shard_of(identity) == shard
                for identity, some in self.accounts.items()
            )

    async def put_population(self, service: str, shard: int, count: int) -> None:
        async with Request(self.requests, "UpdateItem", self._checkpoint):
            self.populations.setdefault(service, {})[shard] = count
