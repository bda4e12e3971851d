"""The table's three indexes. Without a lag, those of accounts are written when they are read: few are looked at."""

from collections.abc import Callable
from typing import Self

from provisioning.adapters.aws import keys
from provisioning.adapters.memory.index import Index, Place
from provisioning.adapters.memory.request import Clock
from provisioning.core.account import Account


class Indexes:
    """`due`: what waits, by instant. `by_service`: by state. `changes`: staged accounts by their last change."""

    def __init__(self, now: Clock, lag: Callable[[], float] | None, shards: int) -> None:
        self._now, self._shards, self._lags = now, shards, lag is not None
        lag = lag or _at_once
        self.due, self.by_service, self.changes = Index(now, lag), Index(now, lag), Index(now, lag)
        self._written: list[tuple[float, Account]] = []  # with the time

    def put(self, account: Account) -> None:
        """Where an account stands from now on."""
        self._written.append((self._now(), account))
        if self._lags:  # it is drawn when it is written
            self.read()

    def read(self) -> Self:
        """The same, with all accounts that were put."""
        for at, account in self._written:
            key, shard = keys.account_key(account.identity, account.service), keys.shard_of(account.identity)
            due = Place(str(shard % self._shards), account.due_at) if account.due_at is not None else None
            partition = keys.accounts_partition(account.service, shard)
            state = keys.account_state(account.known.phase, account.condition)
            self.due.put(key, due, at)
            self.by_service.put(key, Place(partition, state), at)
            self.changes.put(key, Place(partition, account.changed_at) if account.known.staged else None, at)
        self._written.clear()
        return self


def _at_once() -> float:
    return 0.0
