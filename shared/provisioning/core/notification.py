"""From the body of a message to a record: what an IDMS publishes, in CloudEvents 1.0 structured JSON.

The message may lie in an SNS envelope (a subscription without raw delivery). What it says of its own source is
ignored: the queue that received it decides whose word it is.
"""

from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.errors import InvalidError
from provisioning.core.record import Record, Schema, read_record
from provisioning.core.wire import read_json

_VERSION: Final = "1.0"
_LONGEST_TRACE: Final = 64


@dataclass(frozen=True, slots=True)
class Notification:
    """A record and the trace id that follows it to the SPs: the event's own id."""

    record: Record
    trace: str


def read_notification(source: str, body: str, schema: Schema) -> Notification:
    """Read one message of a source. Raises InvalidError with the field and what would be right."""
    event = read_json(body, "message", schema.limits.message)
    if isinstance(event, dict) and event.get("Type") == "Notification" and isinstance(event.get("Message"), str):
        event = read_json(event["Message"], "message.Message", schema.limits.message)
    if not isinstance(event, dict):
        raise InvalidError("the message is not an object", where="message", right="a CloudEvent in structured JSON")
    if event.get("specversion") != _VERSION:
        raise InvalidError("not a CloudEvent", where="specversion", right=f'"{_VERSION}"')
    trace = _trace(event.get("id"))
    if "data" not in event:
        raise InvalidError("the event has no data", where="data", right="an object with key and version")
    return Notification(read_record(source, event["data"], schema), trace)


def _trace(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidError("the event has no id", where="id", right="text that is unique for the source")
    return "".join(character for character in value[:_LONGEST_TRACE] if character.isprintable())
