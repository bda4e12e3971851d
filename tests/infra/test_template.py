"""The template of the sample campus: the same every time, correct by AWS's own rules, and complete."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.template import render
from provisioning.adapters.aws import keys
from provisioning.core.catalog import Bundle
from provisioning.core.errors import InvalidError
from provisioning.runtime.settings import read_settings
from tests.infra.conftest import Template, of_type

SNAPSHOT = Path(__file__).parent / "campus.template.json"


def test_the_campus_has_the_template_that_was_reviewed(template: Template) -> None:
    rendered = json.dumps(template, indent=2) + "\n"
    assert rendered == SNAPSHOT.read_text(encoding="utf-8"), (
        f"review the difference, then: python -m infra.render localstack/campus > tests/infra/{SNAPSHOT.name}"
    )


def test_rendering_twice_is_identical(bundle: Bundle) -> None:
    assert json.dumps(render(bundle)) == json.dumps(render(bundle))


def test_cfn_lint_finds_nothing() -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(SNAPSHOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own tools
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_a_change_of_rules_changes_no_infrastructure(bundle: Bundle, template: Template) -> None:
    assert render(bundle.model_copy(update={"rules": ()})) == template


def test_every_reference_is_to_something_that_exists(template: Template) -> None:
    known = {*template["Resources"], *template["Parameters"]}

    def references(value: object) -> set[str]:
        if isinstance(value, list):
            return {name for item in value for name in references(item)}
        if not isinstance(value, dict):
            return set()
        if "Fn::GetAtt" in value:
            return {value["Fn::GetAtt"][0]}
        if "Ref" in value:
            return set() if value["Ref"].startswith("AWS::") else {value["Ref"]}
        return {name for item in value.values() for name in references(item)}

    assert references(template["Resources"]) | references(template["Outputs"]) <= known


def test_there_is_one_function_for_each_stage_and_one_deliver_for_each_service(
    bundle: Bundle, template: Template
) -> None:
    names = {function["FunctionName"] for function in of_type(template, "AWS::Lambda::Function").values()}
    stages = {
        "campus-receive",
        "campus-evaluate",
        "campus-schedule",
        "campus-campaign",
        "campus-extract",
        "campus-feedback",
        "campus-notify",
    }
    assert names == stages | {f"campus-deliver-{service.id}" for service in bundle.services}


def test_every_handler_exists(template: Template) -> None:
    for function in of_type(template, "AWS::Lambda::Function").values():
        module, _, name = function["Handler"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))


def test_every_function_is_told_what_its_settings_read(template: Template) -> None:
    for function in of_type(template, "AWS::Lambda::Function").values():
        variables = function["Environment"]["Variables"]
        given = {name: value if isinstance(value, str) else "x" for name, value in variables.items()}
        given["PROVISIONING_DELIVER_QUEUES"] = "{}"
        settings = read_settings(given)
        assert settings.identities_queue or settings.extract_queue or settings.events_topic
        assert bool(settings.service) == ("-deliver-" in function["FunctionName"])
        assert set(variables) - {"AWS_ENDPOINT_URL"} <= {
            "PROVISIONING_TABLE", "PROVISIONING_BUCKET", "PROVISIONING_IDENTITIES_QUEUE", "PROVISIONING_CAMPAIGN_QUEUE",
            "PROVISIONING_DELIVER_QUEUES", "PROVISIONING_SERVICE", "PROVISIONING_SOURCES", "PROVISIONING_EXTRACT_QUEUE",
            "PROVISIONING_FEEDBACK_QUEUES", "PROVISIONING_EVENTS_TOPIC",
        }  # fmt: skip


def test_a_loop_that_waits_is_not_cut_by_loop_detection(template: Template) -> None:
    functions = of_type(template, "AWS::Lambda::Function").values()
    assert {function["RecursiveLoop"] for function in functions} == {"Allow"}


def test_the_endpoint_is_set_only_when_it_is_given(template: Template) -> None:
    for function in of_type(template, "AWS::Lambda::Function").values():
        endpoint = function["Environment"]["Variables"]["AWS_ENDPOINT_URL"]
        assert endpoint == {"Fn::If": ["HasEndpoint", {"Ref": "EndpointUrl"}, {"Ref": "AWS::NoValue"}]}


def test_the_table_is_the_one_that_the_adapter_expects_and_outlives_the_stack(template: Template) -> None:
    table = template["Resources"]["Table"]
    assert keys.TABLE_DEFINITION.items() <= table["Properties"].items()
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert template["Parameters"]["DeletionProtection"]["Default"] == "true"
    for name in ("Table", "Bucket"):
        resource = template["Resources"][name]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_clock_starts_schedule_every_minute_and_nothing_else_may(template: Template) -> None:
    (rule,) = of_type(template, "AWS::Events::Rule").values()
    (permission,) = of_type(template, "AWS::Lambda::Permission").values()
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert [target["Arn"] for target in rule["Targets"]] == [{"Fn::GetAtt": ["ScheduleFunction", "Arn"]}]
    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": ["Clock", "Arn"]}


def test_every_log_ends_some_day(template: Template) -> None:
    logs = of_type(template, "AWS::Logs::LogGroup")
    assert len(logs) == len(of_type(template, "AWS::Lambda::Function"))
    assert all(group["RetentionInDays"] > 0 for group in logs.values())


def test_a_name_that_aws_would_refuse_is_refused_before(bundle: Bundle) -> None:
    tenant = bundle.tenant.model_copy(update={"id": "t" * 30})
    service = bundle.services[0].model_copy(update={"id": "s" * 30})
    with pytest.raises(InvalidError, match="at most 64"):
        render(bundle.model_copy(update={"tenant": tenant, "services": (service,)}))


def test_two_services_that_would_share_a_resource_are_refused(bundle: Bundle) -> None:
    services = tuple(bundle.services[0].model_copy(update={"id": name}) for name in ("wiki1", "wiki-1"))
    with pytest.raises(InvalidError, match="two resources"):
        render(bundle.model_copy(update={"services": services}))
