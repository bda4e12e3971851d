"""A tenant of a test's own, deployed on an embedded AWS that is started for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.bundle import Built, build, extras_of, this_machine
from localstack import emulator
from localstack.clients import Clients, open_clients
from localstack.deploy import Deployment, deploy
from provisioning.adapters.aws.clients import Clients as EngineClients
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from provisioning.core.catalog import Bundle
from provisioning.core.identity import Identity
from tests.stages.tenant import bundle

PATIENCE = 120.0  # seconds
GUEST: list[dict[str, Any]] = [{"id": '"guest"', "facts": {"type": '"visitor"'}}]  # the rule gives visitors a badge


@dataclass
class Stage:
    """A deployed tenant."""

    clients: Clients
    deployment: Deployment
    table: Table

    async def person(self, source: str, key: str) -> Identity | None:
        """Who is known by a key."""
        found = (await self.table.links([(source, key)])).get((source, key))
        return (await self.table.holding(found)).identity if found is not None else None

    async def knows(self, source: str, key: str, login: str, *, live: bool = True) -> bool:
        """Whether somebody is known by this log-in, and as one who is there, or is gone."""
        person = await self.person(source, key)
        return person is not None and person.live is live and person.records[source].attributes["login"] == login


def with_badges(tenant: str, sources: list[dict[str, Any]]) -> Bundle:
    """A tenant of that id, these sources, and a service that gives badges to visitors."""
    made = bundle({"badges": {"protocol": "extract", "endpoint": "s3:///badges"}}, sources=sources)
    services = tuple(service for service in made.services if service.id == "badges")
    rules = tuple(rule for rule in made.rules if rule.service == "badges")
    changed = {"services": services, "rules": rules, "tenant": made.tenant.model_copy(update={"id": tenant})}
    return made.model_copy(update=changed)


@asynccontextmanager
async def deployed(
    content: Bundle, folder: Path, patch: pytest.MonkeyPatch, secrets: Mapping[str, str], own: Built | None = None
) -> AsyncIterator[Stage]:
    """The tenant, up. `folder`: for the emulator's log; `own`: the code of its operator's adapters."""
    for name in (*emulator.credentials(), "AWS_ENDPOINT_URL"):
        patch.setenv(name, "")  # restored afterwards, whatever `use` puts there
    with emulator.emulator(folder / "emulator.log") as endpoint:
        emulator.use(endpoint)
        async with open_clients(endpoint) as clients:
            built = build(this_machine(), extras_of(content))
            deployment = await deploy(clients, content, built.file, built.key, dict(secrets), own)
            engine = EngineClients(endpoint, emulator.REGION)
            yield Stage(clients, deployment, Table(Rows(engine, deployment.outputs["Table"])))
            await engine.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what must come; fails when patience ends."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.2)
