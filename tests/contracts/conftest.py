"""Where the AWS adapters are tried: moto's server, and the embedded AWS."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from provisioning.adapters.aws.clients import Clients
from tests.contracts.backends import REGION, Store, aws_store, memory_store
from tests.moto_server import moto_server


@pytest.fixture(scope="session")
def credentials() -> Iterator[None]:
    """Emulators want some, and believe any."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.delenv("AWS_PROFILE", raising=False)
        yield


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request says nothing
    with moto_server() as endpoint:
        yield endpoint


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def moto_clients(moto_endpoint: str, credentials: None) -> AsyncIterator[Clients]:
    made = Clients(moto_endpoint, REGION)
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def emulator_clients(emulator_endpoint: str, credentials: None) -> AsyncIterator[Clients]:
    made = Clients(emulator_endpoint, REGION)
    yield made
    await made.close()


@pytest.fixture(scope="session", params=["moto", "emulator"])
def clients(request: pytest.FixtureRequest) -> Clients:
    """The clients of one endpoint; kept for the session, since the first of each kind costs half a second."""
    made: Clients = request.getfixturevalue(f"{request.param}_clients")
    return made


@pytest.fixture(scope="session", params=["memory", "moto", "emulator"])
def backend(request: pytest.FixtureRequest) -> Clients | None:
    """Where the ports are tried. None: in memory."""
    if request.param == "memory":
        return None
    made: Clients = request.getfixturevalue(f"{request.param}_clients")
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def store(backend: Clients | None) -> Store:
    """The table's ports, empty."""
    return memory_store() if backend is None else await aws_store(backend)
