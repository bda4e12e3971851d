"""What the brakes of services need of the table."""

from collections.abc import Sequence
from typing import Protocol

from provisioning.core.account import Account
from provisioning.core.brake import Brake


class Braked(Protocol):
    """How many removals a service let through, counted together with the accounts that they are of."""

    @property
    def shards(self) -> int:
        """Of how many shards a population is made."""
        ...

    async def brake(self, service: str) -> Brake:
        """A consistent read: one request."""
        ...

    async def put_permits(self, service: str, brake: Brake | None, accounts: Sequence[Account]) -> None:
        """Write a brake as its revision + 1, and accounts as theirs, all or nothing: one request for 99 accounts.

        None: the brake let nothing through. Raises ConflictError if anything is not stored as it was read.
        """
        ...


class Populations(Protocol):
    """How many accounts a service has, counted shard by shard."""

    @property
    def shards(self) -> int:
        """How many shards there are, numbered from 0."""
        ...

    async def present(self, service: str, shard: int) -> int:
        """Accounts that exist at the SP, in one shard, from an index that lags: one request a page of keys."""
        ...

    async def put_population(self, service: str, shard: int, count: int) -> None:
        """Remember the count of one shard: one request. The last word counts."""
        ...
