"""A tenant with a source whose events are signed tokens: what receive may do more, and nobody else."""

import json
from typing import Any

import pytest

from infra.template import render
from provisioning.core.catalog import Bundle, Source
from tests.infra.conftest import Template, of_type
from tests.infra.test_extract import allowed

SIGNED = {"issuer": "https://scim.example.com", "audience": ["https://us.example"]}
SQL = {"secret": "personnel-database", "select": "people", "key": "id"}
ROLE = "ReceiveFunctionRole"


def tenant(bundle: Bundle, signed: dict[str, Any], **more: Any) -> Template:
    source = {"id": "personnel", "format": "scim-events", "record": {}, "signed": {**SIGNED, **signed}, **more}
    return render(bundle.model_copy(update={"sources": (*bundle.sources, Source.model_validate(source))}))


def touched(template: Template) -> dict[str, list[str]]:
    """Keys of tokens, by what receive may do with them."""
    found: dict[str, list[str]] = {}
    for each in allowed(template, ROLE):
        for values in each.get("Condition", {}).values():
            tokens = [key for key in values.get("dynamodb:LeadingKeys", []) if key.startswith("T#")]
            found |= {action: tokens for action in each["Action"] if tokens}
    return found


@pytest.mark.parametrize(("signed", "reads"), [({"secret": "issuer-keys"}, True), ({"jwks_url": "https://i/x"}, False)])
def test_receive_remembers_its_tokens_and_reads_its_keys(bundle: Bundle, signed: dict[str, Any], reads: bool) -> None:
    template = tenant(bundle, signed)
    assert touched(template)["dynamodb:BatchGetItem"] == ["T#personnel#*"]
    assert touched(template)["dynamodb:BatchWriteItem"] == ["T#personnel#*"]
    readers = [
        role for role in of_type(template, "AWS::IAM::Role") if "issuer-keys" in json.dumps(template["Resources"][role])
    ]
    assert readers == ([ROLE] if reads else [])


def test_a_tenant_without_signed_sources_remembers_no_tokens(template: Template) -> None:
    assert touched(template) == {}


def test_what_came_by_its_topic_is_told_from_what_poll_says(bundle: Bundle) -> None:
    subscriptions = of_type(tenant(bundle, {"secret": "s"}), "AWS::SNS::Subscription")
    raw = {name: each["RawMessageDelivery"] for name, each in subscriptions.items()}
    assert {name for name, value in raw.items() if not value} == {"ChangesPersonnelSubscription"}


def test_receive_asks_the_source_for_those_whom_notices_name(bundle: Bundle) -> None:
    record = {"version": "modified"}
    template = tenant(bundle, {"secret": "s"}, record=record, poll={"sql": SQL})
    assert "secret:personnel-database-" in json.dumps(allowed(template, ROLE))


def test_the_gateway_reads_the_keys_by_which_it_refuses(bundle: Bundle) -> None:
    push = {"secret": "personnel-push", "endpoints": ["events"]}
    template = tenant(bundle, {"secret": "issuer-keys"}, push=push)
    readers = [name for name, role in of_type(template, "AWS::IAM::Role").items() if "issuer-keys" in json.dumps(role)]
    assert sorted(readers) == ["GatewayFunctionRole", ROLE]
