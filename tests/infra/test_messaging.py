"""Queues, topics and what feeds functions: the properties that a local AWS does not enforce."""

from typing import Any

import pytest

from tests.infra.conftest import Template, of_type


def queues(template: Template) -> dict[str, Any]:
    return of_type(template, "AWS::SQS::Queue")


def mappings_of_queues(template: Template) -> list[dict[str, Any]]:
    mappings = of_type(template, "AWS::Lambda::EventSourceMapping").values()
    return [mapping for mapping in mappings if source_of(mapping) != "Table"]  # see test_notify


def source_of(mapping: dict[str, Any]) -> str:
    return str(mapping["EventSourceArn"]["Fn::GetAtt"][0])


def statements(template: Template, queue: str) -> list[dict[str, Any]]:
    (policy,) = [
        policy["PolicyDocument"]
        for policy in of_type(template, "AWS::SQS::QueuePolicy").values()
        if policy["Queues"] == [{"Ref": queue}]
    ]
    found: list[dict[str, Any]] = policy["Statement"]
    return found


def test_every_queue_that_is_not_a_dead_letter_queue_feeds_a_function(template: Template) -> None:
    assert {source_of(mapping) for mapping in mappings_of_queues(template)} == {
        name for name in queues(template) if "Dead" not in name
    }


def test_a_message_stays_invisible_for_six_runs_of_its_function(template: Template) -> None:
    functions = of_type(template, "AWS::Lambda::Function")
    for mapping in mappings_of_queues(template):
        timeout = functions[mapping["FunctionName"]["Ref"]]["Timeout"]
        assert queues(template)[source_of(mapping)]["VisibilityTimeout"] >= 6 * timeout


def test_every_mapping_reports_failures_one_by_one(template: Template) -> None:
    for mapping in mappings_of_queues(template):
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BatchSize"] == (1 if source_of(mapping) == "ExtractQueue" else 10)


def test_concurrency_is_bounded_where_a_provider_is_called_and_reserved_nowhere(template: Template) -> None:
    for mapping in mappings_of_queues(template):
        assert ("ScalingConfig" in mapping) == source_of(mapping).startswith(("Deliver", "Extract"))
    functions = of_type(template, "AWS::Lambda::Function").values()
    assert not any("ReservedConcurrentExecutions" in function for function in functions)


def test_every_queue_has_a_dead_letter_queue_of_its_own_kind_which_is_hard_to_reach(template: Template) -> None:
    every = queues(template)
    targets = []
    for name, queue in every.items():
        if name.endswith("Dead"):
            assert "RedrivePolicy" not in queue
            continue
        redrive = queue["RedrivePolicy"]
        target = redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]
        targets.append(target)
        assert redrive["maxReceiveCount"] >= 100
        assert every[target].get("FifoQueue") == queue.get("FifoQueue")
    assert sorted([*targets, "NotifyDead"]) == sorted(name for name in every if name.endswith("Dead"))


def test_messages_of_a_service_are_in_order_for_each_identity_alone(template: Template) -> None:
    for name, queue in queues(template).items():
        fifo = queue["QueueName"].endswith(".fifo")
        assert fifo == queue.get("FifoQueue", False) == name.startswith("Deliver")
        if fifo:
            assert queue["DeduplicationScope"] == "messageGroup"
            assert queue["FifoThroughputLimit"] == "perMessageGroupId"
            assert "ContentBasedDeduplication" not in queue


def test_every_queue_is_encrypted_and_refuses_whoever_comes_without_tls(template: Template) -> None:
    for name, queue in queues(template).items():
        assert queue["SqsManagedSseEnabled"] == {"Fn::If": ["HasKey", "false", "true"]}
        assert queue["KmsMasterKeyId"]["Fn::If"][:2] == ["HasKey", {"Ref": "KeyArn"}]
        assert statements(template, name)[0] == {
            "Sid": "OnlyTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": {"Fn::GetAtt": [name, "Arn"]},
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }


def test_a_queue_of_changes_admits_its_own_topic_and_nobody_else(template: Template) -> None:
    _, admitted, refused = statements(template, "ChangesRegistryQueue")
    topic = {"aws:SourceArn": {"Ref": "ChangesRegistryTopic"}}
    assert (admitted["Effect"], admitted["Principal"], admitted["Action"], admitted["Condition"]) == (
        "Allow", {"Service": "sns.amazonaws.com"}, "sqs:SendMessage", {"ArnEquals": topic},
    )  # fmt: skip
    assert (refused["Effect"], refused["Principal"], refused["Action"], refused["Condition"]) == (
        "Deny", "*", "sqs:SendMessage", {"ArnNotEquals": topic},
    )  # fmt: skip


@pytest.mark.parametrize(
    "queue", ["IdentitiesQueue", "CampaignQueue", "DeliverLibraryQueue", "DeliverLibraryQueueDead"]
)
def test_a_queue_of_the_engine_admits_nobody_by_its_own_policy(template: Template, queue: str) -> None:
    assert [statement["Effect"] for statement in statements(template, queue)] == ["Deny"]


def test_a_topic_delivers_what_was_published_as_it_is_to_its_own_queue(template: Template) -> None:
    (subscription,) = of_type(template, "AWS::SNS::Subscription").values()
    assert subscription["TopicArn"] == {"Ref": "ChangesRegistryTopic"}
    assert subscription["Endpoint"] == {"Fn::GetAtt": ["ChangesRegistryQueue", "Arn"]}
    assert subscription["RawMessageDelivery"] is True
