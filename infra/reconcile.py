"""reconcile: a function for each service whose accounts are compared, its queue, and when it begins.

A function of its own beside deliver's: it reads the same one secret, but it lasts longer, waits in a queue of its own,
and may do less. It reserves no names and writes nobody down as waiting; who it may ring is its own service's deliver.
"""

import json
from collections.abc import Mapping
from typing import Final

from infra import clockwork, functions, messaging, names, roles
from infra.functions import Function
from infra.resources import Stack, Value, arn, ref, statement, sub
from infra.storage import BUCKET
from provisioning.adapters.aws import keys
from provisioning.adapters.aws.reconcile_keys import reconciled_key, reconciled_object
from provisioning.core.catalog import Bundle, Service
from provisioning.core.extract_cron import eventbridge
from provisioning.protocols.registry import PROTOCOLS

TIMEOUT: Final = 180  # seconds; a message is a minute of work, and one page may take most of another
IN_ONE_GO: Final = 900  # seconds where another process would have to read the list from its beginning
MEMORY: Final = 1024  # MB: whom the list showed is held in memory, some 200 bytes each
CONCURRENCY: Final = 2  # the least that a mapping can have: a conditional write lets one of them go on


def add_reconcile(stack: Stack, bundle: Bundle, deliver: Mapping[str, str]) -> None:
    """Add function, queue and schedule of every service that is reconciled. `deliver`: queues by service."""
    for service in bundle.services:
        if service.reconcile is not None:
            _add(stack, bundle, service, deliver[service.id])


def _add(stack: Stack, bundle: Bundle, service: Service, deliver: str) -> None:
    tenant = bundle.tenant.id
    logical = names.logical("reconcile", service.id, "queue")
    timeout = IN_ONE_GO if is_in_one_go(service) else TIMEOUT
    queue = messaging.add_queue(stack, logical, names.reconcile(tenant, service.id), timeout)
    item = reconciled_key(service.id).pk
    function = Function(
        tenant,
        "reconcile",
        timeout,
        MEMORY,
        service=service.id,
        environment={
            "PROVISIONING_SERVICE": service.id,
            "PROVISIONING_RECONCILE_QUEUE": ref(queue),
            "PROVISIONING_DELIVER_QUEUES": functions.urls({service.id: deliver}),
        },
        rights=(
            roles.consumes(queue),
            roles.sends(queue, deliver),
            roles.reads("I#*", f"S#{service.id}", item),
            roles.reads_index(keys.SERVICE_INDEX),
            roles.writes("I#*", item),
            *roles.reads_bundle(),
            *_files(service),
            *(roles.reads_secret(name) for name in roles.secrets_of(service)),
        ),
    )
    functions.feed(stack, functions.add_function(stack, function), queue, CONCURRENCY, batch=1)
    if service.reconcile is not None and service.reconcile.schedule is not None:
        # An order that is sent twice bears the same instant, and begins one run.
        order = json.dumps({"do": "start", "request": "<aws.scheduler.scheduled-time>"})
        when = eventbridge(service.reconcile.schedule)
        clockwork.add_schedule(stack, bundle.tenant, "reconcile", service.id, when, queue, order)


def is_in_one_go(service: Service) -> bool:
    """Whether the list of this SP is read by one process, or not at all."""
    lists = PROTOCOLS[service.protocol].lists if service.protocol in PROTOCOLS else None
    return lists is not None and lists.in_one_go


def _files(service: Service) -> list[Value]:
    """The files of this service's runs, and of no other's."""
    folder = reconciled_object(service.id)
    within = sub(f"${{{BUCKET}.Arn}}/{folder}/*")
    # Without the right to list, S3 says of what is not there that it is forbidden.
    listed = statement(["s3:ListBucket"], arn(BUCKET), {"StringLike": {"s3:prefix": f"{folder}/*"}})
    return [statement(["s3:PutObject", "s3:GetObject", "s3:DeleteObject"], within), listed]
