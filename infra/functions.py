"""The functions: what each stage is called, how long it may run, what starts it, and what it is told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from infra import names, roles
from infra.resources import Stack, Value, arn, ref, sub, when
from infra.storage import BUCKET, TABLE

RUNTIME: Final = "python3.13"
LOG_DAYS: Final = 30
BATCH: Final = 10
# Batches of one service in hand at once. Not reserved concurrency: that would turn waiting into receives.
DELIVER_CONCURRENCY: Final = 10


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `timeout` in seconds, `memory` in MB."""

    tenant: str
    stage: str
    timeout: int
    memory: int = 512
    service: str | None = None
    environment: Mapping[str, Value] = field(default_factory=dict)
    rights: tuple[Value, ...] = ()
    own: bool = False  # it asks by adapters that the tenant's operator wrote, and carries them

    @property
    def logical(self) -> str:
        """Its logical id."""
        return names.logical(*filter(None, (self.stage, self.service)), "function")

    @property
    def name(self) -> str:
        """Its physical name."""
        return names.function(self.tenant, self.stage, self.service)


def add_function(stack: Stack, function: Function) -> str:
    """Add a function with its log group and role; returns its logical id."""
    logs = stack.add(
        f"{function.logical}Logs",
        "AWS::Logs::LogGroup",
        {
            "LogGroupName": f"/aws/lambda/{function.name}",
            "RetentionInDays": LOG_DAYS,
            "KmsKeyId": when("HasKey", ref("KeyArn")),
        },
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
    )
    role = roles.add_role(stack, function.logical, logs, *function.rights)
    variables = {
        "PROVISIONING_TABLE": ref(TABLE),
        "PROVISIONING_BUCKET": ref(BUCKET),
        **function.environment,
        "AWS_ENDPOINT_URL": when("HasEndpoint", ref("EndpointUrl")),
    }
    return stack.add(
        function.logical,
        "AWS::Lambda::Function",
        {
            "FunctionName": function.name,
            "Runtime": RUNTIME,
            "Architectures": [ref("Architecture")],
            "Handler": f"functions.{function.stage}.handler",
            "Code": {"S3Bucket": ref("CodeBucket"), "S3Key": ref("OwnCodeKey" if function.own else "CodeKey")},
            "Role": arn(role),
            "Timeout": function.timeout,
            "MemorySize": function.memory,
            "LoggingConfig": {"LogGroup": ref(logs), "LogFormat": "Text"},
            "Environment": {"Variables": variables},
            # A subject that waits and is tried again goes round through the queues many times, by design: AWS would
            # take that for a runaway loop and cut it after sixteen rounds. What bounds it is `due_at`.
            "RecursiveLoop": "Allow",
        },
    )


def feed(stack: Stack, function: str, queue: str, concurrency: int | None = None, batch: int = BATCH) -> None:
    """Let a queue start a function, in batches whose failures are reported one by one."""
    stack.add(
        f"{queue}Mapping",
        "AWS::Lambda::EventSourceMapping",
        {
            "FunctionName": ref(function),
            "EventSourceArn": arn(queue),
            "BatchSize": batch,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            **({"ScalingConfig": {"MaximumConcurrency": concurrency}} if concurrency is not None else {}),
        },
    )


def every_minute(stack: Stack, function: str, rule: str, name: str) -> None:
    """Let the clock start a function. A sweep that failed is not repeated: the next one begins where it did."""
    stack.add(
        rule,
        "AWS::Events::Rule",
        {
            "Name": name,
            "ScheduleExpression": "rate(1 minute)",
            "State": "ENABLED",
            "Targets": [{"Id": "schedule", "Arn": arn(function), "RetryPolicy": {"MaximumRetryAttempts": 0}}],
        },
    )
    stack.add(
        f"{rule}Permission",
        "AWS::Lambda::Permission",
        {
            "FunctionName": ref(function),
            "Action": "lambda:InvokeFunction",
            "Principal": "events.amazonaws.com",
            "SourceArn": arn(rule),
        },
    )
    stack.add(
        f"{rule}Invocation",
        "AWS::Lambda::EventInvokeConfig",
        {"FunctionName": ref(function), "Qualifier": "$LATEST", "MaximumRetryAttempts": 0},
    )


def urls(queues: Mapping[str, str]) -> Value:
    """A JSON object of services and the URLs of their queues, as settings read it."""
    text = json.dumps({service: f"${{{logical}}}" for service, logical in queues.items()}, separators=(",", ":"))
    return sub(text)


def text(value: Mapping[str, str]) -> str:
    """A JSON object as a variable of the environment."""
    return json.dumps(value, separators=(",", ":"))
