"""Everything that plays together in one run, and how to see that it has come to rest."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from localstack import clock
from localstack.campus.car_park import CarPark
from localstack.campus.oracle import Expected, Oracle
from localstack.campus.providers import BadgeSystem, ScimProvider
from localstack.campus.registry import Registry
from localstack.clients import Clients
from localstack.deploy import Deployment
from provisioning.adapters.aws.indexes import Indexes
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.core.account import Condition, Phase
from provisioning.core.catalog import Bundle

_BETWEEN: Final = 0.5  # seconds between two looks
_RESTING: Final[frozenset[str]] = frozenset({Condition.SETTLED, Condition.PARKED})


Say = Callable[[str], None]


class UnsettledError(Exception):
    """What was waited for did not happen in time."""


@dataclass
class World:
    """One run: what was deployed, who plays, and what the play must remember."""

    clients: Clients
    deployment: Deployment
    bundle: Bundle
    oracle: Oracle
    registry: Registry
    providers: Mapping[str, ScimProvider]
    badges: BadgeSystem
    car_park: CarPark
    indexes: Indexes
    rejections: KeptRejections
    opening: datetime  # of the sports hall
    say: Say
    loaded: set[str] = field(default_factory=set)  # who was there before the day
    during_outage: set[str] = field(default_factory=set)  # who changed while the library was down
    foreign: dict[str, dict[str, Any]] = field(default_factory=dict)  # accounts that SPs have of their own

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the services."""
        return tuple(service.id for service in self.bundle.services)

    async def backlog(self) -> int:
        """Messages that wait or are being handled, in all queues but the dead-letter ones. Not those for later."""
        urls = [url for name, url in self.deployment.outputs.items() if name.endswith("Queue")]
        return sum(await asyncio.gather(*(self._waiting(url) for url in [*urls, self.badges.queue])))

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
            await asyncio.sleep(_BETWEEN)

    async def drained(self, most: int, patience: float) -> None:
        """Wait until at most so many messages wait. Raises UnsettledError."""
        deadline = clock.seconds() + patience
        while (waiting := await self.backlog()) > most:
            if clock.seconds() > deadline:
                raise UnsettledError(f"{waiting} messages still wait after {patience:.0f} s")
            await asyncio.sleep(_BETWEEN)

    async def extract(self, service: str) -> None:
        """Start the extract of a service, as its schedule does."""
        order = {"do": "start", "service": service, "request": clock.moment().isoformat()}
        queue = self.deployment.outputs["ExtractQueue"]
        await self.clients.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(order))

    def expected(self, service: str) -> Mapping[str, Expected]:
        """What the oracle says that a service should hold now, by the registry's key."""
        now = clock.moment()
        found = {key: self.oracle.expected(history, service, now) for key, history in self.registry.history.items()}
        return {key: expected for key, expected in found.items() if expected is not None}

    async def held(self, service: str, patience: float) -> None:
        """Wait until the engine counts as many accounts as the oracle now, active or suspended since.

        Raises UnsettledError.
        """
        wanted = sum(expected.phase != "absent" for expected in self.expected(service).values())
        deadline = clock.seconds() + patience
        while (held := _present((await self.accounts())[service])) < wanted:
            if clock.seconds() > deadline:
                raise UnsettledError(f"{service}: {held} of {wanted} accounts after {patience:.0f} s")
            await asyncio.sleep(_BETWEEN)

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
            await asyncio.sleep(_BETWEEN)


def _present(states: Mapping[tuple[str, str], int]) -> int:
    return sum(number for (phase, _), number in states.items() if phase != Phase.ABSENT)
