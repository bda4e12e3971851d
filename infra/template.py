"""The bundle → one plain CloudFormation template: what runs on AWS and on the local stack alike.

It depends on the tenant's id, its sources and its services, not on rules: a change of rules is published, not
deployed. Secrets are created by the operator and only named here.
"""

from collections.abc import Mapping
from typing import Any, Final

from infra import functions, messaging, names, roles
from infra.changes import add_changes
from infra.extract import add_extract
from infra.feedback import add_feedback
from infra.functions import Function
from infra.gateway import add_gateway, speaks_for
from infra.notify import add_notify
from infra.poll import add_bulk, add_poll, is_own, roles_of
from infra.reconcile import add_reconcile
from infra.resources import Stack, ref
from infra.schedule import add_sweep
from infra.storage import add_storage
from provisioning.adapters.aws import keys
from provisioning.core.catalog import Bundle, Service

# Seconds. Deliver converses for at most 45, with a group to be made before that.
TIMEOUTS: Final = {"receive": 20, "evaluate": 20, "deliver": 120, "schedule": 55, "campaign": 60}


def render(bundle: Bundle) -> dict[str, Any]:
    """The template, JSON-able and in a stable order. Raises InvalidError if a name would be too long for AWS."""
    stack = Stack()
    _parameters(stack)
    if any(map(is_own, bundle.sources)):
        stack.parameters["OwnCodeKey"] = {
            "Type": "String",
            "Description": "Key of the code bundle with the tenant's own adapters of sources: infra.bundle --own",
        }
    add_storage(stack)
    tenant = bundle.tenant.id
    timeouts = TIMEOUTS
    if any(map(roles.is_asked, bundle.sources)):
        timeouts = {**TIMEOUTS, "receive": _FETCHES}
    changes = {
        source.id: add_changes(stack, tenant, source, timeouts["receive"], *roles_of(source), *speaks_for(source))
        for source in bundle.sources
    }
    bulk = add_bulk(stack, bundle, timeouts["receive"])
    messaging.add_queue(stack, _IDENTITIES, names.identities(tenant), timeouts["evaluate"])
    messaging.add_queue(stack, _CAMPAIGN, names.campaign(tenant), timeouts["campaign"])
    deliver = {
        service.id: messaging.add_queue(
            stack,
            names.logical("deliver", service.id, "queue"),
            names.deliver(tenant, service.id),
            timeouts["deliver"],
        )
        for service in bundle.services
    }
    _receive(stack, bundle, changes, bulk, deliver, timeouts["receive"])
    _evaluate(stack, tenant, deliver)
    for service in bundle.services:
        _deliver(stack, bundle, service, deliver)
    add_sweep(stack, bundle, changes, bulk, TIMEOUTS["schedule"])
    _campaign(stack, tenant)
    add_extract(stack, bundle)
    add_reconcile(stack, bundle, deliver)
    add_poll(stack, bundle, changes, bulk)
    add_feedback(stack, bundle, _IDENTITIES, deliver)
    add_gateway(stack, bundle, changes)
    add_notify(stack, bundle)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Provisioning engine of {tenant}",
        "Parameters": stack.parameters,
        "Conditions": stack.conditions,
        "Resources": stack.resources,
        "Outputs": stack.outputs,
    }


_FETCHES: Final = 120  # seconds of receive where it asks thin sources for those whom they name
_BULK: Final = 5  # invocations of receive that a first load may have at once
_IDENTITIES: Final = "IdentitiesQueue"
_CAMPAIGN: Final = "CampaignQueue"
_TO_IDENTITIES: Final = {"PROVISIONING_IDENTITIES_QUEUE": ref(_IDENTITIES)}


def _parameters(stack: Stack) -> None:
    text = {"Type": "String"}
    stack.parameters |= {
        "CodeBucket": {**text, "Description": "Bucket of the code bundle"},
        "CodeKey": {**text, "Description": "Key of the code bundle; a new key deploys new code"},
        "Architecture": {**text, "Default": "x86_64", "AllowedValues": ["x86_64", "arm64"]},
        "DeletionProtection": {
            **text,
            "Default": "true",
            "AllowedValues": ["true", "false"],
            "Description": "Whether the table refuses to be deleted",
        },
        "EndpointUrl": {**text, "Default": "", "Description": "Endpoint of all AWS services; empty: AWS itself"},
        "KeyArn": {**text, "Default": "", "Description": "Customer-managed key; empty: keys that AWS owns"},
    }
    for condition, parameter in (("HasEndpoint", "EndpointUrl"), ("HasKey", "KeyArn")):
        stack.conditions[condition] = {"Fn::Not": [{"Fn::Equals": [ref(parameter), ""]}]}


def _receive(
    stack: Stack, bundle: Bundle, changes: dict[str, str], bulk: dict[str, str], deliver: dict[str, str], timeout: int
) -> None:
    tenant = bundle.tenant.id
    asked = [source for source in bundle.sources if roles.is_asked(source)]
    sources = {names.changes(tenant, source): source.id for source in bundle.sources}
    sources |= {names.bulk(tenant, source): source for source in bulk}
    function = Function(
        tenant,
        "receive",
        timeout,
        environment={
            **_TO_IDENTITIES,
            "PROVISIONING_DELIVER_QUEUES": functions.urls(deliver),
            "PROVISIONING_SOURCES": functions.text(sources),
        },
        rights=(
            roles.consumes(*changes.values(), *bulk.values()),
            roles.sends(_IDENTITIES, *deliver.values()),
            *roles.links(),
            roles.writes("X#*", *roles.watched(bundle.sources)),
            *roles.reads_bundle(),
            roles.keeps_rejected(),
            *(right for source in asked for right in roles.asks(source)),
            *roles.verifies(bundle.sources),
        ),
        own=any(map(is_own, asked)),
    )
    logical = functions.add_function(stack, function)
    for queue in changes.values():
        functions.feed(stack, logical, queue)
    for queue in bulk.values():
        functions.feed(stack, logical, queue, _BULK)


def _evaluate(stack: Stack, tenant: str, deliver: dict[str, str]) -> None:
    function = Function(
        tenant,
        "evaluate",
        TIMEOUTS["evaluate"],
        environment={**_TO_IDENTITIES, "PROVISIONING_DELIVER_QUEUES": functions.urls(deliver)},
        rights=(
            roles.consumes(_IDENTITIES),
            roles.sends(_IDENTITIES, *deliver.values()),
            *roles.links(),
            *roles.reads_bundle(),
        ),
    )
    functions.feed(stack, functions.add_function(stack, function), _IDENTITIES)


def _deliver(stack: Stack, bundle: Bundle, service: Service, queues: Mapping[str, str]) -> None:
    tenant, queue, own, waiting = bundle.tenant.id, queues[service.id], f"S#{service.id}", f"J#{service.id}#*"
    brake = f"B#{service.id}"
    # It rings for the services that require it, and, for groups of its own, itself.
    rung = {other.id: queues[other.id] for other in bundle.services if service.id in (other.id, *other.requires)}
    rights = [
        roles.consumes(queue),
        roles.sends(_IDENTITIES, *rung.values()),
        roles.reads("I#*", own, waiting, brake),
        roles.writes_batches(waiting),
        roles.writes("I#*", own, brake, f"N#{service.id}#*"),
        *roles.reads_bundle(),
    ]
    rights += [roles.reads_secret(name) for name in roles.secrets_of(service)]
    if service.protocol == "queue":
        rights += roles.sends_to_provider(service)
    function = Function(
        tenant,
        "deliver",
        TIMEOUTS["deliver"],
        service=service.id,
        environment={
            **_TO_IDENTITIES,
            "PROVISIONING_SERVICE": service.id,
            "PROVISIONING_DELIVER_QUEUES": functions.urls(rung),
        },
        rights=tuple(rights),
    )
    functions.feed(stack, functions.add_function(stack, function), queue, functions.DELIVER_CONCURRENCY)


def _campaign(stack: Stack, tenant: str) -> None:
    function = Function(
        tenant,
        "campaign",
        TIMEOUTS["campaign"],
        environment={**_TO_IDENTITIES, "PROVISIONING_CAMPAIGN_QUEUE": ref(_CAMPAIGN)},
        rights=(
            roles.consumes(_CAMPAIGN),
            roles.sends(_IDENTITIES, _CAMPAIGN),
            roles.reads_index(keys.SERVICE_INDEX),
        ),
    )
    functions.feed(stack, functions.add_function(stack, function), _CAMPAIGN)
