"""Deployed on the embedded AWS: a source with its operator's own adapter, and one whose messages come in order."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.bundle import build, extras_of, this_machine
from localstack import emulator
from localstack.clients import Clients, open_clients
from localstack.deploy import Deployment, deploy
from provisioning.adapters.aws.clients import Clients as EngineClients
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from provisioning.command.new import write_source
from provisioning.core.catalog import Bundle, Source
from tests.stages.tenant import bundle

pytestmark = [
    pytest.mark.skipif(not emulator.installed(), reason="the emulator is not installed: make setup"),
    pytest.mark.xdist_group("emulator"),
]
PATIENCE = 120.0
IN_ORDER = {
    "id": "registry", "format": "json", "channel": {"fifo": True},
    "record": {"key": "number", "fields": {"name": "string"}, "attributes": {"login": "fields.name"}},
}  # fmt: skip


@dataclass
class Stage:
    """A deployed tenant with both sources."""

    clients: Clients
    deployment: Deployment
    table: Table

    async def login(self, source: str, key: str) -> Any:
        """What is known of somebody; None: nobody is."""
        found = (await self.table.links([(source, key)])).get((source, key))
        holding = await self.table.holding(found) if found is not None else None
        if holding is None or holding.identity is None:
            return None
        return holding.identity.records[source].attributes["login"]


def tenant(folder: Path) -> Bundle:
    """The bundle, whose own adapter lies in the folder."""
    made = bundle({"badges": {"protocol": "extract", "endpoint": "s3:///badges"}}, sources=[IN_ORDER])
    folder.mkdir()
    people = made.tenant.model_dump(mode="json", by_alias=True) | {"id": "own"}
    (folder / "tenant.yaml").write_text(yaml.safe_dump(people), encoding="utf-8")
    write_source(folder, "club")
    club = Source.model_validate(yaml.safe_load((folder / "sources" / "club.yaml").read_text(encoding="utf-8")))
    services = tuple(service for service in made.services if service.id == "badges")
    rules = tuple(rule for rule in made.rules if rule.service == "badges")
    changed = {"services": services, "rules": rules, "tenant": made.tenant.model_copy(update={"id": "own"})}
    return made.model_copy(update={**changed, "sources": (*made.sources, club)})


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    for name in (*emulator.credentials(), "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "")  # restored afterwards, whatever `use` puts there
    content = tenant(tmp_path / "own")
    built = build(this_machine(), extras_of(content))
    own = build(this_machine(), extras_of(content), tmp_path / "own")
    with emulator.emulator(tmp_path / "emulator.log") as endpoint:
        emulator.use(endpoint)
        async with open_clients(endpoint) as clients:
            deployment = await deploy(clients, content, built.file, built.key, {}, own)
            engine = EngineClients(endpoint, emulator.REGION)
            yield Stage(clients, deployment, Table(Rows(engine, deployment.outputs["Table"])))
            await engine.close()
    own.file.unlink(missing_ok=True)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what must come; fails when patience ends."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.2)


async def test_an_operators_own_adapter_is_polled_and_messages_in_order_are_taken_in_order(stage: Stage) -> None:
    async def knows(source: str, key: str, login: str) -> bool:
        return await stage.login(source, key) == login  # type: ignore[no-any-return]

    queue = stage.deployment.outputs["PollClubQueue"]
    await stage.clients.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"do": "changes"}))
    await until(lambda: knows("club", "1003", "login-3"))

    async def publish(number: str, turn: int, name: str) -> None:
        await stage.clients.sns.publish(
            TopicArn=stage.deployment.topic("registry"), Message=json.dumps({"number": number, "name": name}),
            MessageGroupId=number, MessageDeduplicationId=f"{number}-{turn}",
        )  # fmt: skip

    for turn, name in enumerate(("ada", "countess", "ada")):
        await publish("7", turn, name)
        await publish("8", turn, f"eight-{turn}")
    await until(lambda: knows("registry", "8", "eight-2"))
    await until(lambda: knows("registry", "7", "ada"))
    await stage.clients.sqs.send_message(
        QueueUrl=stage.deployment.outputs["ChangesRegistryQueue"], MessageGroupId="7", MessageDeduplicationId="direct",
        MessageBody=json.dumps({"number": "7", "name": "lovelace"}),
    )  # fmt: skip
    await until(lambda: knows("registry", "7", "lovelace"))
