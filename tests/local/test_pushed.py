"""Sources that push, as deployed: the gateway's function on the embedded AWS, called as its URL would call it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from tests.gateway.events import payload_2
from tests.gateway.spml import add, envelope
from tests.stages.tenant import bundle

pytestmark = [
    pytest.mark.skipif(not emulator.installed(), reason="the emulator is not installed: make setup"),
    pytest.mark.xdist_group("emulator"),
]
PATIENCE = 120.0
TOKENS = {"club-push": "c" * 32, "payroll-push": "p" * 32}
GUEST = [{"id": '"guest"', "facts": {"type": '"visitor"'}}]
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@dataclass
class Stage:
    """A deployed tenant with two sources that push."""

    clients: Clients
    deployment: Deployment
    table: Table

    async def push(self, method: str, path: str, kind: str, secret: str, body: bytes) -> dict[str, Any]:
        """One request to the gateway; its answer as Lambda gives it."""
        headers = {"Authorization": f"Bearer {TOKENS[secret]}", "Content-Type": kind}
        event = json.dumps(payload_2(method, path, headers=headers, body=body)).encode()
        answer = await self.clients.functions.invoke(FunctionName="pushed-gateway", Payload=event)
        found: dict[str, Any] = json.loads(await answer["Payload"].read())
        return found

    async def person(self, source: str, key: str) -> Identity | None:
        """Who is known by a key."""
        found = (await self.table.links([(source, key)])).get((source, key))
        return (await self.table.holding(found)).identity if found is not None else None


def tenant() -> Bundle:
    by_scim = {
        "fields": {"login": {"path": "userName"}},
        "attributes": {"login": "fields.login"},
        "affiliations": GUEST,
    }
    by_spml = {
        "fields": {"login": {"path": "attributes.uid", "kind": "list(string)"}},
        "attributes": {"login": "fields.login[0]"}, "affiliations": GUEST,
    }  # fmt: skip
    spml = {"secret": "payroll-push", "endpoints": ["spml"], "spml": {"unique": "uid"}}
    sources = [
        {"id": "club", "record": by_scim, "push": {"secret": "club-push"}},
        {"id": "payroll", "record": by_spml, "push": spml},
    ]
    made = bundle({"badges": {"protocol": "extract", "endpoint": "s3:///badges"}}, sources=sources)
    services = tuple(service for service in made.services if service.id == "badges")
    rules = tuple(rule for rule in made.rules if rule.service == "badges")
    changed = {"services": services, "rules": rules, "tenant": made.tenant.model_copy(update={"id": "pushed"})}
    return made.model_copy(update=changed)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    for name in (*emulator.credentials(), "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "")  # restored afterwards, whatever `use` puts there
    with emulator.emulator(tmp_path / "emulator.log") as endpoint:
        emulator.use(endpoint)
        async with open_clients(endpoint) as clients:
            built = build(this_machine(), extras_of(tenant()))
            deployment = await deploy(clients, tenant(), built.file, built.key, TOKENS)
            engine = EngineClients(endpoint, emulator.REGION)
            yield Stage(clients, deployment, Table(Rows(engine, deployment.outputs["Table"])))
            await engine.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what must come; fails when patience ends."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.2)


async def test_what_is_pushed_by_scim_and_by_spml_becomes_people_with_rights(stage: Stage) -> None:
    async def knows(source: str, key: str, login: str, *, live: bool = True) -> bool:
        person = await stage.person(source, key)
        return person is not None and person.live is live and person.records[source].attributes["login"] == login

    scim, of_club = "application/scim+json", json.dumps({"schemas": [USER], "userName": "ann"}).encode()
    made = await stage.push("POST", "/scim/v2/Users", scim, "club-push", of_club)
    assert made["statusCode"] == 201, made
    ann = json.loads(made["body"])["id"]
    await until(lambda: knows("club", ann, "ann"))
    person = await stage.person("club", ann)
    assert person is not None
    assert person.entitlements["badges"].turn, "the rule gives visitors a badge"

    answer = await stage.push(
        "POST", "/spml", "text/xml; charset=UTF-8", "payroll-push", envelope(add("bob", uid="bob"))
    )
    assert answer["statusCode"] == 200, answer
    assert 'status="success"' in answer["body"], answer["body"]
    await until(lambda: knows("payroll", "bob", "bob"))

    assert (await stage.push("DELETE", f"/scim/v2/Users/{ann}", scim, "club-push", b""))["statusCode"] == 204
    await until(lambda: knows("club", ann, "ann", live=False))
    refused = await stage.push("GET", f"/scim/v2/Users/{ann}", scim, "payroll-push", b"")
    assert refused["statusCode"] == 403, "a credential is of one source and its endpoints"
