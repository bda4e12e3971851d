"""Bulk requests against an SP that is not ours: what is said at the same time is one call, and each has its ending."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from provisioning.adapters.delivery.bulk import Bulking
from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.account import Desired, Known, Phase
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, Delivery, Ending, HttpRequest, HttpResponse, Outcome, Unanswered
from provisioning.protocols.scim import deliver
from tests.delivery.conftest import Provider, no_queue, read_secret

BULK = {"operations": 100, "payload": 100_000}
NOTHING = Known()


@pytest.fixture
async def courier() -> AsyncIterator[Courier]:
    caller = HttpCaller(Secrets(read_secret))
    bulking = Bulking(caller)
    yield Courier(bulking, no_queue, together=bulking.take_part)
    await caller.close()


def service(url: str, **bulk: Any) -> Service:
    return Service.model_validate({
        "id": "library", "protocol": "scim", "endpoint": url, "secret": "library", "private": True, "timeout": 5,
        "account": {"userName": "x"}, "scim": {"bulk": {**BULK, **bulk}},
    })  # fmt: skip


def wants(name: str, phase: Phase = Phase.ACTIVE) -> Desired:
    return Desired(phase, {"userName": name} if phase is not Phase.ABSENT else {})


def delivery(number: int, desired: Desired, known: Known = NOTHING) -> Delivery:
    return Delivery(f"0b8ff0e2-6f0f-4c3e-9b0f-{number:012}", desired, known, False, f"operation-{number}", 1)


async def together(courier: Courier, library: Service, *deliveries: Delivery) -> list[Ending]:
    async def one(each: Delivery, part: AbstractContextManager[None]) -> Ending:
        with part:
            return await courier.converse(library, deliver(library, each))

    parts = [courier.take_part(library) for _ in deliveries]
    return await asyncio.gather(*(one(each, part) for each, part in zip(deliveries, parts, strict=True)))


async def test_accounts_are_created_changed_suspended_and_deleted_by_one_call_each_time(
    provider: Provider, courier: Courier
) -> None:
    library = service(provider.url)
    made = await together(courier, library, *(delivery(n, wants(f"user-{n}")) for n in range(10)))
    assert [ending.outcome for ending in made] == [Outcome.DONE] * 10
    assert {user["id"]: user["userName"] for user in provider.users} == {
        str(ending.known.remote_id): f"user-{n}" for n, ending in enumerate(made)
    }
    second = [wants(f"new-{n}") if n < 5 else wants(f"user-{n}", Phase.SUSPENDED) for n in range(10)]
    done = await together(courier, library, *(delivery(n, second[n], made[n].known) for n in range(10)))
    assert {user["userName"]: user["active"] for user in provider.users} == {
        wanted.values["userName"]: wanted.phase is Phase.ACTIVE for wanted in second
    }
    gone = [delivery(n, wants("", Phase.ABSENT), ending.known) for n, ending in enumerate(done)]
    assert {ending.outcome for ending in await together(courier, library, *gone)} == {Outcome.DONE}
    assert provider.users == []
    assert [(call.method, call.path) for call in provider.grader.calls] == [("POST", "/v2/Bulk")] * 3


async def test_one_that_is_refused_has_its_own_ending(provider: Provider, courier: Courier) -> None:
    library = service(provider.url)
    names = ["ann", "bob", "ANN", "cas"]  # two people, one userName
    endings = await together(courier, library, *(delivery(n, wants(name)) for n, name in enumerate(names)))
    assert [ending.outcome for ending in endings].count(Outcome.DONE) == 3
    assert sorted(user["userName"].lower() for user in provider.users) == ["ann", "bob", "cas"]


async def test_a_request_alone_is_sent_as_it_is(provider: Provider, courier: Courier) -> None:
    library = service(provider.url)
    (ending,) = await together(courier, library, delivery(1, wants("ann")))
    assert (ending.outcome, [call.path for call in provider.grader.calls]) == (Outcome.DONE, ["/v2/Users"])


@pytest.mark.parametrize(("limits", "calls"), [({"operations": 4}, 3), ({"payload": 1024}, 5), ({}, 1)])
async def test_an_sp_s_limits_are_kept(provider: Provider, courier: Courier, limits: Any, calls: int) -> None:
    library = service(provider.url, **limits)
    endings = await together(courier, library, *(delivery(n, wants(f"user-{n}")) for n in range(12)))
    assert ({ending.outcome for ending in endings}, len(provider.users)) == ({Outcome.DONE}, 12)
    sizes = [len(call.body) for call in provider.grader.calls]
    assert (len(sizes) <= calls, max(sizes) <= library.model_dump()["scim"]["bulk"]["payload"]) == (True, True)


class Scripted:
    """A transport that answers bulks by a script, and everything else with a success."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.paths = list(answers), []

    paths: list[str]

    async def __call__(self, service: Service, request: HttpRequest, within: float) -> Answer:
        self.paths.append(request.path)
        if request.path == "/Bulk":
            return self.answers.pop(0)
        return HttpResponse(201, {}, b'{"id": "1"}')


async def scripted(*answers: Answer) -> tuple[list[Outcome], list[str]]:
    caller = Scripted(*answers)
    bulking = Bulking(caller)
    courier, library = Courier(bulking, no_queue, together=bulking.take_part), service("http://library")
    endings = await together(courier, library, *(delivery(n, wants(f"user-{n}")) for n in range(2)))
    return [ending.outcome for ending in endings], caller.paths


@pytest.mark.parametrize("status", [400, 404, 405, 413, 501])
async def test_where_bulks_are_not_taken_each_is_sent_alone(status: int) -> None:
    outcomes, paths = await scripted(HttpResponse(status))
    assert (outcomes, paths) == ([Outcome.DONE] * 2, ["/Bulk", "/Users", "/Users"])


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Unanswered("connection refused", sent=False), Outcome.TRANSIENT),
        (Unanswered("no answer", sent=True), Outcome.UNKNOWN),
        (HttpResponse(429, {"retry-after": "9"}), Outcome.TRANSIENT),
        (HttpResponse(503), Outcome.TRANSIENT),
        (HttpResponse(500), Outcome.UNKNOWN),
        (HttpResponse(200, {}, b"<html>"), Outcome.UNKNOWN),
        (HttpResponse(200, {}, b'{"Operations": [{"bulkId": "7", "status": "201"}]}'), Outcome.UNKNOWN),
        (HttpResponse(200, {}, b'{"Operations": [{"bulkId": "0", "status": "201"}, 5, {}]}'), Outcome.UNKNOWN),
    ],
)
async def test_whatever_happens_to_a_bulk_nobody_is_made_twice(answer: Answer, outcome: Outcome) -> None:
    outcomes, paths = await scripted(answer)
    assert (outcomes, paths) == ([outcome] * 2, ["/Bulk"])
