"""The worlds of the contract: a literal list; each starts what it needs, or says what is missing."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.sources.files_world import files_in_memory, files_on_s3
from tests.sources.memory_world import MemoryWorld
from tests.sources.world import World


@asynccontextmanager
async def _memory() -> AsyncIterator[World]:
    yield MemoryWorld()


WORLDS: dict[str, Callable[[], AbstractAsyncContextManager[World]]] = {
    "memory": _memory,
    "files": files_in_memory,
    "files-s3": files_on_s3,
}


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """An empty source of one technology."""
    async with WORLDS[request.param]() as made:
        yield made
