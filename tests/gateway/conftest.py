"""A gateway of its own for each test."""

import pytest

from tests.gateway.world import World


@pytest.fixture
def world() -> World:
    return World()
