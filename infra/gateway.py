"""gateway: one function for all sources that push over HTTP, its URL, and what it may touch: theirs, and no more."""

from collections.abc import Mapping, Sequence
from typing import Final

from infra import functions, names, roles
from infra.functions import Function
from infra.resources import Stack, Value, arn, ref
from provisioning.adapters.aws import keys
from provisioning.core.catalog import Bundle, Source

TIMEOUT: Final = 30  # seconds; it breaks off at 25, before an API Gateway gives up
MEMORY: Final = 1024  # MB; processor time comes with it
LOGICAL: Final = names.logical("gateway", "function")
ROLE: Final = f"{LOGICAL}Role"


def speaks_for(source: Source) -> tuple[str, ...]:
    """The logical ids of the roles that send to a source's queue beside its topic."""
    return (ROLE,) if source.push is not None else ()


def add_gateway(stack: Stack, bundle: Bundle, changes: Mapping[str, str]) -> None:
    """Add the function with its URL, if any source pushes. `changes`: the sources' queues."""
    pushing = [source for source in bundle.sources if source.push is not None]
    if not pushing:
        return
    queues = {source.id: changes[source.id] for source in pushing}
    partitions = [f"{prefix}#{source}{rest}" for source in queues for prefix, rest in _PARTITIONS]
    function = Function(
        bundle.tenant.id,
        "gateway",
        TIMEOUT,
        MEMORY,
        environment={"PROVISIONING_CHANGES_QUEUES": functions.urls(queues)},
        rights=(
            roles.sends(*queues.values()),
            roles.reads(*partitions),
            roles.writes(*partitions),
            roles.deletes(*partitions),
            roles.writes_batches(*partitions),
            roles.reads_index(keys.SERVICE_INDEX),
            *roles.reads_bundle(),
            *(roles.reads_secret(source.push.secret) for source in pushing if source.push is not None),
            *map(roles.reads_secret, roles.issuers_of(pushing)),
            *_passwords(bundle, pushing),
        ),
    )
    logical = functions.add_function(stack, function)
    _add_url(stack, logical)
    functions.every_minute(
        stack, logical, names.logical("gateway", "rule"), names.function(bundle.tenant.id, "gateway")
    )


def _passwords(bundle: Bundle, pushing: Sequence[Source]) -> list[Value]:
    """To pass passwords on: whose account it is, whether its service may be called, and with which secret."""
    sources = [source for source in pushing if source.push is not None and source.push.spml.passwords]
    if not sources:
        return []
    told = {name for source in sources if source.push is not None for name in source.push.spml.passwords}
    services = [service for service in bundle.services if service.id in told]
    secrets = sorted({name for service in services for name in roles.secrets_of(service)})
    links = (f"L#{source.id}#*" for source in sources)
    return [
        roles.reads("I#*", *links, *(f"S#{service.id}" for service in services)),
        *map(roles.reads_secret, secrets),
    ]


_PARTITIONS: Final = (("P", "#*"), ("Q", "#*"), ("O", ""), ("D", "#*"), ("A", ""))


def _add_url(stack: Stack, function: str) -> None:
    """The address of the function: whoever shows a credential of a source comes in, which the function checks."""
    url = stack.add(
        f"{function}Url",
        "AWS::Lambda::Url",
        {"TargetFunctionArn": arn(function), "AuthType": "NONE", "InvokeMode": "BUFFERED"},
    )
    everybody = {"FunctionName": ref(function), "Principal": "*"}
    # Both are wanted for a URL; the second admits through the URL alone.
    stack.add(
        f"{url}Permission",
        "AWS::Lambda::Permission",
        {**everybody, "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
    )
    stack.add(
        f"{url}Invocation",
        "AWS::Lambda::Permission",
        {**everybody, "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
    )
    stack.output("GatewayUrl", "Where sources push", {"Fn::GetAtt": [url, "FunctionUrl"]})
