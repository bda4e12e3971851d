"""`provision source list`, `pause`, `resume` and `status --domain` against a deployed stack."""

import io
import json
import zipfile
from typing import Any

import pytest

from provisioning.adapters.aws.clients import Clients
from provisioning.core.errors import InvalidError
from provisioning.core.trust_options import Freshness
from provisioning.core.wire import canonical, digest_of
from provisioning.runtime import wiring
from provisioning.runtime.entry import clock
from tests.core.federation import federation
from tests.functions import stack as stacks
from tests.functions.conftest import Deployed

STACK = "domains"  # of its own: stacks of other modules are on the same server


def provision(deployed: Deployed, *arguments: str) -> str:
    """What a command prints. Raises what it raises."""
    return stacks.provision(deployed, STACK, *arguments)


async def feed(clients: Clients, url: str, function: str) -> None:
    """Let a queue feed a function, as the template does."""
    sqs: Any = await clients.sqs()
    arn = (await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
    functions: Any = await clients.functions()
    await functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=function, BatchSize=10)


async def make_function(clients: Clients, endpoint: str) -> str:
    import aioboto3  # the engine makes no roles, and so has no client for it

    async with aioboto3.Session().client("iam", endpoint_url=endpoint, region_name="eu-west-1") as iam:
        role = await iam.create_role(RoleName="receive", AssumeRolePolicyDocument="{}")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("function.py", "def handler(event, context): ...")
    functions: Any = await clients.functions()
    await functions.create_function(
        FunctionName="domains-receive", Runtime="python3.13", Handler="function.handler",
        Role=role["Role"]["Arn"], Code={"ZipFile": archive.getvalue()},
    )  # fmt: skip
    return "domains-receive"


@pytest.fixture(scope="module")
def stack(deployed: Deployed, endpoint: str) -> Deployed:
    """The federation's three sources, each with its queue."""
    queues = {"north": "badge-system", "south": "extract", "grid": "poll"}  # which it is does not matter here
    outputs = {f"Changes{name.title()}Queue": deployed.queues[queue].url for name, queue in queues.items()}
    limit = {"freshness": Freshness.model_validate({"limit": "P7D"})}
    limited = [each.model_copy(update=limit) if each.id == "grid" else each for each in federation().sources]
    content = federation().model_copy(update={"sources": tuple(limited)}).model_dump(mode="json", by_alias=True)

    async def make() -> None:
        clients = wiring.clients()
        await stacks.stand(STACK, **outputs)
        await wiring.policies().publish(canonical(content), digest_of(content))
        function = await make_function(clients, endpoint)
        for queue in queues.values():
            await feed(clients, deployed.queues[queue].url, function)
        await wiring.hearings().hear("grid", clock())

    deployed.run(make)
    return deployed


def listed(stack: Deployed, *arguments: str) -> dict[str, Any]:
    return {each["source"]: each for each in json.loads(provision(stack, "source", "list", *arguments, "--json"))}


def test_a_source_that_is_paused_is_shown_and_resumed(stack: Deployed) -> None:
    assert [each["paused"] for each in listed(stack).values()] == [False, False, False]
    assert provision(stack, "source", "pause", "south") == (
        "south is paused: what it says waits in its queue, fourteen days at most\n"
    )
    assert {name for name, each in listed(stack).items() if each["paused"]} == {"south"}
    assert "paused" in provision(stack, "source", "list")
    provision(stack, "source", "resume", "south")
    assert not any(each["paused"] for each in listed(stack).values())
    with pytest.raises(InvalidError, match="no source 'west'"):
        provision(stack, "source", "pause", "west")


def test_a_domain_sees_its_own_sources_and_the_services_that_it_speaks_for(stack: Deployed) -> None:
    assert list(listed(stack, "--domain", "grid")) == ["grid"]
    assert listed(stack)["grid"]["heard"] is not None
    assert listed(stack)["north"]["heard"] is None
    assert list(json.loads(provision(stack, "status", "--domain", "grid", "--json"))["services"]) == ["cluster"]
    assert list(json.loads(provision(stack, "status", "--domain", "north", "--json"))["services"]) == [
        "wiki",
        "cluster",
    ]
    with pytest.raises(InvalidError, match="no source is of domain 'west'"):
        provision(stack, "status", "--domain", "west")
