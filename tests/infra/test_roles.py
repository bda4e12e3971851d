"""Roles: each function may do what its stage does, and nothing more."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.template import render
from provisioning.core.catalog import Authentication, Bundle
from provisioning.core.trust_options import Freshness
from tests.infra.conftest import Template, of_type

SERVICES = ("badge", "library", "parking", "sports", "wiki")


def allowed(template: Template, function: str) -> Iterator[dict[str, Any]]:
    """Statements of a function's role, but those that stand under a condition of the template."""
    for policy in of_type(template, "AWS::IAM::Role")[f"{function}Role"]["Policies"]:
        yield from (statement for statement in policy["PolicyDocument"]["Statement"] if "Fn::If" not in statement)


def granted(template: Template, function: str, action: str) -> list[Any]:
    """Resources on which a function may do something."""
    found: list[Any] = []
    for statement in allowed(template, function):
        if action in statement["Action"]:
            resource = statement["Resource"]
            found += resource if isinstance(resource, list) else [resource]
    return found


def arns(*queues: str) -> list[Any]:
    return [{"Fn::GetAtt": [queue, "Arn"]} for queue in queues]


LINKED = {"I#*", "L#*", "M#*", "K#*"}


def functions(template: Template) -> list[str]:
    return list(of_type(template, "AWS::Lambda::Function"))


def test_every_function_has_a_role_of_its_own(template: Template) -> None:
    roles = [function["Role"]["Fn::GetAtt"][0] for function in of_type(template, "AWS::Lambda::Function").values()]
    clock = "ExtractSchedulesRole"  # of the schedules, which are no function
    assert sorted([*roles, clock]) == sorted(of_type(template, "AWS::IAM::Role"))
    assert len(set(roles)) == len(roles)


def test_nothing_is_allowed_by_a_wildcard(template: Template) -> None:
    for function in functions(template):
        for statement in allowed(template, function):
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in statement["Action"])
            assert statement["Resource"] not in ("*", ["*"])


def test_no_function_may_delete_or_scan_or_administer_but_forget_claims(template: Template) -> None:
    for function in functions(template):
        statements = allowed(template, function)
        claims = {"M#*"} if function in ("ReceiveFunction", "EvaluateFunction") else set()
        assert partitions(template, function, "dynamodb:DeleteItem") == claims
        actions = {action for statement in statements for action in statement["Action"]} - {"dynamodb:DeleteItem"}
        assert actions <= {
            "logs:CreateLogStream", "logs:PutLogEvents",
            "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query",
            "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem", "dynamodb:BatchWriteItem",
            "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage",
            "s3:GetObject", "s3:PutObject", "s3:ListBucket", "secretsmanager:GetSecretValue",
            "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams",
            "sns:Publish",
        }  # fmt: skip


def test_a_deliver_function_reads_the_secret_of_its_service_and_no_other(template: Template) -> None:
    prefix = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
    read = {function: granted(template, function, "secretsmanager:GetSecretValue") for function in functions(template)}
    assert {function: secrets for function, secrets in read.items() if secrets} == {
        f"Deliver{service.capitalize()}Function": [{"Fn::Sub": f"{prefix}campus/{service}-??????"}]
        for service in ("library", "sports", "wiki")
    }


def test_a_deliver_function_reads_the_secret_of_its_certificate_too(bundle: Bundle) -> None:
    options = Authentication(certificate="campus/engine")
    services = tuple(service.model_copy(update={"authentication": options}) for service in bundle.services)
    template = render(bundle.model_copy(update={"services": services}))
    prefix = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
    assert granted(template, "DeliverWikiFunction", "secretsmanager:GetSecretValue") == [
        {"Fn::Sub": f"{prefix}campus/{name}-??????"} for name in ("wiki", "engine")
    ]
    assert granted(template, "EvaluateFunction", "secretsmanager:GetSecretValue") == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_deliver_function_takes_from_its_own_queue_and_rings_identities_and_itself(
    template: Template, service: str
) -> None:
    function = f"Deliver{service.capitalize()}Function"
    assert granted(template, function, "sqs:ReceiveMessage") == arns(f"Deliver{service.capitalize()}Queue")
    provider = {"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:000000000000:badge-system"}
    assert granted(template, function, "sqs:SendMessage") == [
        *arns("IdentitiesQueue"),
        *arns(f"Deliver{service.capitalize()}Queue"),
        *([provider] if service == "badge" else []),
    ]


def test_a_deliver_function_rings_the_services_that_require_its_own(bundle: Bundle) -> None:
    services = tuple(
        service.model_copy(update={"requires": ("library",)}) if service.id == "wiki" else service
        for service in bundle.services
    )
    template = render(bundle.model_copy(update={"services": services}))
    rung = arns("IdentitiesQueue", "DeliverLibraryQueue", "DeliverWikiQueue")
    assert granted(template, "DeliverLibraryFunction", "sqs:SendMessage") == rung
    variables = template["Resources"]["DeliverLibraryFunction"]["Properties"]["Environment"]["Variables"]
    assert {*json.loads(variables["PROVISIONING_DELIVER_QUEUES"]["Fn::Sub"])} == {"library", "wiki"}


def test_a_provider_s_queue_in_another_region_is_named_by_its_url(bundle: Bundle) -> None:
    url = "https://sqs.us-east-1.amazonaws.com/111122223333/badges.fifo"
    services = tuple(
        service.model_copy(update={"endpoint": url}) if service.id == "badge" else service
        for service in bundle.services
    )
    template = render(bundle.model_copy(update={"services": services}))
    (*_, provider) = granted(template, "DeliverBadgeFunction", "sqs:SendMessage")
    assert provider == {"Fn::Sub": "arn:${AWS::Partition}:sqs:us-east-1:111122223333:badges.fifo"}


def partitions(template: Template, function: str, action: str) -> set[str]:
    """Partitions of the table that a function reaches. Every statement on the table names them."""
    found: set[str] = set()
    for statement in allowed(template, function):
        if action in statement["Action"] and statement["Resource"] == {"Fn::GetAtt": ["Table", "Arn"]}:
            (condition,) = statement["Condition"].values()
            found |= set(condition["dynamodb:LeadingKeys"])
    return found


@pytest.mark.parametrize(
    ("function", "read", "written"),
    [
        ("ReceiveFunction", {*LINKED, "C"}, {*LINKED, "X#*"}),
        ("EvaluateFunction", {*LINKED, "C"}, {*LINKED}),
        ("DeliverWikiFunction", {"I#*", "S#wiki", "B#wiki", "J#wiki#*", "C"}, {"I#*", "S#wiki", "B#wiki", "N#wiki#*"}),
        ("ScheduleFunction", {"W#*", "C"}, {"W#*", "B#*"}),
        ("CampaignFunction", set(), set()),
        ("ExtractFunction", {"I#*", "E#*", "C"}, {"E#*"}),
    ],
)
def test_a_function_reaches_only_the_items_of_its_stage(
    template: Template, function: str, read: set[str], written: set[str]
) -> None:
    assert partitions(template, function, "dynamodb:GetItem") == read
    assert partitions(template, function, "dynamodb:PutItem") == written
    waiting = {f"J#{function.removeprefix('Deliver').removesuffix('Function').lower()}#*"} & read
    assert partitions(template, function, "dynamodb:BatchWriteItem") == waiting, "what is written without a condition"


def test_who_may_write_objects_writes_those_of_its_own_folder_and_the_others_write_none(
    template: Template,
) -> None:
    written = {function: granted(template, function, "s3:PutObject") for function in functions(template)}
    assert {function: objects for function, objects in written.items() if objects} == {
        "ReceiveFunction": [{"Fn::Sub": "${Bucket.Arn}/rejected/*"}],
        "ExtractFunction": [{"Fn::Sub": "${Bucket.Arn}/extracts/parking/*"}],
        "DeliverBadgeFunction": [{"Fn::Sub": "${Bucket.Arn}/deliveries/badge/*"}],
        "NotifyFunction": [{"Fn::Sub": "${Bucket.Arn}/rejected/*"}],
    }


def test_only_where_somebodys_silence_has_a_limit_may_the_clock_begin_a_campaign(bundle: Bundle) -> None:
    limited = bundle.sources[0].model_copy(update={"freshness": Freshness.model_validate({"limit": "P2D"})})
    watching = render(bundle.model_copy(update={"sources": (limited, *bundle.sources[1:])}))
    queue, heard = arns("CampaignQueue")[0], f"F#{limited.id}"
    assert queue in granted(watching, "ScheduleFunction", "sqs:SendMessage")
    assert queue not in granted(render(bundle), "ScheduleFunction", "sqs:SendMessage")
    assert {"C", heard} <= partitions(watching, "ScheduleFunction", "dynamodb:UpdateItem")
    assert heard in partitions(watching, "ReceiveFunction", "dynamodb:UpdateItem")
    waiting = arns(f"Changes{limited.id.title()}Queue")
    assert granted(watching, "ScheduleFunction", "sqs:GetQueueAttributes") == waiting
    assert not granted(render(bundle), "ScheduleFunction", "sqs:GetQueueAttributes")
