"""Topics and queues. A queue's visibility outlives six runs of its function; a message that nobody can handle is kept.

No retry of the engine lives in a receive count: what waits has a `due_at` in the table. A message reaches a
dead-letter queue only if its function fails on it a hundred times, which is a defect.
"""

from typing import Final

from infra import names
from infra.resources import Properties, Stack, Value, arn, document, only_tls, ref, when

RECEIVES: Final = 100
RETENTION: Final = 14 * 86400  # seconds, the service's longest
VISIBILITY_FACTOR: Final = 6  # what AWS asks for, so that a throttled batch is not received twice at once


def refuses_others(queue: str, condition: dict[str, Value]) -> dict[str, Value]:
    """Refuse whatever is sent to a queue by those of whom the condition is true.

    Principals of our own account need no word in a queue's policy, so they are refused here, too.
    """
    return {
        "Sid": "NobodyElse",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": arn(queue),
        "Condition": condition,
    }


def add_queue(stack: Stack, logical: str, name: str, timeout: int, *statements: Value) -> str:
    """Add a queue for a function that runs at most `timeout` seconds, and its dead-letter queue."""
    fifo = name.endswith(".fifo")
    dead = stack.add(f"{logical}Dead", "AWS::SQS::Queue", {**_common(names.dead(name)), **_order(fifo=fifo)})
    stack.add(
        logical,
        "AWS::SQS::Queue",
        {
            **_common(name),
            **_order(fifo=fifo),
            "VisibilityTimeout": VISIBILITY_FACTOR * timeout,
            "RedrivePolicy": {"deadLetterTargetArn": arn(dead), "maxReceiveCount": RECEIVES},
        },
    )
    for queue, admitted in ((logical, statements), (dead, ())):
        policy = document(only_tls("sqs:*", arn(queue)), *admitted)
        stack.add(f"{queue}Policy", "AWS::SQS::QueuePolicy", {"Queues": [ref(queue)], "PolicyDocument": policy})
    stack.output(logical, f"URL of {name}", ref(logical))
    return logical


def add_dead(stack: Stack, logical: str, name: str) -> str:
    """Add a dead-letter queue alone: of a function that no queue of ours feeds."""
    stack.add(logical, "AWS::SQS::Queue", _common(name))
    policy = document(only_tls("sqs:*", arn(logical)))
    stack.add(f"{logical}Policy", "AWS::SQS::QueuePolicy", {"Queues": [ref(logical)], "PolicyDocument": policy})
    return logical


def _common(name: str) -> Properties:
    return {
        "QueueName": name,
        "MessageRetentionPeriod": RETENTION,
        "SqsManagedSseEnabled": when("HasKey", "false", "true"),
        "KmsMasterKeyId": when("HasKey", ref("KeyArn")),
    }


def _order(*, fifo: bool) -> Properties:
    if not fifo:
        return {}
    return {"FifoQueue": True, "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
