"""What commands need of a deployed stack: its outputs, which name what the functions of these tests have."""

import json
from contextlib import suppress

from typer.testing import CliRunner

from provisioning.command.main import application
from provisioning.runtime import wiring
from tests.functions.conftest import Deployed


async def stand(name: str, **more: str) -> None:
    """A stack of this name, of its module's own: stacks of others are on the same server. `more`: outputs."""
    settings, client = wiring.settings(), await wiring.clients().cloudformation()
    outputs = {
        "Table": settings.table,
        "Bucket": settings.bucket,
        "IdentitiesQueue": settings.identities_queue,
        "CampaignQueue": settings.campaign_queue,
        **more,
    }
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {output: {"Value": value} for output, value in outputs.items()},
    }
    with suppress(client.exceptions.AlreadyExistsException):  # the SDK repeats a call whose answer took too long
        await client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    await client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def provision(deployed: Deployed, stack: str, *arguments: str) -> str:
    """What a command prints. Raises what it raises, but for the end of its process."""
    words = [*arguments, "--stack", stack]
    result = deployed.thread.submit(lambda: CliRunner().invoke(application, words)).result()
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout
