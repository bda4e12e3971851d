"""Deploying a bundle to a local AWS: code, secrets, stack, and the bundle itself. Run again, it updates."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError, WaiterError

from infra import names
from infra.bundle import Built, architecture
from infra.template import render
from localstack import clock
from localstack.clients import Clients
from localstack.emulator import REGION
from provisioning.adapters.aws.clients import Clients as EngineClients
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.policies import PublishedPolicies
from provisioning.adapters.aws.rows import Rows
from provisioning.command.bundle import Folder
from provisioning.core.catalog import Bundle
from provisioning.core.publication import compile_bundle
from provisioning.ports import Published

_INLINE: Final = 51200  # bytes of a template that may come with the request
_PATIENCE: Final = 60.0  # seconds until every mapping is enabled
_BETWEEN: Final = 0.5


class DeployError(Exception):
    """The stack is not as it should be; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack that is up: its name, its outputs, and the bundle in force."""

    stack: str
    outputs: Mapping[str, str]
    published: Published

    def topic(self, source: str) -> str:
        """Where a source publishes."""
        return self.outputs[names.logical("changes", source, "topic")]


async def deploy(
    clients: Clients, bundle: Bundle, code: Path, key: str, secrets: Mapping[str, str], own: Built | None = None
) -> Deployment:
    """Deploy. `own`: the code with the tenant's own adapters, if it has any. Raises DeployError, or BundleError."""
    compile_bundle(bundle)
    stack = bundle.tenant.id
    bucket = f"{stack}-code"
    await _upload(clients, bucket, key, code)
    if own is not None:
        await _upload(clients, bucket, own.key, own.file)
    for name, value in secrets.items():
        await _put_secret(clients, name, value)
    keys = {"CodeKey": key} | ({"OwnCodeKey": own.key} if own is not None else {})
    await _put_stack(clients, stack, bucket, keys, json.dumps(render(bundle), separators=(",", ":")))
    await _check_mappings(clients, stack)
    outputs = await _outputs(clients, stack)
    published = await _publish(clients.endpoint, outputs, bundle)
    await _warm(clients, stack)
    return Deployment(stack, outputs, published)


async def _upload(clients: Clients, bucket: str, key: str, file: Path) -> None:
    with suppress(clients.s3.exceptions.BucketAlreadyOwnedByYou):  # by an earlier deployment
        await clients.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    await clients.s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())


async def _put_secret(clients: Clients, name: str, value: str) -> None:
    try:
        await clients.secrets.create_secret(Name=name, SecretString=value)
    except clients.secrets.exceptions.ResourceExistsException:
        await clients.secrets.put_secret_value(SecretId=name, SecretString=value)


async def _put_stack(clients: Clients, stack: str, bucket: str, keys: Mapping[str, str], template: str) -> None:
    parameters = {
        "CodeBucket": bucket,
        **keys,
        "Architecture": architecture(),
        "DeletionProtection": "false",
    }
    arguments: dict[str, Any] = {
        "StackName": stack,
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    }
    if len(template.encode()) <= _INLINE:
        arguments["TemplateBody"] = template
    else:
        await clients.s3.put_object(Bucket=bucket, Key="template.json", Body=template.encode())
        arguments["TemplateURL"] = f"{clients.endpoint}/{bucket}/template.json"
    formation = clients.cloudformation
    try:
        await formation.create_stack(**arguments)
        waiter: Any = formation.get_waiter("stack_create_complete")
    except formation.exceptions.AlreadyExistsException:
        try:
            await formation.update_stack(**arguments)
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return
            raise DeployError(str(error)) from error
        waiter = formation.get_waiter("stack_update_complete")
    try:
        await waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    except WaiterError as error:
        raise DeployError(await _reasons(clients, stack)) from error


async def _reasons(clients: Clients, stack: str) -> str:
    events = await clients.cloudformation.describe_stack_events(StackName=stack)
    failed = [
        f"{event.get('LogicalResourceId')}: {event.get('ResourceStatusReason', 'failed')}"
        for event in events["StackEvents"]
        if "FAILED" in event.get("ResourceStatus", "")
    ]
    return "; ".join(failed) or f"stack {stack} did not come up"


async def _resources(clients: Clients, stack: str, kind: str) -> Mapping[str, str]:
    """Physical ids of the stack's resources of a kind, by logical id."""
    found = await clients.cloudformation.describe_stack_resources(StackName=stack)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in found["StackResources"]
        if resource["ResourceType"] == kind
    }


async def _check_mappings(clients: Clients, stack: str) -> None:
    """Every queue feeds its function: a stack can be complete and a mapping without its source nonetheless."""
    mappings = await _resources(clients, stack, "AWS::Lambda::EventSourceMapping")
    if not mappings:
        raise DeployError(f"stack {stack} has no event source mapping")
    deadline = clock.seconds() + _PATIENCE
    for logical, uuid in mappings.items():
        while True:
            found = await clients.functions.get_event_source_mapping(UUID=uuid)
            if not found.get("EventSourceArn") or not found.get("FunctionArn"):
                raise DeployError(f"{logical} has no source or no function")
            if found.get("State") == "Enabled":
                break
            if clock.seconds() > deadline:
                raise DeployError(f"{logical} is {found.get('State')}")
            await asyncio.sleep(_BETWEEN)


async def _outputs(clients: Clients, stack: str) -> Mapping[str, str]:
    (described,) = (await clients.cloudformation.describe_stacks(StackName=stack))["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


async def _publish(endpoint: str, outputs: Mapping[str, str], bundle: Bundle) -> Published:
    """Put the bundle in force, by the engine's own port."""
    engine = EngineClients(endpoint, REGION)
    try:
        policies = PublishedPolicies(Rows(engine, outputs["Table"]), Objects(engine, outputs["Bucket"]), clock.seconds)
        folder = Folder(bundle)
        return await policies.publish(folder.published, folder.hash)
    finally:
        await engine.close()


async def _warm(clients: Clients, stack: str) -> None:
    """Invoke every function once with nothing to do: it shows that each starts, and the day begins with warm ones."""
    functions = await _resources(clients, stack, "AWS::Lambda::Function")
    await asyncio.gather(*(_invoke(clients, logical, name) for logical, name in functions.items()))


async def _invoke(clients: Clients, logical: str, function: str) -> None:
    answer = await clients.functions.invoke(FunctionName=function, Payload=b'{"Records": []}')
    if "FunctionError" in answer:
        raise DeployError(f"{logical}: {(await answer['Payload'].read()).decode()}")
