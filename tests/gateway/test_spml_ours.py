"""Our own SPML client against our own endpoint over HTTP, held to the standard by the grader of clients."""

from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, Delivery, Ending, HttpResponse, Outcome, Request
from provisioning.protocols.spml import deliver
from provisioning.protocols.spml_batch import batch, read_batch
from provisioning.protocols.spml_message import Reply, http, named, read_reply
from provisioning.protocols.spml_requests import ObjectId, add, lookup
from provisioning.protocols.spml_values import make_data
from provisioning.protocols.xml import Element
from tests.delivery.conftest import no_queue
from tests.delivery.spml_grader import Call, wrong
from tests.gateway.served import served
from tests.gateway.world import SPML_TOKEN, World, sources

MARK = "0b8ff0e2-6f0f-4c3e-9b0f-3f6a2a1f4c11"
VALUES: dict[str, Any] = {"uid": 'ann"o\\brien', "sn": "O'Brien <&>", "mail": ["ann@a.edu", "a@a.edu"]}
GROUPS = {"readers": "readers", "staff": "staff"}
PROFILES: dict[str, dict[str, str]] = {"dsml": {}, "xsd": {"profile": "xsd", "namespace": "urn:example:people"}}
OPTIONS = {"entity": "person", "owner": "employeeNumber", "member_of": "memberOf"}


@dataclass
class Client:
    courier: Courier
    service: Service
    known: Known = field(default_factory=Known)
    ticket: str | None = None
    calls: list[Call] = field(default_factory=list)

    async def end(self, desired: Desired, *, look: bool = False) -> Ending:
        """A delivery, whatever becomes of it."""
        delivery = Delivery(MARK, desired, self.known, look, "operation-1", 1, GROUPS, ticket=self.ticket)
        ending = await self.courier.converse(self.service, deliver(self.service, delivery))
        self.known, self.ticket = ending.known, ending.ticket
        return ending

    async def deliver(self, desired: Desired, *, look: bool = False) -> None:
        """A delivery that must be done."""
        ending = await self.end(desired, look=look)
        assert ending.outcome is Outcome.DONE, ending.reason

    def of(self, **options: Any) -> "Client":
        """The same client with other options of its service."""
        assert self.service.spml is not None
        spml = self.service.spml.model_copy(update=options)
        return replace(self, service=self.service.model_copy(update={"spml": spml}))


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> dict[str, str]:
    return PROFILES[request.param]


@pytest.fixture
def world(profile: dict[str, str]) -> World:
    return World(bundle=sources(spml=profile))


@pytest.fixture
async def client(world: World, profile: dict[str, str]) -> AsyncIterator[Client]:
    calls: list[Call] = []

    def record(request: Any, body: bytes, answer: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        calls.append(Call(headers, body, answer["statusCode"], answer["body"].encode()))

    async def read_secret(name: str) -> str:
        return SPML_TOKEN

    with served(world, record) as url:
        fields = {"id": "library", "protocol": "spml", "endpoint": f"{url}/spml", "secret": "library", "match": "uid"}
        account = dict.fromkeys(VALUES, "person.x")
        service = Service.model_validate({**fields, "account": account, "private": True, "spml": OPTIONS | profile})
        caller = HttpCaller(Secrets(read_secret))
        yield Client(Courier(caller, no_queue), service, calls=calls)
        await caller.close()
    assert wrong(calls) == []


def fields_of(world: World) -> list[Any]:
    return [item["fields"] for item in world.told("people")]


@pytest.mark.parametrize("identifier", ["given", "identity", "match"])
async def test_an_account_is_made_changed_suspended_resumed_and_removed(
    world: World, client: Client, identifier: str
) -> None:
    client = client.of(identifier=identifier)
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ("readers", "staff")))
    made = fields_of(world)[-1]["attributes"]
    assert (made["sn"], made["employeeNumber"], sorted(made["memberOf"])) == (
        [VALUES["sn"]],
        [MARK],
        ["readers", "staff"],
    )
    await client.deliver(Desired(Phase.ACTIVE, {**VALUES, "sn": "Nolan"}, ("staff",)))
    assert fields_of(world)[-1]["attributes"]["memberOf"] == ["staff"]
    await client.deliver(Desired(Phase.SUSPENDED, {**VALUES, "sn": "Nolan"}, ()))
    told = fields_of(world)
    assert told[-1]["active"] is False
    assert told[-1]["attributes"]["sn"] == ["Nolan"]
    assert "memberOf" not in told[-1]["attributes"]
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ()))
    back = fields_of(world)[-1]
    assert (back["active"], back["attributes"]["mail"]) == (True, VALUES["mail"])
    await client.deliver(Desired(Phase.ABSENT, {}, ()))
    assert fields_of(world) == [None]
    await client.deliver(Desired(Phase.ABSENT, {}, ()), look=True)
    assert fields_of(world) == []


async def test_a_create_whose_answer_was_lost_is_found_and_not_repeated(world: World, client: Client) -> None:
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ()))
    made, client.known = client.known, Known()
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ()), look=True)
    assert client.known.remote_id == made.remote_id
    assert len(world.pushed.resources) == 1


async def test_an_account_that_vanished_is_made_again(world: World, client: Client) -> None:
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ()))
    made = client.known.remote_id
    other = replace(client)
    await other.deliver(Desired(Phase.ABSENT, {}, ()))
    changed = Desired(Phase.ACTIVE, {**VALUES, "sn": "Nolan"}, ())
    assert (await client.end(changed)).retry_after == 0
    await client.deliver(changed)
    assert client.known.remote_id != made
    assert [each is None for each in fields_of(world)] == [False, True, False]


async def test_of_two_that_want_one_name_the_second_is_told(world: World, client: Client) -> None:
    await client.deliver(Desired(Phase.ACTIVE, VALUES, ()))
    other = Client(client.courier, client.service)
    delivery = Delivery("another", Desired(Phase.ACTIVE, VALUES, ()), Known(), False, "operation-2", 1, {})
    ending = await other.courier.converse(other.service, deliver(other.service, delivery))
    assert ending.outcome is Outcome.PERMANENT
    assert len(world.pushed.resources) == 1


async def test_asynchronously_the_same_comes_about_by_tickets(world: World, client: Client) -> None:
    client = client.of(execution="asynchronous")
    for desired in (Desired(Phase.ACTIVE, VALUES, ()), Desired(Phase.SUSPENDED, VALUES, ())):
        ending = await client.end(desired)
        while ending.outcome is Outcome.UNKNOWN and client.ticket is not None:
            ending = await client.end(desired)
        assert ending.outcome is Outcome.DONE, ending
    assert fields_of(world)[-1]["active"] is False
    assert len(world.pushed.kept) > 0


async def test_a_batch_of_ours_is_answered_place_by_place(world: World, client: Client) -> None:
    assert client.service.spml is not None
    adds = [
        add(make_data(client.service.spml, "person", {"uid": (uid,)}), "people", proposed=id_)
        for id_, uid in (("a1", "ann"), ("a1", "bob"), ("c1", "cid"))
    ]
    pso = ObjectId("a1").element(target="people")
    modes: dict[Literal["exit", "resume"], list[str | None]] = {
        "exit": ["success", "failure", None, None],
        "resume": ["failure", "failure", "success", "success"],
    }
    for mode, statuses in modes.items():
        request = named(batch([*adds, lookup(pso)], on_error=mode), "operation-1")
        found = await client.courier.drive(client.service, _ask(request))
        assert [None if each is None else each.status for each in found] == statuses
    client.calls.clear()  # the grader knows no batches


def _ask(request: Element) -> Generator[Request, Answer, list[Reply | None]]:
    answer = yield http(request)
    assert isinstance(answer, HttpResponse)
    reply = read_reply(answer.body, request)
    assert isinstance(reply, Reply)
    return read_batch(request, reply)
