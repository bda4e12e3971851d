"""A source for functions and commands: people in a dict of this process, in place of a technology."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from provisioning.adapters.memory.source import MemorySource
from provisioning.adapters.sources.registry import ReadSecret
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction

SAMPLE = MemorySource(page=10)


@asynccontextmanager
async def open_sample(_poll: Poll, _read: ReadSecret) -> AsyncIterator[Extraction]:
    """The same people for whoever opens it."""
    yield SAMPLE
