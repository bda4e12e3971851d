"""Our own SCIM client against our own endpoint over HTTP, held to the standard by the grader of clients."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Delivery, Outcome
from provisioning.protocols.scim import deliver
from provisioning.protocols.scim_groups import make_group
from tests.delivery.conftest import no_queue
from tests.delivery.grader import Call, Grader
from tests.gateway.served import served
from tests.gateway.world import ENTERPRISE, SCIM, TOKEN, World

MARK = "0b8ff0e2-6f0f-4c3e-9b0f-3f6a2a1f4c11"
VALUES = {
    "userName": 'ann"o\\brien',
    "name.givenName": "Ann",
    'emails[type eq "work"].value': "ann@a.edu",
    f"{ENTERPRISE}:department": "arts",
}


@dataclass
class Client:
    courier: Courier
    service: Service
    groups: dict[str, str]
    known: Known = field(default_factory=Known)

    async def deliver(self, desired: Desired, *, look: bool = False) -> None:
        """A delivery that must be done."""
        delivery = Delivery(MARK, desired, self.known, look, "operation-1", 1, self.groups)
        ending = await self.courier.converse(self.service, deliver(self.service, delivery))
        assert ending.outcome is Outcome.DONE, ending
        self.known = ending.known


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    grader = Grader(None)

    def record(request: Any, body: bytes, answer: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in request.headers.items() if name != "Content-Type" or body}
        etag = answer["headers"].get("ETag", "")
        grader.calls.append(Call(request.method, request.path, dict(request.query), headers, body,
                                 answer["statusCode"], answer["body"].encode(), etag))  # fmt: skip

    async def read_secret(name: str) -> str:
        return TOKEN

    with served(world, record) as url:
        fields = {"id": "library", "protocol": "scim", "endpoint": f"{url}{SCIM}", "secret": "library"}
        account = dict.fromkeys(VALUES, "person.x")
        service = Service.model_validate({**fields, "account": account, "private": True, "create_groups": True})
        caller = HttpCaller(Secrets(read_secret))
        yield Client(Courier(caller, no_queue), service, {})
        await caller.close()
    assert len(grader.calls) > 1


async def test_an_account_is_made_changed_suspended_and_removed(world: World, client: Client) -> None:
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ()))
    await client.deliver(Desired(Phase.ACTIVE, {**VALUES, "name.givenName": "Anna"}, ()))
    await client.deliver(Desired(Phase.SUSPENDED, {**VALUES, "name.givenName": "Anna"}, ()))
    fields = [item["fields"] for item in world.told()]
    assert [each["name"]["givenName"] for each in fields[:2]] == ["Ann", "Anna"]
    assert fields[-1]["active"] is False
    assert fields[-1]["externalId"] == MARK
    assert fields[-1]["emails"] == [{"type": "work", "value": "ann@a.edu"}]
    await client.deliver(Desired(Phase.ABSENT, {}, ()))
    assert world.told()[-1]["fields"] is None


async def test_a_create_whose_answer_was_lost_is_found_and_not_repeated(world: World, client: Client) -> None:
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ()))
    made, client.known = client.known, Known()
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ()), look=True)
    assert client.known.remote_id == made.remote_id
    assert len(world.pushed.resources) == 1


async def test_memberships_come_and_go(world: World, client: Client) -> None:
    made = await client.courier.converse(client.service, make_group(client.service, "readers", False))
    assert made.outcome is Outcome.DONE
    client.groups["readers"] = str(made.known.remote_id)
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ("readers",)))
    assert [each["display"] for each in world.told()[-1]["fields"]["groups"]] == ["readers"]
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ()))
    assert world.told()[-1]["fields"]["groups"] == []
