"""A gateway of its own for each test, and the thread in which a function's process runs."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.gateway.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def thread() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Runs what it is given where no loop runs, as Lambda does."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda work: pool.submit(work).result()
