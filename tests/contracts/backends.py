"""The adapters under contract: the same ports over memory, moto and an emulator."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.braking import StoredPopulations
from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.indexes import Indexes
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from provisioning.adapters.memory.store import MemoryStore
from provisioning.ports import Accounts, Counts, Due, Identities, Populations, Rejections, Walk

REGION = "eu-west-1"


@dataclass(frozen=True)
class Store:
    """Every port of the table. `requests` is what was asked so far."""

    identities: Identities
    accounts: Accounts
    due: Due
    walk: Walk
    counts: Counts
    rejections: Rejections
    populations: Populations
    requests: Callable[[], Counter[str]]


def memory_store() -> Store:
    store = MemoryStore()
    return Store(store, store, store, store, store, store, store, lambda: Counter(store.requests))


async def aws_store(clients: Clients) -> Store:
    """The ports over a table and a bucket of their own."""
    rows = Rows(clients, await new_table(clients))
    objects = Objects(clients, await new_bucket(clients))
    table, indexes, rejections = Table(rows), Indexes(rows), KeptRejections(rows, objects)
    populations = StoredPopulations(rows)
    return Store(
        table, table, indexes, indexes, indexes, rejections, populations, lambda: Counter(rejections.requests)
    )  # fmt: skip


async def new_table(clients: Clients) -> str:
    name = f"table-{token_hex(8)}"
    client: Any = await clients.dynamodb()
    stream = {**keys.TABLE_DEFINITION["StreamSpecification"], "StreamEnabled": True}
    await client.create_table(**{**keys.TABLE_DEFINITION, "StreamSpecification": stream, "TableName": name})
    await client.get_waiter("table_exists").wait(TableName=name)
    return name


async def new_bucket(clients: Clients) -> str:
    name = f"bucket-{token_hex(8)}"
    client = await clients.s3()
    await client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name
