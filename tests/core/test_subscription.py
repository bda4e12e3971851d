"""Who hears which event; and subscribers that name what is not there."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infra.resources import Stack
from infra.subscribers import add_subscribers
from provisioning.core.event import announced
from provisioning.core.event_types import KINDS
from provisioning.core.occurrence import Occurrence, Type
from provisioning.core.publication import BundleError, compile_bundle
from provisioning.core.subscriber_options import Subscriber
from provisioning.core.subscription import wants
from tests.stages.tenant import bundle

QUEUE = "arn:aws:sqs:eu-west-1:111122223333:phone-book"
SERVICES = ("library", "wiki")


def occurrence(kind: Type, service: str) -> Occurrence:
    return Occurrence(kind, "p1", service if KINDS[kind].service else "", 1, 0, 1, 1_800_000_000)


def passes(policy: dict[str, Any], attributes: dict[str, Any]) -> bool:
    """As SNS filters by message attributes: for each that is named, one of its conditions holds."""
    for name, conditions in policy.items():
        if not any(
            (condition == {"exists": False} and name not in attributes) or condition == attributes.get(name)
            for condition in conditions
        ):
            return False
    return True


def policy_of(subscriber: Subscriber) -> dict[str, Any]:
    stack = Stack()
    add_subscribers(stack, bundle(subscribers=[subscriber.model_dump()]), "EventsTopic")
    properties = stack.resources["EventsPhoneBookSubscription"]["Properties"]
    return json.loads(properties.get("FilterPolicy", "{}"))  # type: ignore[no-any-return]  # what json gives


@given(
    st.lists(st.sampled_from(Type), max_size=3, unique=True),
    st.lists(st.sampled_from(SERVICES), max_size=2, unique=True),
    st.sampled_from(Type),
    st.sampled_from(SERVICES),
)
def test_a_queue_and_a_topic_of_its_own_hear_the_same(
    types: list[Type], services: list[str], kind: Type, service: str
) -> None:
    subscriber = Subscriber(id="phone-book", types=tuple(types), services=tuple(services), queue=QUEUE)
    told = occurrence(kind, service)
    assert passes(policy_of(subscriber), dict(announced("campus", told).attributes)) is wants(subscriber, told)


def test_who_may_have_values_or_has_no_queue_of_its_own_has_a_topic_of_its_own() -> None:
    stack = Stack()
    subscribers = [
        {"id": "thin", "queue": QUEUE},
        {"id": "full", "queue": QUEUE, "form": "full", "attributes": ["userName"], "types": ["account.created"]},
        {"id": "abroad", "account": "444455556666"},
    ]
    assert add_subscribers(stack, bundle(subscribers=subscribers), "EventsTopic") == {
        "full": "EventsFullTopic", "abroad": "EventsAbroadTopic",
    }  # fmt: skip
    subscriptions = {
        name: resource["Properties"]["TopicArn"]
        for name, resource in stack.resources.items()
        if resource["Type"] == "AWS::SNS::Subscription"
    }
    assert subscriptions == {
        "EventsThinSubscription": {"Ref": "EventsTopic"}, "EventsFullSubscription": {"Ref": "EventsFullTopic"},
    }  # fmt: skip
    statements = stack.resources["EventsAbroadTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert [(each["Effect"], each["Action"]) for each in statements] == [
        ("Deny", "sns:Publish"), ("Allow", "sns:Subscribe"),
    ]  # fmt: skip
    assert "444455556666" in json.dumps(statements[1]["Principal"])


@pytest.mark.parametrize(
    "fields",
    [
        {"form": "full"},
        {"attributes": ["userName"]},
        {"queue": QUEUE, "account": "111122223333"},
        {"queue": f"{QUEUE}.fifo"},
        {"types": ["account.lost"]},
    ],
)
def test_a_subscriber_that_could_not_be_served_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Subscriber.model_validate({"id": "phone-book", **fields})


def test_what_a_subscriber_names_must_be_there() -> None:
    wrong = {
        "id": "phone-book", "form": "full", "attributes": ["userNam", "groups", "login"], "services": ["wiki", "wikki"],
    }  # fmt: skip
    with pytest.raises(BundleError) as caught:
        compile_bundle(bundle(subscribers=[wrong, {"id": "phone-book"}]))
    assert [(error.where, error.problem) for error in caught.value.problems] == [
        ("subscribers/phone-book.id", "'phone-book' stands twice"),
        ("subscribers/phone-book.services", "there is no service 'wikki'"),
        ("subscribers/phone-book.attributes", "no account has 'userNam'"),
    ]
