"""The deployed gateway over a real table, a real secret and a real queue."""

import json
from typing import Any

import pytest

import functions.gateway
from provisioning.core.wire import canonical, digest_of
from provisioning.runtime import wiring
from provisioning.runtime.entry import clock
from tests.contracts.boxes import new_queue
from tests.functions.conftest import Deployed, forget
from tests.gateway.events import payload_1, payload_2
from tests.gateway.spml import SPACES, add, batch, envelope, equal, of, search
from tests.stages.tenant import bundle

TOKEN, OTHER = "t" * 32, "o" * 32


@pytest.fixture(scope="module")
def pushing(deployed: Deployed) -> Deployed:
    """A bundle in force whose registry pushes."""
    deployed.queues["changes"] = deployed.run(lambda: new_queue(wiring.clients(), fifo=False))
    sources = [{"id": "registry", "record": {}, "push": {"secret": "registry"}}, {"id": "hr"},
               {"id": "people", "record": {}, "push": {"secret": "people", "endpoints": ["spml"]}}]  # fmt: skip
    dumped = bundle(sources=sources).model_dump(mode="json", by_alias=True)
    deployed.run(lambda: wiring.policies().publish(canonical(dumped), digest_of(dumped)))

    async def keep() -> None:
        client: Any = await wiring.clients().secretsmanager()
        await client.create_secret(Name="registry", SecretString=TOKEN)
        await client.create_secret(Name="people", SecretString=OTHER)

    deployed.run(keep)
    return deployed


def ask(deployed: Deployed, event: dict[str, Any]) -> dict[str, Any]:
    return deployed.invoke(functions.gateway.handler, event)


def test_what_is_pushed_is_stored_queued_and_answered(pushing: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISIONING_CHANGES_QUEUES", json.dumps({"registry": pushing.queues["changes"].url}))
    forget(wiring.clients)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"}
    body = json.dumps({"userName": "ann", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}).encode()
    made = ask(pushing, payload_2("POST", "/scim/v2/Users", headers=headers, body=body))
    assert made["statusCode"] == 201, made["body"]
    user = json.loads(made["body"])
    (message,) = pushing.take("changes")
    assert json.loads(message.body)["data"]["key"] == user["id"]
    assert ask(pushing, payload_2("POST", "/scim/v2/Users", headers=headers, body=body))["statusCode"] == 409
    group = {"displayName": "staff", "members": [{"value": user["id"]}]}
    joined = ask(pushing, payload_1("POST", "/scim/v2/Groups", headers=headers, body=json.dumps(group).encode()))
    assert joined["statusCode"] == 201, joined["body"]
    (message,) = pushing.take("changes")
    assert json.loads(message.body)["data"]["fields"]["groups"][0]["display"] == "staff"
    path = f"/scim/v2/Users/{user['id']}"
    assert ask(pushing, payload_2("DELETE", path, headers=headers))["statusCode"] == 204
    (message,) = pushing.take("changes")
    assert json.loads(message.body)["data"] == {"key": user["id"], "version": 3, "fields": None}
    assert ask(pushing, payload_2("GET", path, headers=headers))["statusCode"] == 404
    assert ask(pushing, payload_2("GET", path))["statusCode"] == 401
    forget(wiring.clients)


def test_objects_are_pushed_by_spml(pushing: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISIONING_CHANGES_QUEUES", json.dumps({"people": pushing.queues["changes"].url}))
    forget(wiring.clients)

    def say(content: str) -> str:
        headers = {"Authorization": f"Bearer {OTHER}", "Content-Type": "text/xml; charset=UTF-8"}
        answer = ask(pushing, payload_2("POST", "/spml", headers=headers, body=envelope(content)))
        assert answer["statusCode"] == 200, answer["body"]
        return str(answer["body"])

    later = 'executionMode="asynchronous" requestID="r1"'
    assert 'status="pending"' in say(batch(add("a1", uid="ann"), of("suspend:suspend", "a1"), request=later))
    (message,) = pushing.take("changes")
    fields = json.loads(message.body)["data"]["fields"]
    assert (fields["attributes"], fields["active"]) == ({"uid": ["ann"]}, False)
    assert "suspendResponse" in say(f'<async:statusRequest asyncRequestID="r1" returnResults="true" {SPACES}/>')
    assert 'error="alreadyExists"' in say(add("b1", uid="ANN"))
    assert 'ID="a1"' in say(search(equal("uid", "Ann")))
    assert 'status="success"' in say(of("delete", "a1"))
    (message,) = pushing.take("changes")
    assert json.loads(message.body)["data"]["fields"] is None
    assert 'updateKind="delete"' in say(f'<updates:updatesRequest token="t1-{clock() - 60}" {SPACES}/>')
    forget(wiring.clients)


def test_without_its_queue_nothing_is_acknowledged(pushing: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISIONING_CHANGES_QUEUES", "{}")
    forget(wiring.clients)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    event = payload_2("POST", "/scim/v2/Users", headers=headers, body=b'{"userName": "bob"}')
    assert ask(pushing, event)["statusCode"] == 503
    forget(wiring.clients)
    monkeypatch.setenv("PROVISIONING_CHANGES_QUEUES", json.dumps({"registry": pushing.queues["changes"].url}))
    assert ask(pushing, payload_2("GET", "/scim/v2/Users", "count=0", headers))["statusCode"] == 200
    (message,) = pushing.take("changes")
    assert json.loads(message.body)["data"]["fields"]["userName"] == "bob"
    forget(wiring.clients)
