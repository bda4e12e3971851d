"""Clients of the SDK: made here and nowhere else, so that another SDK can replace it.

The endpoint comes from AWS_ENDPOINT_URL, which the SDK reads itself.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from provisioning.core.errors import TransientError

if TYPE_CHECKING:
    from types_aiobotocore_cloudformation import CloudFormationClient
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_lambda import LambdaClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_secretsmanager import SecretsManagerClient
    from types_aiobotocore_sns import SNSClient
    from types_aiobotocore_sqs import SQSClient

# Without validation and with a fixed agent a call costs a quarter less CPU. Three attempts of five seconds stay far
# below any function's timeout.
_CONFIG: Final = AioConfig(
    parameter_validation=False,
    user_agent="provisioning",
    connect_timeout=2,
    read_timeout=5,
    max_pool_connections=50,
    retries={"mode": "standard", "total_max_attempts": 3},
    s3={"addressing_style": "path"},  # emulators have no names for buckets
)
# What S3 signs in advance is refused by buckets of today unless it is signed by version 4.
_S3_CONFIG: Final = _CONFIG.merge(AioConfig(signature_version="s3v4"))


class Clients:
    """One session; a client for each service, made when it is first used and kept until `close`.

    Belongs to the event loop on which it is first used.
    """

    def __init__(self, endpoint: str | None = None, region: str | None = None) -> None:
        self._endpoint, self._region = endpoint, region
        self._stack = AsyncExitStack()
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._session: aioboto3.Session | None = None
        self._lock = asyncio.Lock()

    async def cloudformation(self) -> "CloudFormationClient":
        client: CloudFormationClient = await self._client("cloudformation")
        return client

    async def dynamodb(self) -> "DynamoDBClient":
        client: DynamoDBClient = await self._client("dynamodb")
        return client

    async def sqs(self, region: str | None = None) -> "SQSClient":
        """The client of our own region, or of the one where an SP's queue is."""
        client: SQSClient = await self._client("sqs", region)
        return client

    async def sns(self, region: str | None = None) -> "SNSClient":
        """The client of our own region, or of the one where an SP's topic is."""
        client: SNSClient = await self._client("sns", region)
        return client

    async def s3(self) -> "S3Client":
        client: S3Client = await self._client("s3")
        return client

    async def secretsmanager(self) -> "SecretsManagerClient":
        client: SecretsManagerClient = await self._client("secretsmanager")
        return client

    async def functions(self) -> "LambdaClient":
        client: LambdaClient = await self._client("lambda")
        return client

    async def close(self) -> None:
        """Close every connection."""
        self._clients.clear()
        await self._stack.aclose()

    async def _client(self, service: str, region: str | None = None) -> Any:
        name = (service, region)
        if name not in self._clients:
            async with self._lock:  # many coroutines begin with the same need
                if name not in self._clients:
                    self._session = self._session or aioboto3.Session()
                    make: Any = self._session.client  # typed for each name of a service, not for a variable one
                    with asking(f"a client of {service}"):
                        config = _S3_CONFIG if service == "s3" else _CONFIG
                        made = make(service, region or self._region, endpoint_url=self._endpoint, config=config)
                        self._clients[name] = await self._stack.enter_async_context(made)
        return self._clients[name]


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Around a request: what the SDK raises and nobody expected means that the service cannot do it now."""
    try:
        yield
    except ClientError as error:
        raise TransientError(f"{what}: {code_of(error)}: {error.response['Error'].get('Message', '')}") from error
    except (BotoCoreError, ResponseParserError, OSError) as error:
        raise TransientError(f"{what}: {type(error).__name__}: {error}") from error


def code_of(error: ClientError) -> str:
    """The service's code of an error."""
    return error.response.get("Error", {}).get("Code", "")
