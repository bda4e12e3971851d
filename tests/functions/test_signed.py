"""Events that are signed tokens, through the function: from the queue to the table, and out of quarantine again."""

import json
from secrets import token_hex
from typing import Any

import pytest

import functions.receive
from provisioning.core.wire import canonical, digest_of
from provisioning.runtime import wiring
from provisioning.runtime.entry import clock
from tests.functions import stack as stacks
from tests.functions.conftest import Deployed
from tests.functions.events import batch, record
from tests.functions.test_poll import holding
from tests.sources.issuer import FEED, ISSUER, Issuer
from tests.stages.tenant import bundle

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
QUEUE = "campus-changes-personnel"
STACK = "campus-signed"
SECRET = f"issuer-keys-{token_hex(4)}"


def source(audience: str) -> dict[str, Any]:
    return {
        "id": "personnel", "format": "scim-events",
        "signed": {"issuer": ISSUER, "audience": [audience], "secret": SECRET},
        "record": {
            "key": "id", "fields": {"login": {"path": "userName"}}, "attributes": {"login": "fields.login"},
        },
    }  # fmt: skip


def publish(deployed: Deployed, audience: str = FEED) -> None:
    content = bundle(sources=[{"id": "registry"}, source(audience)]).model_dump(mode="json", by_alias=True)
    deployed.run(lambda: wiring.policies().publish(canonical(content), digest_of(content)))


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def stack(deployed: Deployed, issuer: Issuer) -> Deployed:
    async def keep() -> None:
        client = await wiring.clients().secretsmanager()
        await client.create_secret(Name=SECRET, SecretString=json.dumps({"keys": issuer.published}))

    deployed.run(keep)
    publish(deployed)
    deployed.run(lambda: stacks.stand(STACK))
    return deployed


def provision(deployed: Deployed, *arguments: str) -> str:
    """What a command prints."""
    return stacks.provision(deployed, STACK, *arguments)


def receive(deployed: Deployed, *bodies: str) -> dict[str, Any]:
    records = [record(body, f"m-{token_hex(4)}", QUEUE) for body in bodies]
    return deployed.invoke(functions.receive.handler, batch(*records))


def put(issuer: Issuer, key: str, name: str, **claims: Any) -> str:
    return issuer.says("prov:put:full", {"data": {"userName": name}}, key, **{"iat": clock(), **claims})


def name_of(deployed: Deployed, key: str) -> Any:
    found = holding(deployed, key).identity
    assert found is not None
    return found.records["personnel"].attributes["login"]


def test_a_token_becomes_an_identity_once_and_a_forged_one_stops_nobody(stack: Deployed, issuer: Issuer) -> None:
    token = put(issuer, "u1", "ada")
    assert receive(stack, token, token[:-8], put(issuer, "u2", "eva")) == NOTHING_FAILED
    assert (name_of(stack, "u1"), name_of(stack, "u2")) == ("ada", "eva")
    rows = wiring.rows()
    rows.requests.clear()
    assert receive(stack, token) == NOTHING_FAILED
    assert +rows.requests == {"BatchGetItem": 1}, "a replay costs what it takes to see that it is one"
    (kept,) = json.loads(provision(stack, "records", "personnel", "--rejected", "--json"))
    assert "token" in kept["reason"]
    provision(stack, "records", "--rejected", "--forget", kept["id"])


def test_a_token_that_was_rejected_is_taken_in_again_once_the_bundle_admits_it(stack: Deployed, issuer: Issuer) -> None:
    assert receive(stack, put(issuer, "u3", "zoe", aud="https://new.example")) == NOTHING_FAILED
    (kept,) = json.loads(provision(stack, "records", "personnel", "--rejected", "--json"))
    assert "token.aud: meant for others" in kept["reason"]
    assert "still rejected: token.aud" in provision(stack, "records", "--rejected", "--retry", kept["id"])
    publish(stack, "https://new.example")
    assert "taken in" in provision(stack, "records", "--rejected", "--retry", kept["id"])
    assert name_of(stack, "u3") == "zoe"
    assert json.loads(provision(stack, "records", "personnel", "--rejected", "--json")) == []
