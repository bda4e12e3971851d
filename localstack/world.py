"""Everything that plays together in one run of the sample campus."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localstack import clock
from localstack.campus.car_park import CarPark
from localstack.campus.oracle import Expected, Oracle
from localstack.campus.providers import BadgeSystem
from localstack.campus.registry import Registry
from localstack.engine import BETWEEN, Engine, UnsettledError
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.core.account import Phase


@dataclass
class World(Engine):
    """One run: what was deployed, who plays, and what the play must remember."""

    oracle: Oracle
    registry: Registry
    badges: BadgeSystem
    car_park: CarPark
    rejections: KeptRejections
    opening: datetime  # of the sports hall
    loaded: set[str] = field(default_factory=set)  # who was there before the day
    during_outage: set[str] = field(default_factory=set)  # who changed while the library was down
    foreign: dict[str, dict[str, Any]] = field(default_factory=dict)  # accounts that SPs have of their own

    @property
    def own_queues(self) -> tuple[str, ...]:
        return (self.badges.queue,)

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
            await asyncio.sleep(BETWEEN)


def _present(states: Mapping[tuple[str, str], int]) -> int:
    return sum(number for (phase, _), number in states.items() if phase != Phase.ABSENT)
