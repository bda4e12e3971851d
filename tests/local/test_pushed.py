"""Sources that push, as deployed: the gateway's function on the embedded AWS, called as its URL would call it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from localstack import emulator
from provisioning.core.catalog import Bundle
from tests.gateway.events import payload_2
from tests.gateway.spml import add, envelope
from tests.local.running import GUEST, Stage, deployed, until, with_badges

pytestmark = [
    pytest.mark.skipif(not emulator.installed(), reason="the emulator is not installed: make setup"),
    pytest.mark.xdist_group("emulator"),
]
TOKENS = {"club-push": "c" * 32, "payroll-push": "p" * 32}
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


async def push(stage: Stage, method: str, path: str, kind: str, secret: str, body: bytes) -> dict[str, Any]:
    """One request to the gateway; its answer as Lambda gives it."""
    headers = {"Authorization": f"Bearer {TOKENS[secret]}", "Content-Type": kind}
    event = json.dumps(payload_2(method, path, headers=headers, body=body)).encode()
    answer = await stage.clients.functions.invoke(FunctionName="pushed-gateway", Payload=event)
    found: dict[str, Any] = json.loads(await answer["Payload"].read())
    return found


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
    return with_badges("pushed", [
        {"id": "club", "record": by_scim, "push": {"secret": "club-push"}},
        {"id": "payroll", "record": by_spml, "push": spml},
    ])  # fmt: skip


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with deployed(tenant(), tmp_path, monkeypatch, TOKENS) as stage:
        yield stage


async def test_what_is_pushed_by_scim_and_by_spml_becomes_people_with_rights(stage: Stage) -> None:
    knows = stage.knows
    scim, of_club = "application/scim+json", json.dumps({"schemas": [USER], "userName": "ann"}).encode()
    made = await push(stage, "POST", "/scim/v2/Users", scim, "club-push", of_club)
    assert made["statusCode"] == 201, made
    ann = json.loads(made["body"])["id"]
    await until(lambda: knows("club", ann, "ann"))
    person = await stage.person("club", ann)
    assert person is not None
    assert person.entitlements["badges"].turn, "the rule gives visitors a badge"

    answer = await push(
        stage, "POST", "/spml", "text/xml; charset=UTF-8", "payroll-push", envelope(add("bob", uid="bob"))
    )
    assert answer["statusCode"] == 200, answer
    assert 'status="success"' in answer["body"], answer["body"]
    await until(lambda: knows("payroll", "bob", "bob"))

    assert (await push(stage, "DELETE", f"/scim/v2/Users/{ann}", scim, "club-push", b""))["statusCode"] == 204
    await until(lambda: knows("club", ann, "ann", live=False))
    refused = await push(stage, "GET", f"/scim/v2/Users/{ann}", scim, "payroll-push", b"")
    assert refused["statusCode"] == 403, "a credential is of one source and its endpoints"
