"""The source in dicts, as the contract sees it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from provisioning.adapters.memory.source import MemorySource
from provisioning.core.source import Item
from provisioning.ports import Extraction
from tests.sources.world import Fields


class MemoryWorld:
    """People in dicts."""

    lacks: Mapping[str, str] = {
        "one_spoiled_stops_nobody": "what is in a dict can be read",
        "a_broken_connection_passes": "there is no connection",
    }

    def __init__(self) -> None:
        self.source = MemorySource()

    async def put(self, name: str, fields: Fields) -> str:
        self.source.put(name, fields)
        return name

    async def remove(self, name: str) -> None:
        self.source.remove(name)

    async def spoil(self, name: str) -> None:
        raise NotImplementedError

    async def forget(self) -> None:
        self.source.forgotten = len(self.source.log)

    async def interrupt(self) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Extraction]:
        yield self.source

    def given(self, item: Item) -> str | None:
        return None if item.fields is None else str(item.fields["given"])
