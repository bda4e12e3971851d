"""Schedules that send a message to a queue, and the one role by which they do."""

from typing import Final

from infra import names, roles
from infra.resources import Stack, arn, document, ref, statement, when
from provisioning.core.catalog import Tenant


def add_schedule(stack: Stack, tenant: Tenant, stage: str, name: str, when_: str, queue: str, message: str) -> None:
    """Send a message to a queue, at a rate or by cron in the tenant's zone."""
    role = _role(stack, queue)
    stack.add(
        names.logical(stage, name, "schedule"),
        "AWS::Scheduler::Schedule",
        {
            "Name": names.function(tenant.id, stage, name),
            "ScheduleExpression": when_,
            "ScheduleExpressionTimezone": tenant.zone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "KmsKeyArn": when("HasKey", ref("KeyArn")),
            "Target": {"Arn": arn(queue), "RoleArn": arn(role), "Input": message},
        },
    )


_ASSUMED: Final = {
    "Effect": "Allow",
    "Principal": {"Service": "scheduler.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
}


def _role(stack: Stack, queue: str) -> str:
    """The role of the clock: it may send to this queue, and nothing else."""
    logical = f"{queue.removesuffix('Queue')}SchedulesRole"
    if logical not in stack.resources:
        key = when("HasKey", statement(["kms:Decrypt", "kms:GenerateDataKey"], ref("KeyArn")))
        stack.add(
            logical,
            "AWS::IAM::Role",
            {
                "AssumeRolePolicyDocument": document(_ASSUMED),
                "Policies": [{"PolicyName": "start", "PolicyDocument": document(roles.sends(queue), key)}],
            },
        )
    return logical
