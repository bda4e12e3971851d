"""AWS clients of the campus: an IDMS and a badge system have their own, and so has whoever deploys."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aioboto3

from localstack.emulator import REGION

if TYPE_CHECKING:
    from types_aiobotocore_cloudformation import CloudFormationClient
    from types_aiobotocore_lambda import LambdaClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_secretsmanager import SecretsManagerClient
    from types_aiobotocore_sns import SNSClient
    from types_aiobotocore_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class Clients:
    """One client for each service of the local AWS."""

    endpoint: str
    cloudformation: "CloudFormationClient"
    functions: "LambdaClient"
    s3: "S3Client"
    secrets: "SecretsManagerClient"
    sns: "SNSClient"
    sqs: "SQSClient"


@asynccontextmanager
async def open_clients(endpoint: str) -> AsyncIterator[Clients]:
    """Clients for the local AWS at an endpoint, with credentials that it does not check."""
    session = aioboto3.Session("test", "test", region_name=REGION)
    async with AsyncExitStack() as stack:
        yield Clients(
            endpoint,
            await stack.enter_async_context(session.client("cloudformation", endpoint_url=endpoint)),
            await stack.enter_async_context(session.client("lambda", endpoint_url=endpoint)),
            await stack.enter_async_context(session.client("s3", endpoint_url=endpoint)),
            await stack.enter_async_context(session.client("secretsmanager", endpoint_url=endpoint)),
            await stack.enter_async_context(session.client("sns", endpoint_url=endpoint)),
            await stack.enter_async_context(session.client("sqs", endpoint_url=endpoint)),
        )
