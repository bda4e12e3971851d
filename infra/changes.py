"""The topic of a source and the queue behind it: who may speak for the source, and nobody else."""

from infra import names
from infra.messaging import add_queue, refuses_others
from infra.resources import Stack, Value, arn, document, only_tls, ref, when
from provisioning.core.catalog import Source


def add_changes(stack: Stack, tenant: str, source: Source, timeout: int, *own: str) -> str:
    """Add a source's topic and its queue. Returns the queue's logical id.

    `own`: roles of our functions that speak for the source. Our account's rights admit them; they are not refused.
    """
    name = names.changes(tenant, source)
    topic = names.logical("changes", source.id, "topic")
    order = {"FifoTopic": True, "FifoThroughputScope": "MessageGroup"} if source.channel.fifo else {}
    stack.add(topic, "AWS::SNS::Topic", {"TopicName": name, **order, "KmsMasterKeyId": when("HasKey", ref("KeyArn"))})
    stack.add(
        f"{topic}Policy",
        "AWS::SNS::TopicPolicy",
        {
            "Topics": [ref(topic)],
            "PolicyDocument": document(only_tls("sns:Publish", ref(topic)), *_publishers(source, topic)),
        },
    )
    logical = names.logical("changes", source.id, "queue")
    add_queue(stack, logical, name, timeout, *_admitted(source, logical, topic), _refused(source, logical, topic, own))
    # A signed source's messages keep the envelope: else whoever publishes could forge what poll says.
    subscription = {"TopicArn": ref(topic), "Endpoint": arn(logical), "Protocol": "sqs"}
    stack.add(
        names.logical("changes", source.id, "subscription"),
        "AWS::SNS::Subscription",
        {**subscription, "RawMessageDelivery": source.signed is None},
        DependsOn=[f"{logical}Policy"],
    )
    stack.output(topic, f"Where {source.id} publishes", ref(topic))
    return logical


def _publishers(source: Source, topic: str) -> list[Value]:
    if not source.channel.publishers:
        return []
    return [_allow("NamedPublishers", {"AWS": [*source.channel.publishers]}, "sns:Publish", ref(topic))]


def _admitted(source: Source, queue: str, topic: str) -> list[Value]:
    """Who may send to the queue. A role of our own account needs no word here; one of another does."""
    channel, send = source.channel, "sqs:SendMessage"
    by_topic = {"Condition": {"ArnEquals": {"aws:SourceArn": ref(topic)}}}
    by_rule = {"Condition": {"ArnEquals": {"aws:SourceArn": [*channel.rules]}}}
    admitted = [{**_allow("OnlyItsTopic", {"Service": "sns.amazonaws.com"}, send, arn(queue)), **by_topic}]
    if channel.rules:
        admitted.append({**_allow("NamedRules", {"Service": "events.amazonaws.com"}, send, arn(queue)), **by_rule})
    if channel.senders:
        admitted.append(_allow("NamedSenders", {"AWS": [*channel.senders]}, send, arn(queue)))
    return admitted


def _refused(source: Source, queue: str, topic: str, own: tuple[str, ...]) -> Value:
    """Refused is who comes neither by way of a topic or rule that is named, nor as a role that is."""
    ways = [ref(topic), *source.channel.rules]
    others: dict[str, Value] = {"aws:SourceArn": ways if len(ways) > 1 else ways[0]}
    principals = [*(arn(role) for role in own), *source.channel.senders]
    if principals:
        others["aws:PrincipalArn"] = principals
    return refuses_others(queue, {"ArnNotEquals": others})


def _allow(sid: str, principal: Value, action: str, resource: Value) -> dict[str, Value]:
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
