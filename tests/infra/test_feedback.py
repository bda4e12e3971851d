"""A tenant whose SPs confirm: the queues on which they do, and who may send to them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.template import render
from provisioning.core.catalog import Bundle, Service
from tests.infra.conftest import Template, of_type

TOPIC = "arn:aws:sns:us-east-1:111122223333:badges.fifo"
THEIRS = "https://sqs.eu-west-1.amazonaws.com/444455556666"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1"


def service(id_: str, endpoint: str, requires: tuple[str, ...] = (), **options: Any) -> Service:
    return Service.model_validate({
        "id": id_, "protocol": "queue", "endpoint": endpoint, "match": "login",
        "account": {"login": "person.login"}, "queue": options, "requires": requires,
    })  # fmt: skip


@pytest.fixture(scope="module")
def tenant(bundle: Bundle) -> Bundle:
    services = (
        service("badges", TOPIC, confirm="PT10M", key=KEY),
        service("doors", f"{THEIRS}/doors", confirm="PT1H", account="777788889999"),
        service("posters", "arn:aws:sqs:eu-west-1:444455556666:posters", requires=("badges",)),
        service("lamps", f"{THEIRS}/lamps"),
    )  # fmt: skip
    return bundle.model_copy(update={"services": services, "rules": (), "exclusions": ()})


@pytest.fixture(scope="module")
def confirming(tenant: Bundle) -> Template:
    return render(tenant)


def allowed(template: Template, function: str) -> list[dict[str, Any]]:
    (policy,) = of_type(template, "AWS::IAM::Role")[f"{function}Role"]["Policies"]
    found: list[dict[str, Any]] = [one for one in policy["PolicyDocument"]["Statement"] if "Action" in one]
    return found


def resources(template: Template, function: str, action: str) -> list[Any]:
    found: list[Any] = []
    for each in allowed(template, function):
        if action in each["Action"]:
            found += each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]]
    return found


def arns(*names: str) -> list[Any]:
    return [{"Fn::GetAtt": [name, "Arn"]} for name in names]


def test_only_a_service_that_wants_confirmations_has_a_queue_for_them(confirming: Template) -> None:
    queues = {queue["QueueName"] for queue in of_type(confirming, "AWS::SQS::Queue").values()}
    assert {name for name in queues if "feedback" in name} == {
        "campus-feedback-badges", "campus-feedback-badges-dead", "campus-feedback-doors", "campus-feedback-doors-dead",
    }  # fmt: skip


@pytest.mark.parametrize(("logical", "account"), [("Badges", "111122223333"), ("Doors", "777788889999")])
def test_a_queue_of_confirmations_admits_one_account_and_refuses_ours(
    confirming: Template, logical: str, account: str
) -> None:
    queue = f"Feedback{logical}Queue"
    statements = of_type(confirming, "AWS::SQS::QueuePolicy")[f"{queue}Policy"]["PolicyDocument"]["Statement"]
    by_sid = {each["Sid"]: each for each in statements}
    assert by_sid["OnlyItsProvider"]["Principal"] == {
        "AWS": {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{account}:root"}
    }
    assert (by_sid["OnlyItsProvider"]["Effect"], by_sid["OnlyItsProvider"]["Action"]) == ("Allow", "sqs:SendMessage")
    assert by_sid["NobodyElse"]["Effect"] == "Deny"
    assert by_sid["NobodyElse"]["Condition"] == {"StringNotEquals": {"aws:PrincipalAccount": account}}
    assert by_sid["OnlyTls"]["Effect"] == "Deny"


def test_feedback_knows_which_service_a_queue_stands_for_and_reaches_accounts_and_bells_only(
    confirming: Template,
) -> None:
    function = of_type(confirming, "AWS::Lambda::Function")["FeedbackFunction"]
    variables = function["Environment"]["Variables"]
    origins = json.loads(variables["PROVISIONING_FEEDBACK_QUEUES"])
    assert origins == {"campus-feedback-badges": "badges", "campus-feedback-doors": "doors"}
    assert {*json.loads(variables["PROVISIONING_DELIVER_QUEUES"]["Fn::Sub"])} == {"badges", "doors", "posters"}
    queues = arns("FeedbackBadgesQueue", "FeedbackDoorsQueue")
    assert resources(confirming, "FeedbackFunction", "sqs:ReceiveMessage") == queues
    rung = arns("IdentitiesQueue", "DeliverBadgesQueue", "DeliverDoorsQueue", "DeliverPostersQueue")
    assert resources(confirming, "FeedbackFunction", "sqs:SendMessage") == rung
    (written,) = [each for each in allowed(confirming, "FeedbackFunction") if "dynamodb:PutItem" in each["Action"]]
    assert list(written["Condition"].values()) == [{"dynamodb:LeadingKeys": ["I#*"]}]


def test_a_confirmation_comes_again_after_the_delivery_that_it_confirms_must_have_ended(confirming: Template) -> None:
    functions = of_type(confirming, "AWS::Lambda::Function")
    visibility = of_type(confirming, "AWS::SQS::Queue")["FeedbackBadgesQueue"]["VisibilityTimeout"]
    assert visibility >= functions["DeliverBadgesFunction"]["Timeout"]


def test_a_topic_is_published_to_and_a_queue_is_sent_to_and_nothing_else(confirming: Template) -> None:
    arn = "arn:${AWS::Partition}:"
    assert resources(confirming, "DeliverBadgesFunction", "sns:Publish") == [
        {"Fn::Sub": f"{arn}sns:us-east-1:111122223333:badges.fifo"}
    ]
    assert resources(confirming, "DeliverBadgesFunction", "kms:GenerateDataKey") == [KEY]
    for name in ("Posters", "Lamps"):
        own = {"Fn::Sub": f"{arn}sqs:eu-west-1:444455556666:{name.lower()}"}
        assert resources(confirming, f"Deliver{name}Function", "sns:Publish") == []
        assert resources(confirming, f"Deliver{name}Function", "sqs:SendMessage")[-1] == own
        kept = [{"Fn::Sub": f"${{Bucket.Arn}}/deliveries/{name.lower()}/*"}]
        assert resources(confirming, f"Deliver{name}Function", "s3:PutObject") == kept


def test_where_nobody_confirms_feedback_may_do_nothing(template: Template) -> None:
    assert {action for each in allowed(template, "FeedbackFunction") for action in each["Action"]} == {
        "logs:CreateLogStream", "logs:PutLogEvents",
    }  # fmt: skip


def test_what_was_too_large_is_deleted_after_a_day(confirming: Template) -> None:
    rules = of_type(confirming, "AWS::S3::Bucket")["Bucket"]["LifecycleConfiguration"]["Rules"]
    assert [rule["ExpirationInDays"] for rule in rules if rule["Prefix"] == "deliveries/"] == [1]


def test_cfn_lint_finds_nothing(confirming: Template, tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(confirming))
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own tools
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
