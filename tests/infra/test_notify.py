"""notify: what the stream hands to it, what it may do, and where what was given up goes."""

import json

from provisioning.adapters.aws import keys
from tests.infra.conftest import Template, of_type
from tests.infra.test_roles import allowed, granted

NOTIFY = "NotifyFunction"


def test_the_stream_of_the_table_hands_over_identities_and_accounts_alone(template: Template) -> None:
    mapping = of_type(template, "AWS::Lambda::EventSourceMapping")["NotifyMapping"]
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["Table", "StreamArn"]}
    (filter_,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(filter_["Pattern"]) == {
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "I#"}]}, "sk": {"S": ["I", {"prefix": "A#"}]}}}
    }
    assert keys.identity_key("p1") == ("I#p1", "I")
    assert keys.account_key("p1", "wiki") == ("I#p1", "A#wiki")


def test_what_fails_is_tried_again_from_where_it_failed_and_given_up_before_the_stream_forgets(
    template: Template,
) -> None:
    mapping = of_type(template, "AWS::Lambda::EventSourceMapping")["NotifyMapping"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert 0 < mapping["MaximumRetryAttempts"] <= 10000
    assert mapping["MaximumRecordAgeInSeconds"] < 86400
    assert (mapping["MaximumBatchingWindowInSeconds"], mapping["ParallelizationFactor"]) == (1, 4)
    destination = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert destination == {"Fn::GetAtt": ["NotifyDead", "Arn"]}
    assert granted(template, NOTIFY, "sqs:SendMessage") == [destination]


def test_notify_writes_history_and_rejections_and_publishes_to_its_topic_alone(template: Template) -> None:
    assert granted(template, NOTIFY, "sns:Publish") == [{"Ref": "EventsTopic"}]
    partitions = {
        (action, partition)
        for statement in allowed(template, NOTIFY)
        for condition in statement.get("Condition", {}).values()
        for action in statement["Action"]
        for partition in condition.get("dynamodb:LeadingKeys", ())
    }
    assert {partition for action, partition in partitions if "Put" in action or "Write" in action} == {"H#*", "X#*"}
    assert {partition for action, partition in partitions if action == "dynamodb:Query"} == {"H#*"}
    assert granted(template, NOTIFY, "dynamodb:GetRecords") == [{"Fn::GetAtt": ["Table", "StreamArn"]}]


def test_nobody_publishes_to_the_topic_without_tls_and_the_table_forgets_what_has_expired(template: Template) -> None:
    (policy,) = [
        each
        for each in of_type(template, "AWS::SNS::TopicPolicy").values()
        if each["Topics"] == [{"Ref": "EventsTopic"}]
    ]
    assert [statement["Effect"] for statement in policy["PolicyDocument"]["Statement"]] == ["Deny"]
    table = template["Resources"]["Table"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": keys.EXPIRES, "Enabled": True}
