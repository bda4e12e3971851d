"""A tenant with services whose accounts are compared: when that begins, and what their functions may touch."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.template import render
from provisioning.core.catalog import Bundle, Reconcile
from provisioning.runtime.settings import read_settings
from tests.infra.conftest import Template, of_type
from tests.infra.test_roles import arns, granted, partitions

LIBRARY, WIKI = "ReconcileLibraryFunction", "ReconcileWikiFunction"


@pytest.fixture(scope="module")
def compared(bundle: Bundle) -> Template:
    """Two of the campus's services are reconciled, one of them every night."""
    wanted = {"library": Reconcile(schedule="30 3 * * *"), "wiki": Reconcile()}
    services = tuple(service.model_copy(update={"reconcile": wanted.get(service.id)}) for service in bundle.services)
    return render(bundle.model_copy(update={"services": services}))


def test_only_a_service_that_asks_for_it_has_a_function(template: Template, compared: Template) -> None:
    def named(of: Template) -> set[str]:
        names = {function["FunctionName"] for function in of_type(of, "AWS::Lambda::Function").values()}
        return {name for name in names if "-reconcile-" in name}

    assert named(template) == set()
    assert named(compared) == {"campus-reconcile-library", "campus-reconcile-wiki"}


@pytest.mark.parametrize("service", ["library", "wiki"])
def test_a_function_reads_the_secret_of_its_service_and_no_other(compared: Template, service: str) -> None:
    prefix = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
    function = f"Reconcile{service.capitalize()}Function"
    assert granted(compared, function, "secretsmanager:GetSecretValue") == [
        {"Fn::Sub": f"{prefix}campus/{service}-??????"}
    ]


def test_a_function_rings_its_own_deliver_and_itself_and_nobody_else(compared: Template) -> None:
    assert granted(compared, LIBRARY, "sqs:SendMessage") == arns("ReconcileLibraryQueue", "DeliverLibraryQueue")
    assert granted(compared, LIBRARY, "sqs:ReceiveMessage") == arns("ReconcileLibraryQueue")


def test_a_function_writes_accounts_and_its_own_item_and_deletes_none(compared: Template) -> None:
    assert partitions(compared, WIKI, "dynamodb:GetItem") == {"I#*", "S#wiki", "R#wiki", "C"}
    assert partitions(compared, WIKI, "dynamodb:PutItem") == {"I#*", "R#wiki"}
    assert partitions(compared, WIKI, "dynamodb:DeleteItem") == set()
    assert partitions(compared, WIKI, "dynamodb:BatchWriteItem") == set()


def test_a_function_touches_the_files_of_its_own_runs(compared: Template) -> None:
    own = [{"Fn::Sub": "${Bucket.Arn}/reconciled/wiki/*"}]
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert granted(compared, WIKI, action) == own
    assert granted(compared, WIKI, "s3:GetObject") == [{"Fn::Sub": "${Bucket.Arn}/bundles/*.json"}, *own]


def test_what_a_scheduled_service_is_told_every_night_is_one_start(compared: Template) -> None:
    schedules = of_type(compared, "AWS::Scheduler::Schedule")
    assert "ReconcileWikiSchedule" not in schedules
    schedule = schedules["ReconcileLibrarySchedule"]
    assert schedule["ScheduleExpression"] == "cron(30 3 * * ? *)"
    assert schedule["Target"]["Arn"] == {"Fn::GetAtt": ["ReconcileLibraryQueue", "Arn"]}
    assert json.loads(schedule["Target"]["Input"]) == {"do": "start", "request": "<aws.scheduler.scheduled-time>"}


def test_one_message_at_a_time_and_two_at_once_at_most(compared: Template) -> None:
    mapping = of_type(compared, "AWS::Lambda::EventSourceMapping")["ReconcileLibraryQueueMapping"]
    assert (mapping["BatchSize"], mapping["ScalingConfig"]) == (1, {"MaximumConcurrency": 2})
    function = of_type(compared, "AWS::Lambda::Function")[LIBRARY]
    queue = of_type(compared, "AWS::SQS::Queue")["ReconcileLibraryQueue"]
    assert queue["VisibilityTimeout"] == 6 * function["Timeout"]


def test_a_function_is_told_what_its_settings_read(compared: Template) -> None:
    variables = of_type(compared, "AWS::Lambda::Function")[LIBRARY]["Environment"]["Variables"]
    given: dict[str, Any] = {name: value if isinstance(value, str) else "x" for name, value in variables.items()}
    settings = read_settings({**given, "PROVISIONING_DELIVER_QUEUES": '{"library": "y"}'})
    assert (settings.service, settings.reconcile_queue) == ("library", "x")


def test_the_template_passes_the_linter(compared: Template, tmp_path: Path) -> None:
    file = tmp_path / "template.json"
    file.write_text(json.dumps(compared))
    linter = Path(sys.executable).with_name("cfn-lint")
    checked = subprocess.run([linter, str(file)], capture_output=True, text=True, check=False)  # noqa: S603  our own
    assert checked.returncode == 0, checked.stdout
