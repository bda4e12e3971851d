"""extract: one function for all services that get files, its queue, and when it begins."""

import json
from collections.abc import Sequence
from typing import Final

from infra import clockwork, functions, messaging, names, roles
from infra.functions import Function
from infra.resources import Stack, Value, arn, ref, statement, sub
from infra.storage import BUCKET
from provisioning.adapters.aws import keys
from provisioning.core.catalog import Bundle, Service
from provisioning.core.extract_cron import eventbridge

TIMEOUT: Final = 300  # seconds for one part
MEMORY: Final = 1024  # MB; processor time comes with it
CONCURRENCY: Final = 5  # services at once: each is made by one message after the other
_QUEUE: Final = "ExtractQueue"


def add_extract(stack: Stack, bundle: Bundle) -> None:
    """Add the function with its queue, and a schedule for each service that has one."""
    tenant = bundle.tenant.id
    services = [service for service in bundle.services if service.protocol == "extract"]
    messaging.add_queue(stack, _QUEUE, names.extract(tenant), TIMEOUT)
    function = Function(
        tenant,
        "extract",
        TIMEOUT,
        MEMORY,
        environment={"PROVISIONING_EXTRACT_QUEUE": ref(_QUEUE)},
        rights=(
            roles.consumes(_QUEUE),
            roles.sends(_QUEUE),
            roles.reads("I#*", "E#*"),
            roles.writes("E#*"),
            roles.reads_index(keys.SERVICE_INDEX),
            roles.reads_index(keys.CHANGES_INDEX),
            *roles.reads_bundle(),
            *(right for service in services for right in _files(service)),
        ),
    )
    functions.feed(stack, functions.add_function(stack, function), _QUEUE, CONCURRENCY, batch=1)
    _schedules(stack, bundle, services)


def _files(service: Service) -> list[Value]:
    """Write a service's files, and see whether one is there. Nothing is read back, nothing is deleted."""
    bucket, folder = keys.place_of(service.endpoint)
    whole = sub(f"arn:${{AWS::Partition}}:s3:::{bucket}") if bucket else arn(BUCKET)
    within = f"arn:${{AWS::Partition}}:s3:::{bucket}/{folder}/*" if bucket else f"${{{BUCKET}.Arn}}/{folder}/*"
    return [
        statement(["s3:PutObject"], sub(within)),
        statement(["s3:ListBucket"], whole, {"StringLike": {"s3:prefix": f"{folder}/*"}}),
    ]


def _schedules(stack: Stack, bundle: Bundle, services: Sequence[Service]) -> None:
    for service in services:
        if service.extract is None or service.extract.schedule is None:
            continue
        # A start that is sent twice bears the same instant, and is one start.
        order = json.dumps({"do": "start", "service": service.id, "request": "<aws.scheduler.scheduled-time>"})
        clockwork.add_schedule(
            stack, bundle.tenant, "extract", service.id, eventbridge(service.extract.schedule), _QUEUE, order
        )
