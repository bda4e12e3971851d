"""Sources that are extracted, as deployed: a database and a folder of files, by functions on the embedded AWS."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types
import pytest

from localstack import emulator
from provisioning.core.catalog import Bundle
from tests import postgresql
from tests.local.running import GUEST, Stage, deployed, until, with_badges
from tests.postgresql import Postgres

pytestmark = [
    pytest.mark.skipif(not emulator.installed(), reason="the emulator is not installed: make setup"),
    pytest.mark.skipif(postgresql.find() is None, reason=postgresql.MISSING),
    pytest.mark.xdist_group("emulator"),
]
READING = {"fields": {"login": "string"}, "attributes": {"login": "fields.login"}, "affiliations": GUEST}


def tenant() -> Bundle:
    sql = {"secret": "polled-database", "select": "people", "key": "id", "changed": "changed", "private": True}
    files = {"place": "s3:///guests", "full": "people-*.csv", "key": "id"}
    return with_badges("polled", [
        {"id": "staff", "record": READING, "poll": {"every": 60, "sql": sql}, "absence": {"runs": 1}},
        {"id": "guests", "record": READING, "poll": {"files": files}, "absence": {"runs": 1, "least": 1}},
    ])  # fmt: skip


@dataclass
class Polled:
    """The tenant with two sources that are polled, and the database of one."""

    stage: Stage
    database: Any

    async def order(self, source: str, do: str) -> None:
        """What the clock, or an operator, asks of poll."""
        queue = self.stage.deployment.outputs[f"Poll{source.capitalize()}Queue"]
        await self.stage.clients.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"do": do}))

    async def put(self, name: str, text: str) -> None:
        """A file arrives."""
        bucket = self.stage.deployment.outputs["Bucket"]
        await self.stage.clients.s3.put_object(Bucket=bucket, Key=f"sources/guests/{name}", Body=text.encode())


@pytest.fixture
async def polled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Polled]:
    with postgresql.running() as server:
        database = await _people(server)
        async with deployed(tenant(), tmp_path, monkeypatch, {"polled-database": server.url}) as stage:
            yield Polled(stage, database)
        await database.close()


async def _people(server: Postgres) -> Any:
    connection = await asyncpg.connect(server.url.replace("postgresql+asyncpg", "postgresql"))
    await connection.execute(
        "CREATE TABLE people (id text PRIMARY KEY, login text, changed timestamptz DEFAULT clock_timestamp());"
        "INSERT INTO people SELECT 's' || n, 'login-s' || n FROM generate_series(1, 30) AS n"
    )
    return connection


async def test_a_database_and_a_folder_of_files_are_polled(polled: Polled) -> None:
    stage, knows = polled.stage, polled.stage.knows
    await polled.order("staff", "changes")  # the first look is a snapshot
    await until(lambda: knows("staff", "s30", "login-s30"))
    person = await stage.person("staff", "s30")
    assert person is not None
    assert person.entitlements["badges"].turn, "the rule gives visitors a badge"

    await polled.database.execute("UPDATE people SET login = 'renamed', changed = clock_timestamp() WHERE id = 's7'")
    await polled.order("staff", "changes")
    await until(lambda: knows("staff", "s7", "renamed"))

    await polled.database.execute("DELETE FROM people WHERE id = 's8'")
    await polled.order("staff", "snapshot")
    await until(lambda: knows("staff", "s8", "login-s8", live=False))

    await polled.put("people-1.csv", "id,login\r\n" + "".join(f"g{n},login-g{n}\r\n" for n in range(10)))
    await polled.order("guests", "snapshot")
    await until(lambda: knows("guests", "g9", "login-g9"))
    await polled.put("people-2.csv", "id,login\r\ng0,renamed\r\n")  # a list cut down to one
    await polled.order("guests", "snapshot")
    await until(lambda: knows("guests", "g0", "renamed"))
    assert await knows("guests", "g9", "login-g9"), "held: nobody is removed"
