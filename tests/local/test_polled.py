"""Sources that are extracted, as deployed: a database and a folder of files, by functions on the embedded AWS."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types
import pytest

from infra.bundle import build, extras_of, this_machine
from localstack import emulator
from localstack.clients import Clients, open_clients
from localstack.deploy import Deployment, deploy
from provisioning.adapters.aws.clients import Clients as EngineClients
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from provisioning.core.catalog import Bundle
from provisioning.core.identity import Identity
from tests import postgresql
from tests.postgresql import Postgres
from tests.stages.tenant import bundle

pytestmark = [
    pytest.mark.skipif(not emulator.installed(), reason="the emulator is not installed: make setup"),
    pytest.mark.skipif(postgresql.find() is None, reason=postgresql.MISSING),
    pytest.mark.xdist_group("emulator"),
]
PATIENCE = 120.0
READING = {
    "fields": {"login": "string"}, "attributes": {"login": "fields.login"},
    "affiliations": [{"id": '"guest"', "facts": {"type": '"visitor"'}}],
}  # fmt: skip


@dataclass
class Stage:
    """A deployed tenant with two sources that are polled, and the database of one."""

    clients: Clients
    deployment: Deployment
    table: Table
    database: Any

    async def order(self, source: str, do: str) -> None:
        """What the clock, or an operator, asks of poll."""
        queue = self.deployment.outputs[f"Poll{source.capitalize()}Queue"]
        await self.clients.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"do": do}))

    async def put(self, name: str, text: str) -> None:
        """A file arrives."""
        bucket = self.deployment.outputs["Bucket"]
        await self.clients.s3.put_object(Bucket=bucket, Key=f"sources/guests/{name}", Body=text.encode())

    async def person(self, source: str, key: str) -> Identity | None:
        """Who is known by a key."""
        found = (await self.table.links([(source, key)])).get((source, key))
        return (await self.table.holding(found)).identity if found is not None else None


def tenant() -> Bundle:
    sql = {"secret": "polled-database", "select": "people", "key": "id", "changed": "changed", "private": True}
    files = {"place": "s3:///guests", "full": "people-*.csv", "key": "id"}
    sources = [
        {"id": "staff", "record": READING, "poll": {"every": 60, "sql": sql}, "absence": {"runs": 1}},
        {"id": "guests", "record": READING, "poll": {"files": files}, "absence": {"runs": 1, "least": 1}},
    ]
    made = bundle({"badges": {"protocol": "extract", "endpoint": "s3:///badges"}}, sources=sources)
    services = tuple(service for service in made.services if service.id == "badges")
    rules = tuple(rule for rule in made.rules if rule.service == "badges")
    changed = {"services": services, "rules": rules, "tenant": made.tenant.model_copy(update={"id": "polled"})}
    return made.model_copy(update=changed)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    for name in (*emulator.credentials(), "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "")  # restored afterwards, whatever `use` puts there
    with emulator.emulator(tmp_path / "emulator.log") as endpoint, postgresql.running() as server:
        emulator.use(endpoint)
        database = await _people(server)
        async with open_clients(endpoint) as clients:
            built = build(this_machine(), extras_of(tenant()))
            deployment = await deploy(clients, tenant(), built.file, built.key, {"polled-database": server.url})
            engine = EngineClients(endpoint, emulator.REGION)
            yield Stage(clients, deployment, Table(Rows(engine, deployment.outputs["Table"])), database)
            await engine.close()
        await database.close()


async def _people(server: Postgres) -> Any:
    connection = await asyncpg.connect(server.url.replace("postgresql+asyncpg", "postgresql"))
    await connection.execute(
        "CREATE TABLE people (id text PRIMARY KEY, login text, changed timestamptz DEFAULT clock_timestamp());"
        "INSERT INTO people SELECT 's' || n, 'login-s' || n FROM generate_series(1, 30) AS n"
    )
    return connection


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what must come; fails when patience ends."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.2)


async def test_a_database_and_a_folder_of_files_are_polled(stage: Stage) -> None:
    async def knows(source: str, key: str, login: str, *, live: bool = True) -> bool:
        person = await stage.person(source, key)
        return person is not None and person.live is live and person.records[source].attributes["login"] == login

    await stage.order("staff", "changes")  # the first look is a snapshot
    await until(lambda: knows("staff", "s30", "login-s30"))
    person = await stage.person("staff", "s30")
    assert person is not None
    assert person.entitlements["badges"].turn, "the rule gives visitors a badge"

    await stage.database.execute("UPDATE people SET login = 'renamed', changed = clock_timestamp() WHERE id = 's7'")
    await stage.order("staff", "changes")
    await until(lambda: knows("staff", "s7", "renamed"))

    await stage.database.execute("DELETE FROM people WHERE id = 's8'")
    await stage.order("staff", "snapshot")
    await until(lambda: knows("staff", "s8", "login-s8", live=False))

    await stage.put("people-1.csv", "id,login\r\n" + "".join(f"g{n},login-g{n}\r\n" for n in range(10)))
    await stage.order("guests", "snapshot")
    await until(lambda: knows("guests", "g9", "login-g9"))
    await stage.put("people-2.csv", "id,login\r\ng0,renamed\r\n")  # a list cut down to one
    await stage.order("guests", "snapshot")
    await until(lambda: knows("guests", "g0", "renamed"))
    assert await knows("guests", "g9", "login-g9"), "held: nobody is removed"
