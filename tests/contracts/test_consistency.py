"""Reads of items are consistent. Emulators always are, so it is the request that is looked at."""

import json
from collections.abc import Awaitable, Mapping
from typing import Any

import pytest

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.indexes import Indexes
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from tests.contracts.backends import new_table

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def asked(clients: Clients, work: Awaitable[Any]) -> list[dict[str, Any]]:
    """The bodies of the requests that some work makes."""
    client: Any = await clients.dynamodb()
    bodies: list[dict[str, Any]] = []

    def note(params: Mapping[str, Any], **_: Any) -> None:
        bodies.append(json.loads(params["body"]))

    client.meta.events.register("before-call.dynamodb", note)
    try:
        await work
    finally:
        client.meta.events.unregister("before-call.dynamodb", note)
    return bodies


async def test_every_read_of_an_item_is_consistent(clients: Clients) -> None:
    name = await new_table(clients)
    table, indexes = Table(Rows(clients, name)), Indexes(Rows(clients, name))
    for work in (table.holding("a"), table.group("wiki", "g"), indexes.cursor(0)):
        (body,) = await asked(clients, work)
        assert body["ConsistentRead"] is True
    for batch in (table.links([("registry", "p1")]), table.deliveries("library", ["a"])):
        (body,) = await asked(clients, batch)
        assert body["RequestItems"][name]["ConsistentRead"] is True
