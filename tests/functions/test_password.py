"""`provision password` against a deployed stack and an SPML provider on loopback."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from typer.testing import CliRunner, Result

from provisioning.command.deployed import pause_service, resume_service
from provisioning.command.main import application
from provisioning.core.account import Account, Known, Phase
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.identity import Identity
from provisioning.core.record import Record
from provisioning.core.wire import canonical, digest_of
from provisioning.runtime import wiring
from tests.delivery.spml_provider import REFERENCES, Endpoint, served
from tests.delivery.spml_server import Target
from tests.functions.conftest import Deployed
from tests.functions.stack import stand
from tests.stages.tenant import bundle

STACK = "campus-passwords"


@pytest.fixture
async def spml(deployed: Deployed) -> AsyncIterator[Endpoint]:
    async with served(Target()) as endpoint:
        remote = endpoint.target.plant("person", uid="ann")
        await asyncio.to_thread(_deploy, deployed, endpoint.url, remote.id)
        yield endpoint


def _deploy(deployed: Deployed, url: str, remote: str) -> None:
    spml = {"protocol": "spml", "endpoint": url, "private": True, "spml": REFERENCES, "secret": "token"}
    content = bundle({"library": {**spml, "account": {"uid": "person.login"}, "match": "uid"}})
    dumped = content.model_dump(mode="json", by_alias=True)
    deployed.run(lambda: wiring.policies().publish(canonical(dumped), digest_of(dumped)))
    deployed.run(lambda: stand(STACK))

    async def store() -> None:
        if not await wiring.table().links([("registry", "ann")]):
            known = Identity("i-ann", {"registry": Record("registry", "ann", 1)})
            await wiring.table().put_identity(known, ("registry", "ann"))
        account = (await wiring.table().holding("i-ann")).accounts.get("library", Account("i-ann", "library"))
        held = Known(Phase.ACTIVE, remote)
        await wiring.table().put_account(
            Account("i-ann", "library", known=held, revision=account.revision, sequence=account.sequence)
        )

    deployed.run(store)


async def provision(deployed: Deployed, *arguments: str, given: str = "") -> Result:
    """What a command does. Raises what the command raises."""
    words = ["password", *arguments, "--secret-env", "TOKEN", "--stack", STACK]

    def invoke() -> Result:
        return deployed.thread.submit(
            lambda: CliRunner(env={"TOKEN": "t"}).invoke(application, words, input=given)
        ).result()

    result = await asyncio.to_thread(invoke)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


async def test_a_password_is_set_validated_expired_and_reset(deployed: Deployed, spml: Endpoint) -> None:
    (held,) = spml.target.objects.values()
    result = await provision(deployed, "library", "registry/ann", "set", given="s€cret\n")
    assert held.password == "s€cret"
    assert "s€cret" not in result.output
    assert (await provision(deployed, "library", "registry/ann", "validate", given="s€cret")).stdout == "valid\n"
    wrong = await provision(deployed, "library", "registry/ann", "validate", given="other")
    assert (wrong.stdout, wrong.exit_code) == ("not valid\n", 1)
    await provision(deployed, "library", "registry/ann", "expire")
    assert held.logins == 1
    await provision(deployed, "library", "registry/ann", "expire", "--logins", "3")
    assert held.logins == 3
    assert (await provision(deployed, "library", "registry/ann", "reset")).stdout == f"{held.password}\n"


async def test_what_cannot_be_done_is_told(deployed: Deployed, spml: Endpoint) -> None:
    with pytest.raises(InvalidError, match="no account at 'wiki'"):
        await provision(deployed, "wiki", "registry/ann", "reset")
    with pytest.raises(InvalidError, match="no password"):
        await provision(deployed, "library", "registry/ann", "set", given="\n")
    with pytest.raises(InvalidError, match="nobody is known"):
        await provision(deployed, "library", "registry/bob", "reset")
    with pytest.raises(InvalidError, match="--logins"):
        await provision(deployed, "library", "registry/ann", "reset", "--logins", "3")
    assert spml.calls == []


async def test_a_paused_service_is_not_asked(deployed: Deployed, spml: Endpoint) -> None:
    await asyncio.to_thread(deployed.run, lambda: pause_service(STACK, "library", "moving house"))
    with pytest.raises(TransientError, match=r"library is paused \(moving house\) and nothing was asked"):
        await provision(deployed, "library", "registry/ann", "reset")
    assert spml.calls == []
    await asyncio.to_thread(deployed.run, lambda: resume_service(STACK, "library"))
    assert (await provision(deployed, "library", "registry/ann", "reset")).exit_code == 0
