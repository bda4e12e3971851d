"""Passwords that a source sends by SPML, passed on to real targets: all take one, or the source hears who did not."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.account import Account, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.gate import Gate
from provisioning.core.identity import Identity
from provisioning.core.policy import Policy
from provisioning.core.publication import BundleError, compile_bundle
from provisioning.core.record import Record
from provisioning.protocols.spml_password import Answered, Asked, ask
from provisioning.stages.gateway_passwords import Passwords
from tests.delivery.conftest import no_queue, read_secret
from tests.delivery.spml_objects import CORE, local
from tests.delivery.spml_provider import Endpoint, instead, served, service
from tests.delivery.spml_server import Target
from tests.gateway.spml import SPACES, Said, add, envelope, say
from tests.gateway.world import Published, World, sources
from tests.stages.tenant import bundle

SECRET = "s3cret & <long>"
TO = ("mail", "files")


@dataclass
class Stage:
    """A source that pushes by SPML, and two targets at which its only person has an account."""

    world: World
    store: MemoryStore
    endpoints: dict[str, Endpoint]

    async def send(self, do: str, content: str = "", attributes: str = "", id_: str = "a1") -> Said:
        name, body = f"password:{do}PasswordRequest", f'<password:psoID ID="{id_}"/>{content}'
        return await say(self.world, f"<{name} {attributes} {SPACES}>{body}</{name}>")

    def password(self, name: str) -> str:
        """What the target holds."""
        return next(iter(self.endpoints[name].target.objects.values())).password


def set_to(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return f"<password:password>{escaped}</password:password>"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        endpoints = {name: await stack.enter_async_context(served(Target())) for name in TO}
        caller = HttpCaller(Secrets(read_secret))
        stack.push_async_callback(caller.close)
        courier = Courier(caller, no_queue)
        numbers = iter(range(1000))

        async def tell(to: Service, remote_id: str, asked: Asked) -> Answered:
            return await courier.drive(to, ask(to, remote_id, asked, f"{next(numbers):08}"))

        services = [service(each.url).model_copy(update={"id": name}) for name, each in endpoints.items()]
        world, store = World(bundle=sources(spml={"passwords": []})), MemoryStore()
        world.shell = replace(world.shell, policies=Published(told(services)), passwords=Passwords(store, store, tell))
        await say(world, add("a1", uid="ann"))
        await store.put_identity(Identity("ann", {"people": Record("people", "a1", 1)}), ("people", "a1"))
        for name, each in endpoints.items():
            each.target.plant("person", uid="ann")
            known = Known(Phase.ACTIVE, next(iter(each.target.objects)))
            await store.put_account(Account("ann", name, known))
        yield Stage(world, store, endpoints)


def told(services: list[Service]) -> Policy:
    """The policy of a bundle whose source may send passwords to these services."""
    policy = compile_bundle(bundle(sources=sources()))
    changed = []
    for source in policy.bundle.sources:
        if source.id == "people" and source.push is not None:
            spml = source.push.spml.model_copy(update={"passwords": TO})
            source = source.model_copy(update={"push": source.push.model_copy(update={"spml": spml})})
        changed.append(source)
    whole = policy.bundle.model_copy(update={"services": tuple(services), "sources": tuple(changed)})
    return replace(policy, bundle=whole)


async def test_a_password_is_set_at_every_service_and_stored_nowhere(stage: Stage) -> None:
    assert (await stage.send("set", set_to(SECRET))).status == "success"
    assert [stage.password(name) for name in TO] == [SECRET, SECRET]
    kept = repr(stage.world.pushed.resources) + repr(stage.world.logged) + repr(vars(stage.store))
    assert SECRET not in kept
    assert len(stage.world.told("people")) == 1, "of the add; a password is told to nobody else"


async def test_the_capability_is_listed_only_where_passwords_are_taken(stage: Stage) -> None:
    answer = await say(stage.world, f"<listTargetsRequest {SPACES}/>")
    listed = [each.get("namespaceURI") for each in answer.element.iter() if local(each) == "capability"]
    assert f"{CORE}:password" in listed
    closed = World()
    await say(closed, add("a1", uid="ann"))
    refused = await Stage(closed, stage.store, stage.endpoints).send("set", set_to(SECRET))
    assert refused.error == "unsupportedOperation"


async def test_a_password_is_valid_where_all_take_it(stage: Stage) -> None:
    await stage.send("set", set_to(SECRET))
    assert (await stage.send("validate", set_to(SECRET))).element.get("valid") == "true"
    next(iter(stage.endpoints["files"].target.objects.values())).password = "another"
    assert (await stage.send("validate", set_to(SECRET))).element.get("valid") == "false"


async def test_a_password_expires_everywhere_after_so_many_logins(stage: Stage) -> None:
    assert (await stage.send("expire", attributes='remainingLogins="3"')).status == "success"
    assert [next(iter(each.target.objects.values())).logins for each in stage.endpoints.values()] == [3, 3]


async def test_one_that_is_reset_is_told_where_one_service_makes_it(stage: Stage) -> None:
    assert "another password" in (await stage.send("reset")).message
    known = Known(Phase.ABSENT)
    held = (await stage.store.deliveries("files", ["ann"])).rows["ann"][1]
    assert held is not None
    await stage.store.put_account(replace(held, known=known))
    answer = await stage.send("reset")
    assert answer.status == "success"
    (made,) = [each.text for each in answer.element if local(each) == "password"]
    assert made == stage.password("mail")


async def test_who_refuses_is_named_with_those_who_took_it_and_no_password_is_quoted(stage: Stage) -> None:
    said = f'<errorMessage xmlns="{CORE}">s3cret &amp; &lt;long&gt; is too weak</errorMessage>'
    response = f'<c:setPasswordResponse xmlns:c="{CORE}:password" status="failure" error="customError">{said}'
    stage.endpoints["files"].faults = [None, instead(envelope(f"{response}</c:setPasswordResponse>"))]
    answer = await stage.send("set", set_to(SECRET))
    assert answer.error == "customError"
    assert "files: " in answer.message
    assert "done at mail" in answer.message
    assert SECRET not in answer.message


async def test_nobody_is_told_while_one_of_the_services_is_paused(stage: Stage) -> None:
    await stage.store.put_gate("files", Gate(paused="moving house"))
    answer = await stage.send("set", set_to(SECRET))
    assert (answer.error, "moving house" in answer.message) == ("customError", True)
    assert not any(each.names for each in stage.endpoints.values())


async def test_who_is_not_there_has_no_password(stage: Stage) -> None:
    assert (await stage.send("set", set_to(SECRET), id_="nobody")).error == "noSuchIdentifier"
    await say(stage.world, add("b1", uid="bob"))
    assert "not a person with accounts yet" in (await stage.send("set", set_to(SECRET), id_="b1")).message
    assert (await stage.send("set")).error == "malformedRequest"
    assert (await stage.send("set", set_to("x" * 1025))).error == "malformedRequest"
    assert (await stage.send("expire", attributes='remainingLogins="-1"')).error == "malformedRequest"


def test_a_service_that_takes_none_is_named_when_the_bundle_is_checked() -> None:
    spml = {"passwords": ["wiki"]}
    with pytest.raises(BundleError, match="'wiki' takes no passwords"):
        compile_bundle(bundle(sources=sources(spml=spml)))
