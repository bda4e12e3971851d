"""A function's environment, read once and checked. The template sets exactly these."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioning.core.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Settings:
    """Names and addresses that this deployment gave to the function. Empty where the function needs none."""

    table: str
    bucket: str
    identities_queue: str
    campaign_queue: str
    extract_queue: str
    deliver_queues: Mapping[str, str]  # service: URL of its queue
    service: str
    sources: Mapping[str, str]  # queue's name: source
    feedback_queues: Mapping[str, str]  # queue's name: service whose SP confirms there
    changes_queues: Mapping[str, str]  # source: URL of its queue
    bulk_queues: Mapping[str, str]  # source: URL of the queue of what snapshots show of it
    source: str  # the one that this function polls
    poll_queue: str
    changes_queue: str  # of that source
    bulk_queue: str  # of that source
    reconcile_queue: str  # of the one service of this deployment
    events_topic: str  # ARN of the topic of all events
    subscriber_topics: Mapping[str, str]  # subscriber: ARN of the topic of its own


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises InvalidError that names the variable."""
    given = os.environ if environment is None else environment
    return Settings(
        table=_required(given, "PROVISIONING_TABLE"),
        bucket=_required(given, "PROVISIONING_BUCKET"),
        identities_queue=given.get("PROVISIONING_IDENTITIES_QUEUE", ""),
        campaign_queue=given.get("PROVISIONING_CAMPAIGN_QUEUE", ""),
        extract_queue=given.get("PROVISIONING_EXTRACT_QUEUE", ""),
        deliver_queues=_object(given, "PROVISIONING_DELIVER_QUEUES"),
        service=given.get("PROVISIONING_SERVICE", ""),
        sources=_object(given, "PROVISIONING_SOURCES"),
        feedback_queues=_object(given, "PROVISIONING_FEEDBACK_QUEUES"),
        changes_queues=_object(given, "PROVISIONING_CHANGES_QUEUES"),
        bulk_queues=_object(given, "PROVISIONING_BULK_QUEUES"),
        source=given.get("PROVISIONING_SOURCE", ""),
        poll_queue=given.get("PROVISIONING_POLL_QUEUE", ""),
        changes_queue=given.get("PROVISIONING_CHANGES_QUEUE", ""),
        bulk_queue=given.get("PROVISIONING_BULK_QUEUE", ""),
        reconcile_queue=given.get("PROVISIONING_RECONCILE_QUEUE", ""),
        events_topic=given.get("PROVISIONING_EVENTS_TOPIC", ""),
        subscriber_topics=_object(given, "PROVISIONING_SUBSCRIBER_TOPICS"),
    )


def _required(given: Mapping[str, str], name: str) -> str:
    value = given.get(name, "")
    if not value:
        raise InvalidError("the variable is not set", where=name, right="as the stack's template sets it")
    return value


def _object(given: Mapping[str, str], name: str) -> Mapping[str, str]:
    try:
        value: Any = json.loads(given.get(name) or "{}")
    except json.JSONDecodeError as error:
        raise InvalidError(f"not JSON: {error.msg}", name, right="an object of names and values") from error
    if not isinstance(value, dict):
        raise InvalidError("not an object", name, right="an object of names and values")
    return {str(key): str(item) for key, item in value.items()}
