"""From the body of a message to what it tells: a record, an absence, or the key of somebody who must be fetched.

An event is CloudEvents 1.0 structured JSON, or the IDMS's own JSON where its source says so. It may lie in an SNS
envelope (a subscription without raw delivery), or in an event of EventBridge. What it says of its own source is
ignored: the queue that received it decides whose word it is.
"""

from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.catalog import Source
from provisioning.core.errors import InvalidError
from provisioning.core.observation import OBSERVED, PUSHED
from provisioning.core.reading import Reader
from provisioning.core.record import Absence, Record, Schema, read_record, text_of
from provisioning.core.version import read_version
from provisioning.core.wire import digest_of, read_json

_VERSION: Final = "1.0"
_LONGEST_TRACE: Final = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody changed, and a thin source does not say how."""

    source: str
    key: str


@dataclass(frozen=True, slots=True)
class Notification:
    """What is told, and the trace id that follows it to the SPs: the event's own id."""

    told: Record | Absence | Wanted
    trace: str


@dataclass(frozen=True, slots=True)
class Listening:
    """One source, and how what it says is read. `reader`: none if it speaks of records already."""

    source: Source
    reader: Reader | None
    schema: Schema


def read_notification(listening: Listening, body: str, now: int) -> Notification:
    """Read one message of a source. `now`: microseconds since 1970; the version of what has none.

    Raises InvalidError with the field and what would be right.
    """
    event, trace = _unwrapped(body, listening.schema.limits.message)
    if not isinstance(event, dict):
        raise InvalidError("the message is not an object", where="message", right="a JSON object")
    kind = event.get("type") if event.get("specversion") == _VERSION else None
    if kind in (OBSERVED, PUSHED):
        return Notification(read_observation(listening, event.get("data")), trace_of(event.get("id")))
    if listening.source.format == "json":
        data, trace = event, trace or digest_of(event)
    else:
        data, trace = _of_event(event)
    if listening.source.thin:
        key = listening.reader.key_of(data) if listening.reader is not None else _key(data, listening.schema)
        return Notification(Wanted(listening.source.id, key), trace)
    return Notification(_record(listening, data, None, now, observed=0), trace)


def read_observation(listening: Listening, data: Any) -> Record | Absence:
    """What poll says, or, with a version of its own, gateway: see `observation`. Raises InvalidError."""
    if not isinstance(data, dict):
        raise InvalidError("the event has no data", where="data", right="an object with key, observed and fields")
    key, fields = _key(data, listening.schema), data.get("fields")
    if "version" in data:
        version = read_version(data["version"], "data.version")
        if fields is None:
            return Record(listening.source.id, key, version, deleted=True)
        return _record(listening, fields, key, version, observed=0)
    observed = read_version(data.get("observed"), "data.observed")
    if fields is None:
        return Absence(listening.source.id, key, observed)
    return _record(listening, fields, key, observed, observed=observed)


def _record(listening: Listening, data: Any, key: str | None, version: int, *, observed: int) -> Record:
    if listening.reader is not None:
        data = listening.reader.read(data, key, version)
    elif key is not None:
        right = "a source with `record`, which says how the fields are read"
        raise InvalidError("nobody says how the fields are read", where="data.fields", right=right)
    return read_record(listening.source.id, data, listening.schema, observed)


def _unwrapped(body: str, most: int) -> tuple[Any, str]:
    """The event within the envelopes, and the trace that an envelope gives."""
    event = read_json(body, "message", most)
    trace = ""
    if isinstance(event, dict) and event.get("Type") == "Notification" and isinstance(event.get("Message"), str):
        trace = str(event.get("MessageId", ""))
        event = read_json(event["Message"], "message.Message", most)
    if isinstance(event, dict) and "detail-type" in event and isinstance(event.get("detail"), dict):
        trace, event = str(event.get("id", trace)), event["detail"]
    return event, trace[:_LONGEST_TRACE]


def _of_event(event: dict[str, Any]) -> tuple[Any, str]:
    if event.get("specversion") != _VERSION:
        raise InvalidError("not a CloudEvent", where="specversion", right=f'"{_VERSION}"')
    trace = trace_of(event.get("id"))
    if "data" not in event:
        raise InvalidError("the event has no data", where="data", right="an object with key and version")
    return event["data"], trace


def _key(data: Any, schema: Schema) -> str:
    if not isinstance(data, dict):
        raise InvalidError("the data is not an object", where="data", right="an object with key")
    return text_of(data.get("key"), "data.key", schema.limits)


def trace_of(value: Any) -> str:
    """The id of an event, as far as a log can show it. Raises InvalidError if there is none."""
    if not isinstance(value, str) or not value:
        raise InvalidError("the event has no id", where="id", right="text that is unique for the source")
    return "".join(character for character in value[:_LONGEST_TRACE] if character.isprintable())
