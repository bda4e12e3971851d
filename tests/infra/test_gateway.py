"""The gateway in the template: only if a source pushes, and then for that source alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.template import render
from provisioning.core.catalog import Bundle, Source
from provisioning.runtime.settings import read_settings
from tests.infra.conftest import Template, of_type
from tests.infra.test_extract import allowed


@pytest.fixture(scope="module")
def pushing(bundle: Bundle) -> Template:
    (registry,) = bundle.sources
    pushes = Source.model_validate(
        {**registry.model_dump(by_alias=True), "record": {}, "push": {"secret": "registry-push"}}
    )
    return render(bundle.model_copy(update={"sources": (pushes, registry.model_copy(update={"id": "hr"}))}))


def statements(template: Template) -> list[Any]:
    role = of_type(template, "AWS::IAM::Role")["GatewayFunctionRole"]
    found: list[Any] = role["Policies"][0]["PolicyDocument"]["Statement"]
    return found


def test_without_a_source_that_pushes_there_is_none(template: Template) -> None:
    assert not [name for name in template["Resources"] if name.startswith("Gateway")]


def test_it_has_a_url_that_leaves_the_credential_to_it(pushing: Template) -> None:
    (url,) = of_type(pushing, "AWS::Lambda::Url").values()
    assert url["AuthType"] == "NONE"
    open_ = [item for item in of_type(pushing, "AWS::Lambda::Permission").values() if item["Principal"] == "*"]
    assert [{name: item[name] for name in item if name not in ("FunctionName", "Principal")} for item in open_] == [
        {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
        {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
    ]
    assert pushing["Outputs"]["GatewayUrl"]["Value"] == {"Fn::GetAtt": ["GatewayFunctionUrl", "FunctionUrl"]}


def test_it_reaches_the_items_the_queue_and_the_secret_of_the_sources_that_push(pushing: Template) -> None:
    text = json.dumps(statements(pushing))
    assert "P#registry#*" in text
    assert "secret:registry-push-??????" in text
    assert "ChangesRegistryQueue" in text
    for partition in ("Q#registry#*", "O#registry", "D#registry#*", "A#registry"):
        assert f'"{partition}"' in text
    assert "I#" not in text
    assert "#hr" not in text
    assert "ChangesHrQueue" not in text


def test_only_its_topic_and_the_gateway_write_to_the_queue_of_a_source_that_pushes(pushing: Template) -> None:
    policies = of_type(pushing, "AWS::SQS::QueuePolicy")
    refused = {
        name: next(each for each in policies[name]["PolicyDocument"]["Statement"] if each.get("Sid") == "NobodyElse")
        for name in ("ChangesRegistryQueuePolicy", "ChangesHrQueuePolicy")
    }
    roles = [{"Fn::GetAtt": ["GatewayFunctionRole", "Arn"]}]
    assert refused["ChangesRegistryQueuePolicy"]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == roles
    assert "aws:PrincipalArn" not in refused["ChangesHrQueuePolicy"]["Condition"]["ArnNotEquals"]


def test_it_is_told_where_it_sends(pushing: Template) -> None:
    variables = of_type(pushing, "AWS::Lambda::Function")["GatewayFunction"]["Environment"]["Variables"]
    given = {name: value if isinstance(value, str) else "x" for name, value in variables.items()}
    text = variables["PROVISIONING_CHANGES_QUEUES"]["Fn::Sub"]
    given["PROVISIONING_CHANGES_QUEUES"] = text
    assert read_settings(given).changes_queues == {"registry": "${ChangesRegistryQueue}"}


def test_cfn_lint_finds_nothing(pushing: Template, tmp_path: Path) -> None:
    file = tmp_path / "pushing.template.json"
    file.write_text(json.dumps(pushing), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own tools
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_the_clock_settles_what_a_client_that_never_returns_left_behind(pushing: Template) -> None:
    rule = of_type(pushing, "AWS::Events::Rule")["GatewayRule"]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert rule["Targets"][0]["Arn"] == {"Fn::GetAtt": ["GatewayFunction", "Arn"]}
    permissions = of_type(pushing, "AWS::Lambda::Permission").values()
    assert {"Fn::GetAtt": ["GatewayRule", "Arn"]} in [each.get("SourceArn") for each in permissions]


def test_passwords_are_passed_on_with_the_secrets_of_their_services_alone(bundle: Bundle) -> None:
    spml = {"endpoints": ["spml"], "secret": "hr-push", "spml": {"passwords": ["directory"]}}
    source = Source.model_validate({"id": "hr", "record": {}, "push": spml})
    directory = bundle.services[0].model_copy(update={"id": "directory", "secret": "directory-secret"})
    rendered = render(bundle.model_copy(update={"sources": (source,), "services": (*bundle.services, directory)}))
    rights = json.dumps(allowed(rendered, "GatewayFunctionRole"))
    assert "directory-secret" in rights
    assert '"I#*", "L#hr#*", "S#directory"' in rights
    others = {service.secret for service in bundle.services if service.secret}
    assert not [secret for secret in others if f"secret:{secret}-" in rights]
