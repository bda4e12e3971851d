"""The main job: a local AWS, the deployed engine, the sample SPs, the sample campus, a day of changes, and a verdict.

`python -m localstack.run --once` ends after the verdict; its status is 0 only if every account at every SP is what the
oracle says. Without it everything stays up until Ctrl-C.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

import aiohttp
from rich.console import Console

from infra.bundle import BundleBuildError, build, on_lambda, this_machine
from localstack import clock, hints
from localstack.campus.cast import FOREIGN, Cast
from localstack.campus.oracle import Oracle
from localstack.campus.people import people
from localstack.campus.policy import read_policy
from localstack.campus.providers import BadgeSystem, ScimProvider, badge_queue, scim_provider
from localstack.campus.registry import PublishError, Registry
from localstack.check import check, read_scim
from localstack.clients import open_clients
from localstack.deploy import DeployError, deploy
from localstack.emulator import REGION, ROOT, EmulatorError, await_endpoint, emulator, use
from localstack.play import load as load_people
from localstack.play import play
from localstack.report import differences, report
from localstack.world import UnsettledError, World
from provisioning.adapters.aws.clients import Clients as EngineClients
from provisioning.adapters.aws.indexes import Indexes
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.adapters.aws.rows import Rows
from provisioning.command.bundle import load_bundle
from provisioning.core.catalog import Bundle
from provisioning.core.errors import ProvisioningError

CAMPUS: Final = ROOT / "localstack" / "campus"
LOG: Final = ROOT / "build" / "emulator.log"
_LOCALSTACK: Final = "http://127.0.0.1:4566"
_SPORTS_RULE: Final = "members-train"
_OPENS: Final = 60  # seconds from the start; later if there are many people to load before
_A_SECOND: Final = 20  # people that are loaded in one second, at least
_ENDS: Final = 20  # seconds from the opening until a contract ends


@dataclass(frozen=True, slots=True)
class Place:
    """Where the run happens: the endpoint of AWS, and how functions reach the SPs of this process."""

    endpoint: str
    bind: str = "127.0.0.1"
    host: str = "127.0.0.1"
    containers: bool = False  # functions run in containers with Lambda's own interpreter


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for."""

    people: int
    seed: int
    once: bool
    localstack: bool


def main(arguments: list[str]) -> int:
    """Run; 0 if every account is as it should be, 1 if not, 2 if it could not be tried."""
    asked = _parse(arguments)
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a stopped run ends its emulator too
    try:
        with _place(asked, console) as place:
            use(place.endpoint)
            return asyncio.run(_run(asked, place, console))
    except KeyboardInterrupt:
        return 0 if not asked.once else 130
    except (EmulatorError, BundleBuildError, DeployError, PublishError, ProvisioningError) as error:
        console.print(f"{type(error).__name__}: {error}", markup=False, style="red")
        return 2


def _parse(arguments: list[str]) -> Arguments:
    parser = argparse.ArgumentParser(prog="python -m localstack.run", description=__doc__)
    parser.add_argument("--people", type=int, default=200, help="1 to 1000000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--once", action="store_true", help="end after the verdict")
    parser.add_argument("--aws", choices=("embedded", "localstack"), default="embedded")
    given = parser.parse_args(arguments)
    if not 1 <= given.people <= 1_000_000:
        parser.error("--people is 1 to 1000000")
    return Arguments(given.people, given.seed, given.once, given.aws == "localstack")


@contextmanager
def _place(asked: Arguments, console: Console) -> Iterator[Place]:
    given = os.environ.get("AWS_ENDPOINT_URL", "")
    if asked.localstack:
        endpoint = given or _LOCALSTACK
        console.print(f"LocalStack at {endpoint}: docker compose -f localstack/compose.yaml up -d --wait")
        await_endpoint(endpoint)
        # The functions' containers reach this machine by name, so the SPs listen on more than loopback; they ask for
        # a token.
        yield Place(endpoint, "0.0.0.0", "host.docker.internal", containers=True)  # noqa: S104
    elif given:
        await_endpoint(given)
        yield Place(given)
    else:
        with emulator(LOG) as endpoint:
            console.print(f"embedded AWS at {endpoint}, its log in {LOG.relative_to(ROOT)}")
            yield Place(endpoint)


async def _run(asked: Arguments, place: Place, console: Console) -> int:
    started = clock.moment()

    def say(text: str) -> None:
        console.print(f"[dim]{(clock.moment() - started).total_seconds():6.1f} s[/dim]  {text}")

    async with _world(asked, place, say) as world:
        cast = Cast(started.date(), world.opening + timedelta(seconds=_ENDS))
        problems: list[str] = []
        try:
            await _library_of_its_own(world)
            everybody = chain(cast.residents().values(), people(asked.seed, asked.people, started.date()))
            await load_people(world, everybody, asked.people + len(cast.residents()))
            await play(world, cast)
        except UnsettledError as error:
            problems.append(str(error))
        verdict = await check(world)
        await report(console, world, verdict)
        problems += verdict.differences
        if problems:
            console.print(f"[red]{len(problems)} differences between the SPs and the oracle:[/red]")
            differences(console, problems)
        else:
            console.print("[green]Every account at every SP is what the oracle says.[/green]")
        if not asked.once:
            console.print(hints.write(world), markup=False)
            await asyncio.Event().wait()
    return 1 if problems else 0


@asynccontextmanager
async def _world(asked: Arguments, place: Place, say: "hints.Say") -> AsyncIterator[World]:
    with ExitStack() as stack:
        bundle = load_bundle(CAMPUS)
        tokens = {
            service.id: f"token-of-{service.id}-{os.urandom(6).hex()}"
            for service in bundle.services
            if service.protocol == "scim"
        }
        providers = {
            name: stack.enter_context(scim_provider(name, token, place.bind)) for name, token in tokens.items()
        }
        say(f"sample SPs: {', '.join(f'{name} at {provider.endpoint}' for name, provider in providers.items())}")
        built = await asyncio.to_thread(build, on_lambda("x86_64") if place.containers else this_machine())
        say(f"code bundle: {built.packed / 1e6:.1f} MB{', as it was' if built.reused else ''}")
        async with open_clients(place.endpoint) as clients:
            opening = _opening(asked)
            queue = await badge_queue(clients.sqs, "badge-system")
            bundle = _placed(bundle, providers, place.host, queue, opening)
            secrets = {service.secret: tokens[service.id] for service in bundle.services if service.secret is not None}
            deployment = await deploy(clients, bundle, built.file, built.key, secrets)
            say(f"stack {deployment.stack} is up, bundle {deployment.published.hash} in force")
            oracle = Oracle(read_policy(CAMPUS).starting(_SPORTS_RULE, opening))
            engine = EngineClients(place.endpoint, REGION)
            rows = Rows(engine, deployment.outputs["Table"])
            world = World(
                clients=clients,
                deployment=deployment,
                bundle=bundle,
                oracle=oracle,
                registry=Registry(clients.sns, deployment.topic(bundle.sources[0].id)),
                providers=providers,
                badges=BadgeSystem(clients.sqs, queue),
                indexes=Indexes(rows),
                rejections=KeptRejections(rows, Objects(engine, deployment.outputs["Bucket"])),
                opening=opening,
                say=say,
            )
            badges = asyncio.create_task(world.badges.run())
            try:
                yield world
            finally:
                badges.cancel()
                with suppress(asyncio.CancelledError):
                    await badges
                await engine.close()


def _opening(asked: Arguments) -> datetime:
    """When the sports hall opens: when everybody is loaded and waits for it, at a whole second."""
    return clock.moment().replace(microsecond=0) + timedelta(seconds=_OPENS + asked.people // _A_SECOND)


def _placed(bundle: Bundle, providers: Mapping[str, ScimProvider], host: str, queue: str, opening: datetime) -> Bundle:
    """The campus' bundle with the endpoints of this run's SPs, and with the opening of this run."""
    endpoints = {name: f"http://{host}:{provider.port}/v2" for name, provider in providers.items()}
    services = tuple(
        service.model_copy(update={"endpoint": endpoints.get(service.id, queue)}) for service in bundle.services
    )
    rules = tuple(
        rule.model_copy(update={"since": opening.isoformat()}) if rule.id == _SPORTS_RULE else rule
        for rule in bundle.rules
    )
    return bundle.model_copy(update={"services": services, "rules": rules})


async def _library_of_its_own(world: World) -> None:
    """The library has an account that the engine did not make, and must not touch."""
    library = world.providers["library"]
    user = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": FOREIGN,
        "name": {"givenName": "The", "familyName": "Librarian"},
        "active": True,
    }
    headers = {"authorization": f"Bearer {library.token}", "content-type": "application/scim+json"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{library.endpoint}/Users", json=user) as response,
    ):
        response.raise_for_status()
    (service,) = [service for service in world.bundle.services if service.id == "library"]
    held = await read_scim(library, tuple(service.account))
    world.foreign["library"] = {name: dict(item.values) for name, item in held.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
