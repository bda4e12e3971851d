"""One role a function, for exactly the items, queues and objects that its stage touches.

The table is shared, so its keys are the border: a function reaches the partitions that its stage reads or writes and
no others. Within an identity's partition all functions are trusted alike.
"""

from collections.abc import Sequence
from typing import Any, Final

from infra.resources import Stack, Value, arn, document, ref, statement, sub, when
from infra.storage import BUCKET, TABLE
from provisioning.adapters.aws import keys
from provisioning.core.catalog import Service, Source
from provisioning.core.queue_options import DEFAULTS, read_place

_READ: Final = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query")
_WRITE: Final = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem")
_CONSUME: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def add_role(stack: Stack, function: str, log_group: str, *statements: Value) -> str:
    """Add the role of a function; returns its logical id."""
    logs = statement(["logs:CreateLogStream", "logs:PutLogEvents"], arn(log_group))
    return stack.add(
        f"{function}Role",
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": document(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
                }
            ),
            "Policies": [{"PolicyName": "stage", "PolicyDocument": document(logs, *statements, _key())}],
        },
    )


def reads(*partitions: str) -> Value:
    """Read the items of these partitions (`I#*`)."""
    return _items(_READ, partitions, arn(TABLE))


def writes(*partitions: str) -> Value:
    """Write the items of these partitions."""
    return _items(_WRITE, partitions, arn(TABLE))


def deletes(*partitions: str) -> Value:
    """Delete items of these partitions, one by one."""
    return _items(("dynamodb:DeleteItem",), partitions, arn(TABLE))


def links() -> list[Value]:
    """Read and write who is whom, and forget what nobody claims any more."""
    return [
        reads("I#*", "L#*", "M#*", "K#*"),
        writes("I#*", "L#*", "M#*", "K#*"),
        deletes("M#*"),
    ]


def writes_batches(*partitions: str) -> Value:
    """Put and delete items of these partitions, many at once, whatever is there."""
    return _items(("dynamodb:BatchWriteItem",), partitions, arn(TABLE))


def reads_index(index: str) -> Value:
    """Query one index, which holds keys only."""
    return statement(["dynamodb:Query"], sub(f"${{{TABLE}.Arn}}/index/{index}"))


def reads_bundle() -> list[Value]:
    """Read which bundle is in force, and the bundle."""
    return [
        _items(("dynamodb:GetItem",), (keys.CURRENT.pk,), arn(TABLE)),
        statement(["s3:GetObject"], sub(f"${{{BUCKET}.Arn}}/{keys.bundle_object('*')}")),
    ]


def keeps_rejected() -> Value:
    """Write rejected bodies."""
    return statement(["s3:PutObject"], sub(f"${{{BUCKET}.Arn}}/rejected/*"))


def consumes(*queues: str) -> Value:
    """Be fed from queues."""
    return statement(_CONSUME, [arn(queue) for queue in queues])


def sends(*queues: str) -> Value:
    """Send to queues."""
    return statement(["sqs:SendMessage"], [arn(queue) for queue in queues])


def reads_secret(name: str) -> Value:
    """Read one secret. Its ARN ends in six characters that AWS adds."""
    secret = f"arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:{name}-??????"
    return statement(["secretsmanager:GetSecretValue"], sub(secret))


def asks(source: Source) -> list[Value]:
    """Ask a source: read its secrets, or the folder in which it leaves files."""
    if source.poll is None:
        return []
    rights = [reads_secret(name) for name in source.poll.secrets]
    if source.poll.files is not None:
        bucket, folder = keys.source_folder(source.poll.files.place)
        whole = sub(f"arn:${{AWS::Partition}}:s3:::{bucket}") if bucket else arn(BUCKET)
        within = f"arn:${{AWS::Partition}}:s3:::{bucket}/{folder}*" if bucket else f"${{{BUCKET}.Arn}}/{folder}*"
        rights.append(statement(["s3:GetObject"], sub(within)))
        rights.append(statement(["s3:ListBucket"], whole, {"StringLike": {"s3:prefix": f"{folder}*"}}))
    return rights


def is_asked(source: Source) -> bool:
    """Whether receive asks a source for those whom its messages only name."""
    return source.poll is not None and (source.thin or source.signed is not None)


def counts(*queues: str) -> Value:
    """See how many messages wait in queues."""
    return statement(["sqs:GetQueueAttributes"], [arn(queue) for queue in queues])


def watched(sources: Sequence[Source]) -> Sequence[str]:
    """The partitions of the sources whose silence has a limit."""
    return [keys.heard_key(source.id).pk for source in sources if source.freshness is not None]


def verifies(sources: Sequence[Source]) -> list[Value]:
    """Remember tokens of the sources that sign, and read those of their keys that lie in secrets."""
    tokens = [f"T#{source.id}#*" for source in sources if source.signed is not None]
    return [*([reads(*tokens), writes_batches(*tokens)] if tokens else []), *map(reads_secret, issuers_of(sources))]


def issuers_of(sources: Sequence[Source]) -> Sequence[str]:
    """The names of the secrets that hold issuers' keys, each once."""
    signed = [source.signed for source in sources if source.signed is not None]
    return list(dict.fromkeys(options.secret for options in signed if options.secret is not None))


def secrets_of(service: Service) -> Sequence[str]:
    """The names of the secrets that a service's calls need, each once: its own, and that of its certificate."""
    certificate = None if service.authentication is None else service.authentication.certificate
    return list(dict.fromkeys(name for name in (service.secret, certificate) if name is not None))


def sends_to_provider(service: Service) -> list[Value]:
    """Send to the SP's own queue or topic, and to no other; keep what is too large for it, and sign what fetches that.

    If another account has it, its own policy must admit this role too.
    """
    options, place = service.queue or DEFAULTS, read_place(service.endpoint)
    target = f"arn:${{AWS::Partition}}:{place.kind}:{place.region or '${AWS::Region}'}:{place.account}:{place.name}"
    rights = [
        statement(["sqs:SendMessage" if place.kind == "sqs" else "sns:Publish"], sub(target)),
        statement(["s3:PutObject", "s3:GetObject"], sub(f"${{{BUCKET}.Arn}}/deliveries/{service.id}/*")),
    ]
    if options.key is not None:
        rights.append(statement(["kms:Decrypt", "kms:GenerateDataKey"], options.key))
    return rights


def _items(actions: Sequence[str], partitions: Sequence[str], table: Value) -> Value:
    wild = any("*" in partition for partition in partitions)
    leading: dict[str, Any] = {"dynamodb:LeadingKeys": list(partitions)}
    return statement(actions, table, {"ForAllValues:StringLike" if wild else "ForAllValues:StringEquals": leading})


def _key() -> Value:
    return when("HasKey", statement(["kms:Decrypt", "kms:GenerateDataKey"], ref("KeyArn")))
