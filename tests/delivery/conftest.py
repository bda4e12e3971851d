"""A third party's SP on loopback, its judge, and the real courier."""

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.testserver.cli import ThreadingWSGIServer
from scim2_server.utils import load_default_provider

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.catalog import Service
from provisioning.core.errors import TransientError
from provisioning.protocols.dialogue import Answer, Publish, Unanswered
from tests.delivery.certificates import make_certificate
from tests.delivery.grader import Grader
from tests.delivery.openldap import OpenLdap, running

TOKEN = "a-token-of-the-library"


class Quiet(WSGIRequestHandler):
    """Keeps connections, says nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        return


@dataclass
class Provider:
    """scim2-server, with the judge before it."""

    url: str
    grader: Grader
    storage: InMemoryStorage

    def resources(self, kind: str) -> list[dict[str, Any]]:
        dumps = [item.model_dump() for item in self.storage.resources]
        return [dump for dump in dumps if dump["meta"]["resourceType"] == kind]

    @property
    def users(self) -> list[dict[str, Any]]:
        return self.resources("User")

    @property
    def groups(self) -> list[dict[str, Any]]:
        return self.resources("Group")


@pytest.fixture
def provider() -> Iterator[Provider]:
    storage = InMemoryStorage()
    grader = Grader(BearerTokenApplication(storage, load_default_provider(), bearer_tokens=[TOKEN]))
    server = make_server("127.0.0.1", 0, grader, server_class=ThreadingWSGIServer, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield Provider(f"http://127.0.0.1:{server.server_port}/v2", grader, storage)
    server.shutdown()
    server.server_close()


async def read_secret(name: str) -> str:
    if name != "library":
        raise TransientError(f"there is no secret {name!r}")
    return TOKEN


async def no_queue(service: Service, publish: Publish) -> Answer:
    return Unanswered("there is no queue here", sent=False)


@pytest.fixture
async def courier() -> AsyncIterator[Courier]:
    caller = HttpCaller(Secrets(read_secret))
    yield Courier(caller, no_queue)
    await caller.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Files of a certificate for localhost, and of its key."""
    return make_certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(certificate: tuple[Path, Path]) -> Iterator[OpenLdap]:
    """A directory of the module's own; its tests say by a mark where there is none."""
    with running(*certificate) as server:
        yield server
