"""feedback: one function for all SPs that confirm, and a queue for each, which admits that SP's account alone."""

from typing import Final

from infra import functions, messaging, names, roles
from infra.functions import Function
from infra.resources import Stack, Value, arn, ref, sub
from provisioning.core.catalog import Bundle, Service
from provisioning.core.queue_options import read_place

# Seconds for a batch. A confirmation may be there before the delivery that it confirms is stored; it comes again after
# six times as long, when that delivery has ended: it runs for 120 seconds at most.
TIMEOUT: Final = 30
_ORIGINS: Final = "PROVISIONING_FEEDBACK_QUEUES"
_TO_DELIVER: Final = "PROVISIONING_DELIVER_QUEUES"
_TO_IDENTITIES: Final = "PROVISIONING_IDENTITIES_QUEUE"


def add_feedback(stack: Stack, bundle: Bundle, identities: str, deliver: dict[str, str]) -> None:
    """Add the function, and a queue for each service that wants confirmations."""
    tenant = bundle.tenant.id
    services = [service for service in bundle.services if service.queue is not None and service.queue.confirm]
    queues = {service.id: _add_queue(stack, tenant, service) for service in services}
    # It rings for who waits for what was confirmed, and for what was wanted meanwhile.
    rung = {
        other.id: deliver[other.id]
        for other in bundle.services
        if other.id in queues or any(name in queues for name in other.requires)
    }
    environment: dict[str, Value] = {_TO_IDENTITIES: ref(identities)}
    rights: list[Value] = []
    if queues:
        origins = {names.feedback(tenant, service): service for service in queues}
        environment |= {_ORIGINS: functions.text(origins), _TO_DELIVER: functions.urls(rung)}
        rights = [
            roles.consumes(*queues.values()),
            roles.sends(identities, *rung.values()),
            roles.reads("I#*", *(f"S#{service}" for service in queues)),
            roles.writes("I#*"),
            *roles.reads_bundle(),
        ]
    function = Function(tenant, "feedback", TIMEOUT, environment=environment, rights=tuple(rights))
    logical = functions.add_function(stack, function)
    for queue in queues.values():
        functions.feed(stack, logical, queue)


def _add_queue(stack: Stack, tenant: str, service: Service) -> str:
    """Add the queue of a service; whose it is, its messages need not say. Returns its logical id."""
    logical = names.logical("feedback", service.id, "queue")
    account = (service.queue.account if service.queue is not None else None) or read_place(service.endpoint).account
    admitted = {
        "Sid": "OnlyItsProvider",
        "Effect": "Allow",
        "Principal": {"AWS": sub(f"arn:${{AWS::Partition}}:iam::{account}:root")},
        "Action": "sqs:SendMessage",
        "Resource": arn(logical),
    }
    # Our account's own principals need no word in a queue's policy: what they may send is refused here.
    refused = {
        "Sid": "NobodyElse",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": arn(logical),
        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": account}},
    }
    return messaging.add_queue(stack, logical, names.feedback(tenant, service.id), TIMEOUT, admitted, refused)
