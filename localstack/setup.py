"""Setting up one run: SPs, code, stack, registry and oracle, put together and taken down again."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import aiohttp

from infra.bundle import Built, architecture, build, extras_of, on_lambda, this_machine
from localstack import clock
from localstack.campus.car_park import CarPark
from localstack.campus.cast import FOREIGN
from localstack.campus.oracle import Oracle
from localstack.campus.policy import read_policy
from localstack.campus.providers import BadgeSystem, ScimProvider, badge_queue, scim_provider
from localstack.campus.registry import Registry
from localstack.check import read_scim
from localstack.clients import open_clients
from localstack.deploy import deploy
from localstack.emulator import REGION, ROOT
from localstack.engine import Say
from localstack.world import World
from provisioning.adapters.aws.clients import Clients as EngineClients
from provisioning.adapters.aws.indexes import Indexes
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.adapters.aws.rows import Rows
from provisioning.command.bundle import load_bundle
from provisioning.core.catalog import Bundle

CAMPUS: Final = ROOT / "localstack" / "campus"
_SPORTS_RULE: Final = "members-train"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the run happens: the endpoint of AWS, and how functions reach the SPs of this process."""

    endpoint: str
    bind: str = "127.0.0.1"
    host: str = "127.0.0.1"
    containers: bool = False  # functions run in containers with Lambda's own interpreter


@contextmanager
def scim_providers(bundle: Bundle, place: Place, say: Say) -> Iterator[Mapping[str, ScimProvider]]:
    """A SCIM server for each service that speaks it, with a token of its own."""
    with ExitStack() as stack:
        providers = {
            service.id: stack.enter_context(
                scim_provider(service.id, f"token-of-{service.id}-{os.urandom(6).hex()}", place.bind)
            )
            for service in bundle.services
            if service.protocol == "scim"
        }
        say(f"sample SPs: {', '.join(f'{name} at {provider.endpoint}' for name, provider in providers.items())}")
        yield providers


async def code(bundle: Bundle, place: Place, say: Say) -> Built:
    """The code bundle for where the functions run."""
    target = on_lambda(architecture()) if place.containers else this_machine()
    built = await asyncio.to_thread(build, target, extras_of(bundle))
    say(f"code bundle: {built.packed / 1e6:.1f} MB{', as it was' if built.reused else ''}")
    return built


def secrets_of(bundle: Bundle, providers: Mapping[str, ScimProvider]) -> dict[str, str]:
    """The tokens of the SPs by the names of their secrets."""
    return {
        service.secret: providers[service.id].token
        for service in bundle.services
        if service.secret is not None and service.id in providers
    }


@asynccontextmanager
async def open_world(place: Place, opens_in: int, say: Say) -> AsyncIterator[World]:
    """A deployed engine with its surroundings; the sports hall opens in so many seconds."""
    bundle = load_bundle(CAMPUS)
    with scim_providers(bundle, place, say) as providers:
        built = await code(bundle, place, say)
        async with open_clients(place.endpoint) as clients:
            opening = clock.moment().replace(microsecond=0) + timedelta(seconds=opens_in)
            queue = await badge_queue(clients.sqs, "badge-system")
            bundle = _placed(bundle, providers, place.host, queue, opening)
            deployment = await deploy(clients, bundle, built.file, built.key, secrets_of(bundle, providers))
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
                car_park=CarPark(clients.s3, deployment.outputs["Bucket"], "extracts/parking"),
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


def placed(bundle: Bundle, providers: Mapping[str, ScimProvider], host: str) -> Bundle:
    """A bundle with the endpoints of this run's SPs."""
    endpoints = {name: f"http://{host}:{provider.port}/v2" for name, provider in providers.items()}
    services = tuple(
        service.model_copy(update={"endpoint": endpoints.get(service.id, service.endpoint)})
        for service in bundle.services
    )
    return bundle.model_copy(update={"services": services})


def _placed(bundle: Bundle, providers: Mapping[str, ScimProvider], host: str, queue: str, opening: datetime) -> Bundle:
    """The campus' bundle with the endpoints of this run's SPs, and with the opening of this run."""
    services = tuple(
        service.model_copy(update={"endpoint": queue}) if service.protocol == "queue" else service
        for service in placed(bundle, providers, host).services
    )
    rules = tuple(
        rule.model_copy(update={"since": opening.isoformat()}) if rule.id == _SPORTS_RULE else rule
        for rule in bundle.rules
    )
    return bundle.model_copy(update={"services": services, "rules": rules})


async def add_foreign_account(world: World) -> None:
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
