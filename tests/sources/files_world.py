"""Files in a folder, as the contract sees them: an IDMS that writes a delta for each change, and now and then all."""

import csv
import io
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from moto.server import ThreadedMotoServer

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.folders import StoredFolders
from provisioning.adapters.memory.folders import MemoryFolders
from provisioning.adapters.sources.registry import open_source
from provisioning.core.errors import TransientError
from provisioning.core.source import Item
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction, Folders
from tests.contracts.backends import REGION, new_bucket
from tests.sources.world import Fields

PLACE = "s3:///idms"
COLUMNS = ("id", "operation", "given", "unit")


async def no_secret(name: str) -> str:
    raise AssertionError(f"files have no secret {name}")


class FilesWorld:
    """Deltas and full files share one number. `format`: csv or jsonl."""

    def __init__(self, store: Callable[[str, bytes | None], Awaitable[None]], folders: Folders, format_: str) -> None:
        self._store, self._folders, self._format = store, folders, format_
        self._people: dict[str, Fields] = {}
        self._broken: list[str] = []
        self._number = 0
        self._breaks = False
        self._deltas: list[str] = []
        self.lacks: Mapping[str, str] = {}

    async def begin(self) -> None:
        """Nobody is known yet, and a full file says so."""
        await self._full()

    async def put(self, name: str, fields: Fields) -> str:
        self._people[name] = fields
        await self._delta({"id": name, "operation": "put", **fields})
        return name

    async def remove(self, name: str) -> None:
        del self._people[name]
        await self._delta({"id": name, "operation": "delete"})

    async def spoil(self, name: str) -> None:
        self._broken.append(name)
        await self._full()

    async def forget(self) -> None:
        for name in self._deltas:
            await self._store(name, None)
        self._deltas.clear()
        self._number += 1
        await self._full()
        await self._delta(None)

    async def interrupt(self) -> None:
        self._breaks = True

    async def checkpoint(self) -> None:
        """What each request passes."""
        if self._breaks:
            self._breaks = False
            raise TransientError("the connection broke")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Extraction]:
        files = {
            "place": PLACE, "format": self._format, "key": "id", "operation": "operation", "numbered": True,
            "full": f"people-*.{self._format}", "delta": f"changes-*.{self._format}",
        }  # fmt: skip
        self._breaks = False  # what is opened now has a connection of its own
        poll = Poll.model_validate({"page": 3, "files": files})
        async with open_source(poll, no_secret, self._folders) as source:
            yield source

    def given(self, item: Item) -> str | None:
        return None if item.fields is None else str(item.fields["given"])

    async def _delta(self, row: Mapping[str, str] | None) -> None:
        self._number += 1
        name = f"changes-{self._number:04d}.{self._format}"
        await self._store(name, self._body([row] if row is not None else []))
        self._deltas.append(name)
        if self._number % 4 == 0:
            await self._full()

    async def _full(self) -> None:
        rows = [{"id": name, "operation": "put", **fields} for name, fields in sorted(self._people.items())]
        await self._store(f"people-{self._number:04d}.{self._format}", self._body(rows, self._broken))

    def _body(self, rows: Sequence[Mapping[str, str]], broken: Sequence[str] = ()) -> bytes:
        if self._format == "jsonl":
            lines = [*(f'{{"id": "{name}", ' for name in broken), *map(json.dumps, rows)]
            return "".join(f"{line}\n" for line in lines).encode()
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore")
        writer.writeheader()
        text.writelines(f'{name},"put,x"y,z\r\n' for name in broken)
        writer.writerows(rows)
        return text.getvalue().encode()


@asynccontextmanager
async def files_in_memory() -> AsyncIterator[FilesWorld]:
    """CSV, in dicts."""
    folders = MemoryFolders()

    async def store(name: str, body: bytes | None) -> None:
        if body is None:
            del folders.kept[PLACE, name]
        else:
            folders.kept[PLACE, name] = body

    world = FilesWorld(store, folders, "csv")
    folders.checkpoint = world.checkpoint
    await world.begin()
    yield world


class S3World(FilesWorld):
    """JSON lines, in S3 of its own server, which may be started anew."""

    def __init__(
        self, server: ThreadedMotoServer, store: Callable[[str, bytes | None], Awaitable[None]], folders: Folders
    ) -> None:
        super().__init__(store, folders, "jsonl")
        self._server = server

    async def interrupt(self) -> None:
        host, port = self._server.get_host_and_port()
        self._server.stop()
        self._server._ip_address, self._server._port = host, port
        self._server.start()


@asynccontextmanager
async def files_on_s3() -> AsyncIterator[FilesWorld]:
    """JSON lines, on moto's server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request says nothing
    server.start()
    host, port = server.get_host_and_port()
    clients = Clients(f"http://{host}:{port}", REGION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        bucket = await new_bucket(clients)
        client = await clients.s3()

        async def store(name: str, body: bytes | None) -> None:
            key = f"sources/idms/{name}"
            if body is None:
                await client.delete_object(Bucket=bucket, Key=key)
            else:
                await client.put_object(Bucket=bucket, Key=key, Body=body)

        world = S3World(server, store, StoredFolders(clients, bucket))
        await world.begin()
        yield world
        await clients.close()
    server.stop()
