"""Whole lives of accounts through the whole deliver stage, at a receiver, a directory and an SPML target.

The clock, the table and the queues are the bench's; the courier, its transports and the counterparts are real.
"""

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ldap3
import pytest

from provisioning.adapters.delivery.bulk import Bulking
from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.ldap import LdapCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.delivery.sign import Signing
from provisioning.core.account import Condition
from provisioning.runtime.entry import clock
from tests.delivery import openldap
from tests.delivery.certificates import make_certificate
from tests.delivery.conftest import no_queue
from tests.delivery.spml_provider import BATCH, REFERENCES, served
from tests.delivery.spml_server import Target
from tests.delivery.test_ldap import LOCKED, trust
from tests.delivery.webhook import Endpoint
from tests.stages.bench import Bench, Process, new_bench
from tests.stages.tenant import DAY, bundle, says

SIGNED = "whsec_" + base64.b64encode(b"o" * 32).decode()
PLACES = ["webhook", "spml", "spml-later", "spml-batch", "ldap"]
Seen = dict[str, tuple[str, str]]  # login: phase, name


@dataclass
class Place:
    """A service's fields, the way to it, and what is there."""

    fields: dict[str, Any]
    courier: Courier
    seen: Callable[[], Seen]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[openldap.OpenLdap, Path] | None]:
    if openldap.find() is None:
        yield None
        return
    certificate = make_certificate(tmp_path_factory.mktemp("certificates"))
    with openldap.running(*certificate) as server:
        yield server, certificate[0]


@pytest.fixture(params=PLACES)
async def place(
    request: pytest.FixtureRequest, directory: tuple[openldap.OpenLdap, Path] | None
) -> AsyncIterator[Place]:
    kind = str(request.param)
    if kind == "ldap" and directory is None:
        pytest.skip(openldap.MISSING)
    secrets = Secrets(_secret)
    caller = HttpCaller(secrets)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(caller.close)
        bulking = Bulking(Signing(caller, secrets, clock))
        http = Courier(bulking, no_queue, together=bulking.take_part)
        if kind == "webhook":
            endpoint = Endpoint(SIGNED)
            await endpoint.server.start_server()
            stack.push_async_callback(endpoint.server.close)
            account = {"userName": "person.login", "name": "person.name"}
            fields = {"protocol": "webhook", "endpoint": endpoint.url, "secret": "signed", "account": account}
            yield Place(fields, http, lambda: _received(endpoint))
        elif kind == "ldap":
            assert directory is not None
            server, certificate = directory
            ask = LdapCaller(secrets, trust(certificate))
            stack.push_async_callback(ask.close)
            eyes: Any = ldap3.Connection(
                ldap3.Server(server.url, get_info=ldap3.NONE), openldap.ADMIN, openldap.PASSWORD, auto_bind=True
            )
            account = {"uid": "person.login", "cn": "person.name", "sn": "person.name"}
            fields = {"protocol": "ldap", "endpoint": server.secure_url, "secret": "directory", "match": "uid",
                      "account": account, "ldap": {"base": openldap.PEOPLE, "suspended": LOCKED}}  # fmt: skip
            yield Place(fields, Courier(caller, no_queue, ask), lambda: _entries(eyes))
            for name in _entries(eyes):
                eyes.delete(f"uid={name},{openldap.PEOPLE}")
            eyes.unbind()
        else:
            target = Target(delay=2 if kind == "spml-later" else 0)
            spml = await stack.enter_async_context(served(target))
            account = {"uid": "person.login", "sn": "person.name"}
            options = {**REFERENCES, "batch": BATCH} if kind == "spml-batch" else REFERENCES
            fields = {"protocol": "spml", "endpoint": spml.url, "match": "uid", "account": account, "spml": options}
            yield Place(fields, http, lambda: _objects(target))


async def _secret(name: str) -> str:
    held = {"signed": SIGNED, "directory": json.dumps({"dn": openldap.ADMIN, "password": openldap.PASSWORD})}
    return held[name]


def _received(endpoint: Endpoint) -> Seen:
    return {
        data["values"]["userName"]: (data["phase"], data["values"]["name"]) for data in endpoint.receiver.held.values()
    }


def _entries(eyes: Any) -> Seen:
    eyes.search(openldap.PEOPLE, "(objectClass=inetOrgPerson)", attributes=["uid", "cn", "pwdAccountLockedTime"])
    found = {}
    for entry in eyes.response or ():
        held = {name: [value.decode() for value in values] for name, values in entry["raw_attributes"].items()}
        found[held["uid"][0]] = ("suspended" if held.get("pwdAccountLockedTime") else "active", held["cn"][0])
    return found


def _objects(target: Target) -> Seen:
    return {
        held.one("uid"): ("suspended" if held.suspended else "active", held.one("sn")) for held in target.accounts()
    }


async def at(place: Place, before: int = 0) -> Bench:
    """A bench whose library is this place, where so many identities were known before."""
    bench = await new_bench(bundle({"library": {"private": True, **place.fields}}))
    bench.courier = place.courier
    bench.process = Process(bench)
    for _ in range(before):
        bench.new_identity()
    return bench


async def test_a_whole_life(place: Place) -> None:
    bench = await at(place)
    await bench.arrive(says("p1", 1, "student"))
    assert place.seen() == {"login-p1": ("active", "Name of p1")}
    await bench.arrive(says("p1", 2, "student", name="Ann"))
    assert place.seen() == {"login-p1": ("active", "Ann")}
    await bench.arrive(says("p1", 3, name="Ann"))
    assert place.seen() == {"login-p1": ("suspended", "Ann")}
    await bench.arrive(says("p1", 4, "student", name="Ann"))
    assert place.seen() == {"login-p1": ("active", "Ann")}
    await bench.arrive(says("p1", 5, name="Ann"))
    bench.now += 31 * DAY
    await bench.sweep()
    await bench.settle()
    assert place.seen() == {}
    assert (bench.account().condition, bench.account().intent) == (Condition.SETTLED, None)


async def test_whoever_dies_on_the_way_there_is_one_account_in_the_end(place: Place) -> None:
    for step in range(40):
        bench = await at(place, step)
        key = f"q{step}"
        assert await bench.process.receive(says(key, 1, "student")) == frozenset()
        bench.drain("library")
        died = await bench.killed(bench.process.deliver("library", bench.bell("library", key)), step)
        bench.process = Process(bench)
        await bench.process.deliver("library", bench.bell("library", key))
        await bench.settle()
        assert place.seen()[f"login-{key}"] == ("active", f"Name of {key}"), step
        assert bench.account(key=key).condition is Condition.SETTLED
        if not died:
            return
    raise AssertionError("more awaits than expected")
