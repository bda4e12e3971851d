"""Setting up a run of the federation: SPs, stack, and an IDMS for each partner."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from infra import names
from localstack.campus.registry import Registry
from localstack.clients import open_clients
from localstack.deploy import deploy
from localstack.emulator import REGION, ROOT
from localstack.engine import Engine, Say
from localstack.setup import Place, code, placed, scim_providers, secrets_of
from provisioning.adapters.aws.clients import Clients as EngineClients
from provisioning.adapters.aws.indexes import Indexes
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from provisioning.command.bundle import load_bundle
from provisioning.command.intake_deployed import switch_source
from provisioning.core.catalog import Bundle
from provisioning.core.period import Duration

FEDERATION: Final = ROOT / "localstack" / "federation"
LIMIT: Final = 100  # seconds for which the consortium may be silent in the play; its file says a week


@dataclass
class Federation(Engine):
    """The engine with its three sources. `registries`: by source."""

    registries: Mapping[str, Registry]
    table: Table
    rejections: KeptRejections

    async def listen(self, source: str, *, on: bool) -> None:
        """Take what a source says, or let it wait, as `provision source resume` and `pause` do."""
        await switch_source(self.deployment.stack, source, on=on)

    async def waiting(self, source: str) -> int:
        """Messages of a source that nobody has taken."""
        url = self.deployment.outputs[names.logical("changes", source, "queue")]
        answer = await self.clients.sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    async def tick(self) -> None:
        """Run schedule, as the clock does every minute."""
        name = f"{self.deployment.stack}-schedule"
        await self.clients.functions.invoke(FunctionName=name, Payload=b'{"id": "the play"}')


@asynccontextmanager
async def open_federation(place: Place, say: Say) -> AsyncIterator[Federation]:
    """A deployed engine with its surroundings."""
    bundle = _hurried(load_bundle(FEDERATION))
    with scim_providers(bundle, place, say) as providers:
        built = await code(bundle, place, say)
        async with open_clients(place.endpoint) as clients:
            bundle = placed(bundle, providers, place.host)
            deployment = await deploy(clients, bundle, built.file, built.key, secrets_of(bundle, providers))
            say(f"stack {deployment.stack} is up, bundle {deployment.published.hash} in force")
            engine = EngineClients(place.endpoint, REGION)
            rows = Rows(engine, deployment.outputs["Table"])
            registries = {each.id: Registry(clients.sns, deployment.topic(each.id)) for each in bundle.sources}
            rejections = KeptRejections(rows, Objects(engine, deployment.outputs["Bucket"]))
            try:
                yield Federation(
                    clients, deployment, bundle, providers, Indexes(rows), say, registries, Table(rows), rejections
                )
            finally:
                await engine.close()


def _hurried(bundle: Bundle) -> Bundle:
    """The bundle with a limit for the consortium's silence that a play can wait for."""
    sources = tuple(
        source
        if source.freshness is None
        else source.model_copy(
            update={"freshness": source.freshness.model_copy(update={"limit": Duration(seconds=LIMIT)})}
        )
        for source in bundle.sources
    )
    return bundle.model_copy(update={"sources": sources})
