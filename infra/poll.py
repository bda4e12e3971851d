"""poll: a function for each source that is extracted, its queue, and when it is asked."""

import json
from collections.abc import Mapping
from typing import Final

from infra import clockwork, functions, messaging, names, roles
from infra.functions import Function
from infra.resources import Stack, Value, arn, ref, statement, sub
from infra.storage import BUCKET, tell_of_files
from provisioning.adapters.aws import keys
from provisioning.core.catalog import Bundle, Source
from provisioning.core.extract_cron import eventbridge

TIMEOUT: Final = 900  # seconds, Lambda's longest; poll itself stops in time and goes on by a message
MEMORY: Final = 1024  # MB; processor time comes with it
CONCURRENCY: Final = 2  # the least that a mapping can have: the lease lets one of them work


def add_poll(stack: Stack, bundle: Bundle, changes: Mapping[str, str], bulk: Mapping[str, str]) -> None:
    """Add function, queue and schedules of every source that is polled. `changes`, `bulk`: its queues, by source."""
    for source in bundle.sources:
        if source.poll is not None:
            _add(stack, bundle, source, changes[source.id], bulk[source.id])


def add_bulk(stack: Stack, bundle: Bundle, timeout: int) -> dict[str, str]:
    """Add the queue of what snapshots show of every source that is polled, beside `changes`; by source.

    It admits that source's poll function and nobody else. A first load waits here, and holds up no change.
    """
    queues = {}
    for source in bundle.sources:
        if source.poll is not None:
            logical = names.logical("bulk", source.id, "queue")
            refused = messaging.refuses_others(
                logical, {"ArnNotEquals": {"aws:PrincipalArn": [arn(role) for role in roles_of(source)]}}
            )
            name = names.bulk(bundle.tenant.id, source.id)
            queues[source.id] = messaging.add_queue(stack, logical, name, timeout, refused)
    return queues


def is_own(source: Source) -> bool:
    """Whether a source is asked by an adapter that its operator wrote."""
    return source.poll is not None and source.poll.custom is not None


def roles_of(source: Source) -> tuple[str, ...]:
    """The logical ids of the roles that send to a source's queue in place of its topic."""
    return (f"{names.logical('poll', source.id, 'function')}Role",) if source.poll is not None else ()


def _add(stack: Stack, bundle: Bundle, source: Source, changes: str, bulk: str) -> None:
    tenant = bundle.tenant.id
    logical = names.logical("poll", source.id, "queue")
    queue = messaging.add_queue(stack, logical, names.poll(tenant, source.id), TIMEOUT, *_arrivals(logical, source))
    if source.poll is not None and source.poll.files is not None:
        bucket, folder = keys.source_folder(source.poll.files.place)
        if not bucket:
            tell_of_files(stack, folder, queue)
    function = Function(
        tenant,
        "poll",
        TIMEOUT,
        MEMORY,
        service=source.id,
        environment={
            "PROVISIONING_SOURCE": source.id,
            "PROVISIONING_POLL_QUEUE": ref(queue),
            # What is polled has no place in the order of what the source tells.
            "PROVISIONING_CHANGES_QUEUE": ref(bulk if source.channel.fifo else changes),
            "PROVISIONING_BULK_QUEUE": ref(bulk),
        },
        rights=(
            roles.consumes(queue),
            roles.sends(queue, changes, bulk),
            roles.reads(keys.polled_key(source.id).pk),
            roles.reads("I#*"),  # whom the table knows of it, where no list of keys does
            roles.reads_index(keys.SERVICE_INDEX),
            roles.writes(keys.polled_key(source.id).pk, f"X#{source.id}"),
            *roles.reads_bundle(),
            roles.keeps_rejected(),
            *_files(source),
            *roles.asks(source),
        ),
        own=is_own(source),
    )
    functions.feed(stack, functions.add_function(stack, function), queue, CONCURRENCY, batch=1)
    _schedules(stack, bundle, source, queue)


def _arrivals(queue: str, source: Source) -> list[Value]:
    """Let S3 tell of files that arrive: in our bucket, or in another, whose owner says so there."""
    if source.poll is None or source.poll.files is None:
        return []
    bucket, _ = keys.source_folder(source.poll.files.place)
    # Our own bucket waits for this policy, so the policy cannot name it.
    own = {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}}
    other = {"ArnEquals": {"aws:SourceArn": sub(f"arn:${{AWS::Partition}}:s3:::{bucket}")}}
    return [
        {
            "Sid": "FilesArrive",
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn(queue),
            "Condition": other if bucket else own,
        }
    ]


def _files(source: Source) -> list[Value]:
    """The files of this source's runs, and of no other's."""
    within = sub(f"${{{BUCKET}.Arn}}/{keys.polled_object(source.id)}/*")
    # Without the right to list, S3 says of what is not there that it is forbidden.
    listed = statement(
        ["s3:ListBucket"],
        sub(f"${{{BUCKET}.Arn}}"),
        {"StringLike": {"s3:prefix": f"{keys.polled_object(source.id)}/*"}},
    )
    return [statement(["s3:PutObject", "s3:GetObject", "s3:DeleteObject"], within), listed]


def _schedules(stack: Stack, bundle: Bundle, source: Source, queue: str) -> None:
    options = source.poll
    if options is None:
        return
    if options.every is not None:
        unit = "minute" if options.every == 1 else "minutes"
        clockwork.add_schedule(
            stack, bundle.tenant, "poll", f"{source.id}-changes", f"rate({options.every} {unit})", queue,
            json.dumps({"do": "changes"}),
        )  # fmt: skip
    if options.full is not None:
        # An order that is sent twice bears the same instant, and begins one run.
        order = json.dumps({"do": "snapshot", "request": "<aws.scheduler.scheduled-time>"})
        clockwork.add_schedule(
            stack, bundle.tenant, "poll", f"{source.id}-full", eventbridge(options.full), queue, order
        )
