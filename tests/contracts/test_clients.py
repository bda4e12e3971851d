"""The factory of clients."""

import asyncio

import pytest

from provisioning.adapters.aws.clients import Clients
from provisioning.core.errors import TransientError
from tests.contracts.backends import REGION

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_endpoint_is_that_of_the_environment(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4567")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    clients = Clients()
    assert (await clients.sqs()).meta.endpoint_url == "http://127.0.0.1:4567"
    await clients.close()


async def test_all_share_one_client_of_each_service(credentials: None) -> None:
    clients = Clients("http://127.0.0.1:1", REGION)
    made = await asyncio.gather(*(clients.sqs() for _ in range(5)))
    assert len({id(client) for client in made}) == 1
    assert await clients.sqs("us-east-1") is not made[0]
    await clients.close()


async def test_no_region_is_told(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    clients = Clients()
    with pytest.raises(TransientError, match="region"):
        await clients.sqs()
    await clients.close()
