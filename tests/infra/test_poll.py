"""A tenant with a source that is extracted: who may speak for it, what its function may touch, when it is asked."""

import json

import pytest

from infra.template import render
from provisioning.core.catalog import Bundle, Source
from tests.infra.conftest import Template, of_type
from tests.infra.test_extract import allowed

SQL = {"secret": "personnel-database", "select": "people", "key": "id"}
ROLE = "PollPersonnelFunctionRole"


@pytest.fixture(scope="module")
def tenant(bundle: Bundle) -> Bundle:
    source = {
        "id": "personnel", "record": {"attributes": {}}, "thin": True,
        "poll": {"every": 5, "full": "0 3 * * *", "sql": SQL},
    }  # fmt: skip
    return bundle.model_copy(update={"sources": (*bundle.sources, Source.model_validate(source))})


@pytest.fixture(scope="module")
def polled(tenant: Bundle) -> Template:
    return render(tenant)


def test_a_source_that_is_not_polled_has_no_function(template: Template) -> None:
    assert not [name for name in of_type(template, "AWS::Lambda::Function") if name.startswith("Poll")]


def test_only_its_topic_and_its_poll_function_speak_for_a_source(polled: Template) -> None:
    policy = of_type(polled, "AWS::SQS::QueuePolicy")["ChangesPersonnelQueuePolicy"]["PolicyDocument"]
    (refused,) = [each for each in policy["Statement"] if each.get("Sid") == "NobodyElse"]
    # Of several keys all must be true: neither from its topic, nor from its function.
    assert refused["Condition"] == {
        "ArnNotEquals": {
            "aws:SourceArn": {"Ref": "ChangesPersonnelTopic"},
            "aws:PrincipalArn": [{"Fn::GetAtt": [ROLE, "Arn"]}],
        }
    }


def test_what_snapshots_show_has_a_queue_of_its_own_of_which_receive_takes_few_at_once(polled: Template) -> None:
    policy = of_type(polled, "AWS::SQS::QueuePolicy")["BulkPersonnelQueuePolicy"]["PolicyDocument"]
    (refused,) = [each for each in policy["Statement"] if each.get("Sid") == "NobodyElse"]
    assert refused["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": [{"Fn::GetAtt": [ROLE, "Arn"]}]}}
    mapping = of_type(polled, "AWS::Lambda::EventSourceMapping")["BulkPersonnelQueueMapping"]
    assert mapping["FunctionName"] == {"Ref": "ReceiveFunction"}
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}
    sources = of_type(polled, "AWS::Lambda::Function")["ReceiveFunction"]["Environment"]["Variables"]
    assert json.loads(sources["PROVISIONING_SOURCES"])["campus-bulk-personnel"] == "personnel"


def test_its_function_sends_to_its_own_queues_alone(polled: Template) -> None:
    (sends,) = [each for each in allowed(polled, ROLE) if "sqs:SendMessage" in each["Action"]]
    queues = ["PollPersonnelQueue", "ChangesPersonnelQueue", "BulkPersonnelQueue"]
    assert sends["Resource"] == [{"Fn::GetAtt": [queue, "Arn"]} for queue in queues]


def test_its_function_touches_no_person_and_no_other_source(polled: Template) -> None:
    keys = [each["Condition"] for each in allowed(polled, ROLE) if "dynamodb:PutItem" in each["Action"]]
    assert keys == [{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["F#personnel", "X#personnel"]}}]


def test_the_secret_is_read_by_its_poll_and_by_receive_which_fetches(polled: Template) -> None:
    readers = [
        role
        for role in of_type(polled, "AWS::IAM::Role")
        if role.endswith("FunctionRole") and "secret:personnel-database-" in json.dumps(allowed(polled, role))
    ]
    assert sorted(readers) == [ROLE, "ReceiveFunctionRole"]


def test_it_is_asked_by_the_clock(tenant: Bundle, polled: Template) -> None:
    schedules = of_type(polled, "AWS::Scheduler::Schedule")
    told = {name: (each["ScheduleExpression"], each["Target"]["Input"]) for name, each in schedules.items()}
    assert told["PollPersonnelChangesSchedule"] == ("rate(5 minutes)", '{"do": "changes"}')
    when, order = told["PollPersonnelFullSchedule"]
    assert when == "cron(0 3 * * ? *)"
    assert json.loads(order) == {"do": "snapshot", "request": "<aws.scheduler.scheduled-time>"}
    assert {each["ScheduleExpressionTimezone"] for each in schedules.values()} == {tenant.tenant.zone}


def test_a_message_of_poll_outlives_the_longest_run(polled: Template) -> None:
    queue = of_type(polled, "AWS::SQS::Queue")["PollPersonnelQueue"]
    timeout = of_type(polled, "AWS::Lambda::Function")["PollPersonnelFunction"]["Timeout"]
    assert queue["VisibilityTimeout"] >= 6 * timeout
    receives = of_type(polled, "AWS::Lambda::Function")["ReceiveFunction"]["Timeout"]
    assert of_type(polled, "AWS::SQS::Queue")["ChangesPersonnelQueue"]["VisibilityTimeout"] >= 6 * receives


@pytest.fixture(scope="module")
def of_files(bundle: Bundle) -> Template:
    def source(id_: str, place: str) -> Source:
        files = {"place": place, "full": "people-*.csv", "key": "id"}
        return Source.model_validate({"id": id_, "record": {}, "poll": {"files": files}})

    sources = (source("own", "s3:///personnel"), source("theirs", "s3://exchange/out"))
    return render(bundle.model_copy(update={"sources": (*bundle.sources, *sources)}))


def test_a_file_that_arrives_is_told_to_the_queue_of_its_source(of_files: Template) -> None:
    bucket = of_files["Resources"]["Bucket"]
    (told,) = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert told["Queue"] == {"Fn::GetAtt": ["PollOwnQueue", "Arn"]}
    assert told["Filter"] == {"S3Key": {"Rules": [{"Name": "prefix", "Value": "sources/personnel/"}]}}
    assert bucket["DependsOn"] == ["PollOwnQueuePolicy"], "S3 tries the queue when it is told of it"
    policies = of_type(of_files, "AWS::SQS::QueuePolicy")
    admitted = {
        name: next(each for each in policies[name]["PolicyDocument"]["Statement"] if each.get("Sid") == "FilesArrive")
        for name in ("PollOwnQueuePolicy", "PollTheirsQueuePolicy")
    }
    assert admitted["PollOwnQueuePolicy"]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }
    assert "s3:::exchange" in json.dumps(admitted["PollTheirsQueuePolicy"]["Condition"])


def test_the_function_reads_the_folder_of_its_source_and_no_other(of_files: Template) -> None:
    read = json.dumps([each for each in allowed(of_files, "PollOwnFunctionRole") if "s3:GetObject" in each["Action"]])
    assert "/sources/personnel/*" in read
    assert "exchange" not in read
