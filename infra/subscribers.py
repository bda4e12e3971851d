"""Who is told of changes: subscriptions to the topic of all events, and topics of their own for those told more."""

import json
from typing import Any

from infra import names
from infra.resources import Stack, Value, document, only_tls, ref, sub, when
from provisioning.core.catalog import Bundle
from provisioning.core.subscriber_options import Subscriber


def add_subscribers(stack: Stack, bundle: Bundle, everything: str) -> dict[str, str]:
    """Add what each subscriber needs. Returns the logical ids of topics of their own, by subscriber."""
    topics: dict[str, str] = {}
    for subscriber in bundle.subscribers:
        topic = everything
        if subscriber.apart:
            topic = topics[subscriber.id] = _topic(stack, bundle.tenant.id, subscriber)
        if subscriber.queue is not None:
            _subscription(stack, subscriber, topic)
    return topics


def _topic(stack: Stack, tenant: str, subscriber: Subscriber) -> str:
    topic = names.logical("events", subscriber.id, "topic")
    name = names.events_of(tenant, subscriber.id)
    stack.add(topic, "AWS::SNS::Topic", {"TopicName": name, "KmsMasterKeyId": when("HasKey", ref("KeyArn"))})
    statements: list[Value] = [only_tls("sns:Publish", ref(topic))]
    if subscriber.account is not None:
        statements.append({
            "Sid": "ItsSubscriber",
            "Effect": "Allow",
            "Principal": {"AWS": sub(f"arn:${{AWS::Partition}}:iam::{subscriber.account}:root")},
            "Action": "sns:Subscribe",
            "Resource": ref(topic),
        })  # fmt: skip
    policy = {"Topics": [ref(topic)], "PolicyDocument": document(*statements)}
    stack.add(f"{topic}Policy", "AWS::SNS::TopicPolicy", policy)
    stack.output(topic, f"What {subscriber.id} is told", ref(topic))
    return topic


def _subscription(stack: Stack, subscriber: Subscriber, topic: str) -> None:
    """Feed a queue with the events themselves, without an envelope."""
    properties: dict[str, Any] = {
        "TopicArn": ref(topic), "Endpoint": subscriber.queue, "Protocol": "sqs", "RawMessageDelivery": True,
    }  # fmt: skip
    policy = {} if subscriber.apart else _filter(subscriber)
    if policy:
        properties["FilterPolicy"] = json.dumps(policy, separators=(",", ":"))
    stack.add(names.logical("events", subscriber.id, "subscription"), "AWS::SNS::Subscription", properties)


def _filter(subscriber: Subscriber) -> dict[str, Any]:
    """As `wants` says, in the words of SNS."""
    found: dict[str, Any] = {}
    if subscriber.types:
        found["type"] = [kind.value for kind in subscriber.types]
    if subscriber.services:
        found["service"] = [*subscriber.services, {"exists": False}]
    return found
