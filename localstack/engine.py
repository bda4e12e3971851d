"""A deployed engine, and how to see that it has come to rest."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from localstack import clock
from localstack.campus.providers import ScimProvider
from localstack.clients import Clients
from localstack.deploy import Deployment
from provisioning.adapters.aws.indexes import Indexes
from provisioning.core.account import Condition
from provisioning.core.catalog import Bundle

BETWEEN: Final = 0.5  # seconds between two looks
_RESTING: Final[frozenset[str]] = frozenset({Condition.SETTLED, Condition.HELD, Condition.PARKED})


Say = Callable[[str], None]


class UnsettledError(Exception):
    """What was waited for did not happen in time."""


@dataclass
class Engine:
    """One run: what was deployed, and the sample SPs."""

    clients: Clients
    deployment: Deployment
    bundle: Bundle
    providers: Mapping[str, ScimProvider]
    indexes: Indexes
    say: Say

    @property
    def own_queues(self) -> tuple[str, ...]:
        """URLs of queues of the SPs' own, of which the messages count too."""
        return ()

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the services."""
        return tuple(service.id for service in self.bundle.services)

    async def backlog(self) -> int:
        """Messages that wait or are being handled, in all queues but the dead-letter ones. Not those for later."""
        urls = [url for name, url in self.deployment.outputs.items() if name.endswith("Queue")]
        return sum(await asyncio.gather(*(self._waiting(url) for url in [*urls, *self.own_queues])))

    async def _waiting(self, url: str) -> int:
        answer = await self.clients.sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        )
        return sum(int(value) for value in answer["Attributes"].values())

    async def accounts(self) -> Mapping[str, Mapping[tuple[str, str], int]]:
        """The engine's own count of accounts by service, phase and condition."""
        counts = await asyncio.gather(*(self.indexes.count(service) for service in self.services))
        return dict(zip(self.services, counts, strict=True))

    async def unsettled(self, resting: frozenset[str]) -> int:
        """Accounts that the engine will come back to by itself: in none of the given conditions."""
        states = [item for counts in (await self.accounts()).values() for item in counts.items()]
        return sum(number for (_, condition), number in states if condition not in resting)

    async def until(self, what: str, holds: Callable[[], bool], patience: float) -> None:
        """Wait for something that the players see. Raises UnsettledError after `patience` seconds."""
        deadline = clock.seconds() + patience
        while not holds():
            if clock.seconds() > deadline:
                raise UnsettledError(f"not within {patience:.0f} s: {what}")
            await asyncio.sleep(BETWEEN)

    async def drained(self, most: int, patience: float) -> None:
        """Wait until at most so many messages wait. Raises UnsettledError."""
        deadline = clock.seconds() + patience
        while (waiting := await self.backlog()) > most:
            if clock.seconds() > deadline:
                raise UnsettledError(f"{waiting} messages still wait after {patience:.0f} s")
            await asyncio.sleep(BETWEEN)

    async def quiet(self, patience: float, *, doubts: bool = False) -> None:
        """Wait until nothing waits and no account is to be tried again, twice in a row. Raises UnsettledError.

        An account whose existence is in doubt takes its minute; only with `doubts` is it waited for.
        """
        deadline = clock.seconds() + patience
        resting = _RESTING if doubts else _RESTING | {Condition.UNKNOWN}
        seen = 0
        while seen < 2:
            waiting, unsettled = await self.backlog(), await self.unsettled(resting)
            seen = seen + 1 if waiting == 0 and unsettled == 0 else 0
            if clock.seconds() > deadline:
                raise UnsettledError(
                    f"after {patience:.0f} s {waiting} messages wait and {unsettled} accounts are not settled"
                )
            await asyncio.sleep(BETWEEN)
