"""Who may speak for a source: its topic, and whoever its channel names; nobody else of the world or of our account."""

from typing import Any

import pytest
from pydantic import ValidationError

from infra.template import render
from provisioning.core.catalog import Bundle, Source
from tests.infra.conftest import Template, of_type

ROLE = "arn:aws:iam::210987654321:role/personnel/notifier"
RULE = "arn:aws:events:eu-central-1:210987654321:rule/bus/personnel"
POLL = {"files": {"place": "s3:///x", "full": "*.csv", "key": "id"}}


def rendered(bundle: Bundle, **source: Any) -> Template:
    made = Source.model_validate({"id": "personnel", **source})
    return render(bundle.model_copy(update={"sources": (*bundle.sources, made)}))


def statement(template: Template, kind: str, name: str, sid: str) -> dict[str, Any] | None:
    every = of_type(template, kind)[name]["PolicyDocument"]["Statement"]
    return next((each for each in every if each.get("Sid") == sid), None)


def test_senders_and_rules_are_admitted_by_name_and_are_the_only_ones_who_are_not_refused(bundle: Bundle) -> None:
    made = rendered(bundle, channel={"senders": [ROLE], "rules": [RULE]})
    queue = ("AWS::SQS::QueuePolicy", "ChangesPersonnelQueuePolicy")
    senders, rules = statement(made, *queue, "NamedSenders"), statement(made, *queue, "NamedRules")
    assert senders is not None
    assert (senders["Principal"], senders["Action"]) == ({"AWS": [ROLE]}, "sqs:SendMessage")
    assert rules is not None
    assert rules["Principal"] == {"Service": "events.amazonaws.com"}
    assert rules["Condition"] == {"ArnEquals": {"aws:SourceArn": [RULE]}}
    refused = statement(made, *queue, "NobodyElse")
    assert refused is not None
    # Of several keys all must be true: neither by a way that is named, nor as a role that is.
    assert refused["Condition"] == {
        "ArnNotEquals": {"aws:SourceArn": [{"Ref": "ChangesPersonnelTopic"}, RULE], "aws:PrincipalArn": [ROLE]}
    }


def test_publishers_of_other_accounts_are_admitted_to_the_topic_by_name(bundle: Bundle) -> None:
    topic = ("AWS::SNS::TopicPolicy", "ChangesPersonnelTopicPolicy", "NamedPublishers")
    named = statement(rendered(bundle, channel={"publishers": [ROLE]}), *topic)
    assert named is not None
    assert (named["Principal"], named["Action"]) == ({"AWS": [ROLE]}, "sns:Publish")
    assert statement(rendered(bundle), *topic) is None


def test_a_source_in_order_has_a_topic_and_queues_of_that_kind(bundle: Bundle) -> None:
    made = rendered(bundle, channel={"fifo": True})
    topic = of_type(made, "AWS::SNS::Topic")["ChangesPersonnelTopic"]
    assert (topic["TopicName"], topic["FifoTopic"]) == ("campus-changes-personnel.fifo", True)
    assert "ContentBasedDeduplication" not in topic, "a state that comes back within five minutes is no repetition"
    queues = of_type(made, "AWS::SQS::Queue")
    for name in ("ChangesPersonnelQueue", "ChangesPersonnelQueueDead"):
        assert (queues[name]["FifoQueue"], queues[name]["QueueName"][-5:]) == (True, ".fifo")
    variables = of_type(made, "AWS::Lambda::Function")["ReceiveFunction"]["Environment"]["Variables"]
    assert '"campus-changes-personnel.fifo":"personnel"' in variables["PROVISIONING_SOURCES"]


def test_what_is_polled_has_no_place_in_the_order_of_what_is_told(bundle: Bundle) -> None:
    made = rendered(bundle, channel={"fifo": True}, record={}, poll=POLL)
    variables = of_type(made, "AWS::Lambda::Function")["PollPersonnelFunction"]["Environment"]["Variables"]
    assert variables["PROVISIONING_CHANGES_QUEUE"] == {"Ref": "BulkPersonnelQueue"}


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({"senders": ["*"]}, "senders"),
        ({"senders": ["210987654321"]}, "senders"),
        ({"publishers": ["arn:aws:iam::210987654321:role/*"]}, "publishers"),
        ({"rules": ["arn:aws:events:eu-central-1:210987654321:rule/*"]}, "rules"),
    ],
)
def test_nobody_is_admitted_by_a_pattern(channel: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Source.model_validate({"id": "personnel", "channel": channel})


def test_what_is_pushed_has_an_order_of_its_own() -> None:
    with pytest.raises(ValidationError, match=r"leave `channel\.fifo` out"):
        Source.model_validate({"id": "club", "record": {}, "push": {"secret": "club"}, "channel": {"fifo": True}})
