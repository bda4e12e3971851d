"""A tenant with services that get files: when they begin, and what the function may touch."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.template import render
from provisioning.core.catalog import Bundle, Service
from tests.infra.conftest import Template, of_type

THEIRS = "s3://exchange/library/in"


def service(id_: str, endpoint: str, **options: Any) -> Service:
    return Service.model_validate({
        "id": id_, "protocol": "extract", "endpoint": endpoint, "match": "login",
        "account": {"login": "person.login"}, "extract": options,
    })  # fmt: skip


@pytest.fixture(scope="module")
def tenant(bundle: Bundle) -> Bundle:
    services = (
        service("badges", "s3:///badges", schedule="30 3 * * mon-fri", full_every="P7D"),
        service("library", THEIRS, schedule="0 * * * *"),
        service("archive", "s3:///archive"),
    )
    return bundle.model_copy(update={"services": services, "rules": ()})


@pytest.fixture(scope="module")
def extracts(tenant: Bundle) -> Template:
    return render(tenant)


def allowed(template: Template, role: str) -> list[dict[str, Any]]:
    (policy,) = of_type(template, "AWS::IAM::Role")[role]["Policies"]
    found: list[dict[str, Any]] = [one for one in policy["PolicyDocument"]["Statement"] if "Action" in one]
    return found


def test_an_extract_begins_by_the_clock_of_the_tenant_s_zone(tenant: Bundle, extracts: Template) -> None:
    schedules = of_type(extracts, "AWS::Scheduler::Schedule")
    assert {name: each["ScheduleExpression"] for name, each in schedules.items()} == {
        "ExtractBadgesSchedule": "cron(30 3 ? * MON-FRI *)",
        "ExtractLibrarySchedule": "cron(0 * * * ? *)",
    }
    assert {each["ScheduleExpressionTimezone"] for each in schedules.values()} == {tenant.tenant.zone}


def test_a_start_names_its_service_and_the_instant_for_which_it_stands(extracts: Template) -> None:
    target = of_type(extracts, "AWS::Scheduler::Schedule")["ExtractBadgesSchedule"]["Target"]
    assert target["Arn"] == {"Fn::GetAtt": ["ExtractQueue", "Arn"]}
    assert json.loads(target["Input"]) == {
        "do": "start", "service": "badges", "request": "<aws.scheduler.scheduled-time>",
    }  # fmt: skip


def test_the_clock_may_send_to_this_queue_and_nothing_else(extracts: Template) -> None:
    (statement,) = allowed(extracts, "ExtractSchedulesRole")
    assert (statement["Action"], statement["Resource"]) == (
        ["sqs:SendMessage"], [{"Fn::GetAtt": ["ExtractQueue", "Arn"]}],
    )  # fmt: skip


def test_without_a_schedule_there_is_no_clock(tenant: Bundle) -> None:
    template = render(tenant.model_copy(update={"services": tenant.services[2:]}))
    assert of_type(template, "AWS::Scheduler::Schedule") == {}
    assert "ExtractSchedulesRole" not in template["Resources"]


def test_files_may_be_written_and_listed_in_the_services_folders_only(extracts: Template) -> None:
    s3 = [one for one in allowed(extracts, "ExtractFunctionRole") if one["Action"][0].startswith("s3:")]
    written = [one["Resource"] for one in s3 if one["Action"] == ["s3:PutObject"]]
    assert written == [
        {"Fn::Sub": "${Bucket.Arn}/extracts/badges/*"},
        {"Fn::Sub": "arn:${AWS::Partition}:s3:::exchange/library/in/*"},
        {"Fn::Sub": "${Bucket.Arn}/extracts/archive/*"},
    ]
    listed = [one["Condition"] for one in s3 if one["Action"] == ["s3:ListBucket"]]
    folders = ("extracts/badges/*", "library/in/*", "extracts/archive/*")
    assert listed == [{"StringLike": {"s3:prefix": folder}} for folder in folders]
    assert {action for one in s3 for action in one["Action"]} == {"s3:PutObject", "s3:ListBucket", "s3:GetObject"}
    assert [one["Resource"] for one in s3 if "s3:GetObject" in one["Action"]] == [
        {"Fn::Sub": "${Bucket.Arn}/bundles/*.json"}
    ]


def test_cfn_lint_finds_nothing(extracts: Template, tmp_path: Path) -> None:
    file = tmp_path / "template.json"
    file.write_text(json.dumps(extracts), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own tools
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
