"""How many accounts there are, for the brakes: one shard of every service at a time. A part of schedule."""

import asyncio
from typing import Final

from provisioning.core.period import Instant
from provisioning.ports import Policies, Populations

EVERY: Final = 900  # seconds between two shards


async def population(policies: Policies, counts: Populations, now: Instant) -> None:
    """Count the shard whose turn it is, once in a quarter of an hour: all are counted in eight of them.

    One query and one write for each service that has a brake; a query more for each page of keys.
    """
    if now % EVERY >= 60:  # it is called every minute
        return
    shard = now // EVERY % counts.shards
    policy = await policies.current()
    braked = [service.id for service in policy.bundle.services if service.brake.off is None]
    await asyncio.gather(*(_count(counts, service, shard) for service in braked))


async def _count(counts: Populations, service: str, shard: int) -> None:
    await counts.put_population(service, shard, await counts.present(service, shard))
