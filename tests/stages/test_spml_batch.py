"""A batch of deliveries to an SPML target that takes batches: one call for what the ten have to say at the same time.

The deliver stage, the courier, its transport and the target on loopback are real; the clock, the table and the queues
are the bench's. Every call is judged.
"""

import xml.etree.ElementTree as ET  # what it reads is our client's, within a test
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from provisioning.adapters.delivery.bulk import Bulking
from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.account import Condition
from tests.delivery.conftest import no_queue, read_secret
from tests.delivery.spml_objects import CAPABILITIES
from tests.delivery.spml_provider import BATCH, REFERENCES, Endpoint, Fault, dropped, instead, refused, served
from tests.delivery.spml_server import Target
from tests.stages.bench import Bench, decided
from tests.stages.tenant import says

TEN = [f"p{number}" for number in range(1, 11)]


@dataclass
class Library:
    """The bench, and the library's target."""

    bench: Bench
    endpoint: Endpoint

    @property
    def target(self) -> Target:
        return self.endpoint.target

    async def say(self, version: int, *kinds: str, **attributes: Any) -> None:
        """All ten change, and are decided; their bells wait to be delivered."""
        assert not await self.bench.process.receive(*(says(key, version, *kinds, **attributes) for key in TEN))
        self.bench.drain("library")

    async def deliver(self, *keys: str) -> list[str]:
        """What was asked meanwhile."""
        before = len(self.endpoint.calls)
        await self.bench.deliver("library", *(keys or TEN))
        return self.endpoint.names[before:]

    def conditions(self) -> set[Condition]:
        return {self.bench.account(key=key).condition for key in TEN}

    def held(self) -> dict[str, str]:
        """Names and phases, each of one account."""
        found = {held.one("uid"): "suspended" if held.suspended else "active" for held in self.target.accounts()}
        assert len(found) == len(self.target.accounts())
        return found

    def is_each_its_own(self) -> bool:
        """Whether every account of ours has the id of its own object: its mark is its identity."""
        for key in TEN:
            account = self.bench.account(key=key)
            assert account.known.remote_id is not None
            if self.target.objects[account.known.remote_id].one("employeeNumber") != account.identity:
                return False
        return True


async def _library(endpoint: Endpoint, **options: Any) -> Library:
    account = {"uid": "person.login", "sn": "person.name"}
    spml = {**REFERENCES, "batch": BATCH, **options}
    fields = {"protocol": "spml", "endpoint": endpoint.url, "match": "uid", "account": account, "spml": spml}
    bench = await decided(people=10, services={"library": {"private": True, **fields}})
    caller = HttpCaller(Secrets(read_secret))
    bulking = Bulking(caller)
    bench.courier = Courier(bulking, no_queue, together=bulking.take_part)
    return Library(bench, endpoint)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with served(Target()) as made:
        yield made


async def test_ten_accounts_are_made_changed_and_suspended_by_one_call_each_time(endpoint: Endpoint) -> None:
    library = await _library(endpoint)
    assert await library.deliver() == ["batch"]
    assert library.held() == {f"login-{key}": "active" for key in TEN}
    assert (library.conditions(), library.is_each_its_own()) == ({Condition.SETTLED}, True)
    await library.say(2, "student", name="Ann")
    assert await library.deliver() == ["batch"]
    assert {held.one("sn") for held in library.target.accounts()} == {"Ann"}
    await library.say(3, name="Ann")
    assert await library.deliver() == ["batch"]
    assert set(library.held().values()) == {"suspended"}
    assert library.conditions() == {Condition.SETTLED}


async def test_one_that_is_refused_does_not_keep_the_others(endpoint: Endpoint) -> None:
    library = await _library(endpoint)
    library.target.plant("person", uid="login-p3", employeeNumber="somebody else")
    await library.deliver()
    conditions = {key: library.bench.account(key=key).condition for key in TEN}
    assert conditions.pop("p3") is Condition.PARKED
    assert set(conditions.values()) == {Condition.SETTLED}


@pytest.mark.parametrize("options", [{"batch": None}, {"execution": "asynchronous"}])
async def test_without_batches_and_where_the_sp_takes_its_time_each_goes_alone(
    endpoint: Endpoint, options: dict[str, Any]
) -> None:
    library = await _library(endpoint, **options)
    assert await library.deliver() == ["add"] * 10


async def test_a_target_that_knows_no_batches_is_sent_each_alone() -> None:
    without = tuple(name for name in CAPABILITIES if name != "batch")
    async with served(Target(capabilities=without)) as endpoint:
        library = await _library(endpoint)
        assert await library.deliver() == ["batch", *["add"] * 10]
        assert (library.conditions(), library.is_each_its_own()) == ({Condition.SETTLED}, True)


async def test_the_sps_limits_are_kept(endpoint: Endpoint) -> None:
    library = await _library(endpoint, batch={"operations": 4, "payload": 200_000})
    assert await library.deliver() == ["batch"] * 3
    assert [len(call.request) for call in endpoint.calls] == [4, 4, 2]


async def _shuffled(endpoint: Endpoint, _request: web.Request, content: bytes) -> web.StreamResponse:
    """The effect, and the answers in another order."""
    answer = ET.fromstring(endpoint.target.answer(content))  # noqa: S314
    batch = answer[0][0]
    batch[:] = list(batch)[::-1]
    return web.Response(body=ET.tostring(answer), content_type="text/xml")


async def _nameless(endpoint: Endpoint, _request: web.Request, content: bytes) -> web.StreamResponse:
    """The effect, and the answers in another order, none of which says whose it is."""
    answer = ET.fromstring(endpoint.target.answer(content))  # noqa: S314
    batch = answer[0][0]
    batch[:] = list(batch)[::-1]
    for response in batch:
        del response.attrib["requestID"]
    return web.Response(body=ET.tostring(answer), content_type="text/xml")


async def _short(endpoint: Endpoint, _request: web.Request, content: bytes) -> web.StreamResponse:
    """The effect, and an answer that leaves out the last three."""
    answer = ET.fromstring(endpoint.target.answer(content))  # noqa: S314
    batch = answer[0][0]
    batch[:] = list(batch)[:-3]
    return web.Response(body=ET.tostring(answer), content_type="text/xml")


_GARBAGE = instead(b"<html>Welcome", effect=True)
_SERVER = instead(
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Server</faultcode>'
    b"<faultstring>out of memory</faultstring></e:Fault></e:Body></e:Envelope>", 500, effect=True,
)  # fmt: skip


@pytest.mark.parametrize(
    "fault",
    [dropped, refused, _GARBAGE, _SERVER, instead(b"", 500), instead(b"", 503), _shuffled, _nameless, _short],
    ids=["dropped", "refused", "garbage", "server", "500", "503", "shuffled", "nameless", "short"],
)
async def test_whatever_happens_to_a_batch_each_has_one_account_which_is_its_own(
    endpoint: Endpoint, fault: Fault
) -> None:
    library = await _library(endpoint)
    endpoint.faults = [fault]
    await library.deliver()
    assert Condition.SETTLED not in library.conditions()
    await library.bench.settle()
    assert library.held() == {f"login-{key}": "active" for key in TEN}
    assert (library.conditions(), library.is_each_its_own()) == ({Condition.SETTLED}, True)


async def test_whoever_dies_before_a_batch_is_answered_leaves_no_second_account() -> None:
    for at in range(1, 60):
        async with served(Target()) as endpoint:
            library = await _library(endpoint)
            bench = library.bench
            bells = [bench.bell("library", key) for key in TEN]
            died = await bench.killed(bench.process.deliver("library", *bells), at)
            await bench.deliver("library", *TEN)
            await bench.settle()
            assert library.held() == {f"login-{key}": "active" for key in TEN}, at
            assert (library.conditions(), library.is_each_its_own()) == ({Condition.SETTLED}, True), at
        if not died:
            return
    raise AssertionError("more awaits than expected")
