"""The deployed stack, as CloudFormation knows it: where its table, bucket and queues are."""

from collections.abc import Mapping

from provisioning.adapters.aws.clients import Clients, asking
from provisioning.core.errors import TransientError


def output(*parts: str) -> str:
    """The name of an output, and of its resource: `deliver`, `my-wiki`, `queue` becomes `DeliverMyWikiQueue`."""
    return "".join(word.capitalize() for part in parts for word in part.split("-"))


async def outputs(clients: Clients, stack: str) -> Mapping[str, str]:
    """The stack's outputs by name. Raises TransientError if there is no such stack, or it cannot be asked."""
    client = await clients.cloudformation()
    with asking(f"stack {stack!r}"):
        found = await client.describe_stacks(StackName=stack)
    if not found["Stacks"]:
        raise TransientError(f"there is no stack {stack!r}")
    return {item["OutputKey"]: item["OutputValue"] for item in found["Stacks"][0].get("Outputs", [])}
