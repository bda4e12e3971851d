"""notify: the function that the table's stream starts, the topic of all events, and what was given up.

What notify gives up after its last attempt is named in the dead-letter queue (where in the stream it lay, not what it
was). Nothing needs to be done with it to be whole again: the next write of each of its items finds no entry of it, and
tells of the state. Until then `provision history` lacks it.

What it costs beside the requests that the stage counts: Lambda reads the stream without charge, a batch is one
invocation, and SNS bills a request for each 64 kB of ten events, which are about 4 kB.
"""

from typing import Final

from infra import functions, messaging, names, roles
from infra.functions import Function
from infra.resources import Stack, Value, arn, document, only_tls, ref, statement, sub, when
from infra.storage import TABLE
from infra.subscribers import add_subscribers
from provisioning.core.catalog import Bundle

TOPIC: Final = "EventsTopic"
DEAD: Final = "NotifyDead"
TIMEOUT: Final = 60  # seconds for a batch
BATCH: Final = 100  # entries of the stream
WINDOW: Final = 1  # seconds for which a batch is gathered
# Batches of one shard in hand at once. Lambda keeps the order of one item's entries all the same.
PARALLEL: Final = 4
# What does not go is tried again until the topic and the table have had half a day to come back; the stream holds a
# whole one. Lambda counts attempts too, and does not say how far apart they are: so it is given as many as it takes.
# What one entry alone is to blame for does not wait for either: the function finds it, keeps it and goes on.
ATTEMPTS: Final = 10000
AGE: Final = 43200  # seconds


def add_notify(stack: Stack, bundle: Bundle) -> None:
    """Add the topics with their subscribers, and the function with its mapping."""
    tenant = bundle.tenant.id
    _topic(stack, tenant)
    own = add_subscribers(stack, bundle, TOPIC)
    messaging.add_dead(stack, DEAD, names.dead(names.function(tenant, "notify")))
    function = Function(
        tenant,
        "notify",
        TIMEOUT,
        environment={
            "PROVISIONING_EVENTS_TOPIC": ref(TOPIC),
            **({"PROVISIONING_SUBSCRIBER_TOPICS": functions.urls(own)} if own else {}),
        },
        rights=(
            *_reads_stream(),
            roles.sends(DEAD),
            statement(["sns:Publish"], [ref(TOPIC), *map(ref, own.values())] if own else ref(TOPIC)),
            roles.reads("H#*"),
            roles.writes_batches("H#*"),
            roles.writes("X#*"),
            *roles.reads_bundle(),
            roles.keeps_rejected(),
        ),
    )
    _feed(stack, functions.add_function(stack, function))


def _topic(stack: Stack, tenant: str) -> None:
    stack.add(
        TOPIC, "AWS::SNS::Topic", {"TopicName": names.events(tenant), "KmsMasterKeyId": when("HasKey", ref("KeyArn"))}
    )
    policy = document(only_tls("sns:Publish", ref(TOPIC)))
    stack.add(f"{TOPIC}Policy", "AWS::SNS::TopicPolicy", {"Topics": [ref(TOPIC)], "PolicyDocument": policy})
    stack.output(TOPIC, "Where every change is published, without values", ref(TOPIC))


def _reads_stream() -> list[Value]:
    """Be fed from the table's stream. Streams are listed for a table, not for one of its streams."""
    read = ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"]
    return [
        statement(read, _stream()),
        statement(["dynamodb:ListStreams"], sub(f"${{{TABLE}.Arn}}/stream/*")),
    ]


def _stream() -> Value:
    return {"Fn::GetAtt": [TABLE, "StreamArn"]}


def _feed(stack: Stack, function: str) -> None:
    """Let the stream start the function: identities and accounts only, of which it makes no other item's writes."""
    pattern = '{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"I#"}]},"sk":{"S":["I",{"prefix":"A#"}]}}}}'
    stack.add(
        "NotifyMapping",
        "AWS::Lambda::EventSourceMapping",
        {
            "FunctionName": ref(function),
            "EventSourceArn": _stream(),
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": BATCH,
            "MaximumBatchingWindowInSeconds": WINDOW,
            "ParallelizationFactor": PARALLEL,
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": ATTEMPTS,
            "MaximumRecordAgeInSeconds": AGE,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "DestinationConfig": {"OnFailure": {"Destination": arn(DEAD)}},
            "FilterCriteria": {"Filters": [{"Pattern": pattern}]},
        },
    )
