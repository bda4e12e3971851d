"""What may be asked of poll, as messages of its queue: orders of ours, and what S3 says of files that arrived."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote_plus

from provisioning.core.errors import InvalidError
from provisioning.core.wire import read_json
from provisioning.stages.message import Message

_LARGEST: Final = 16384  # bytes of one message


class Do(StrEnum):
    """What is to be done."""

    ARRIVED = "arrived"  # a file has arrived: a full one, or a delta
    CHANGES = "changes"  # see what changed
    SNAPSHOT = "snapshot"  # begin to read everything
    GO = "go"  # go on with what is under way: its own continuation
    RELEASE = "release"  # take those who are missing in the run that is held for gone
    DISCARD = "discard"  # do not


@dataclass(frozen=True, slots=True)
class Order:
    """One message. `request` is the same for a repetition of one beginning; `number`: of the run that it is about.

    `files`: names of objects that arrived.
    """

    do: Do
    request: str = ""
    number: int = 0
    files: tuple[str, ...] = ()


def write_order(order: Order) -> str:
    """The message body of an order."""
    fields = {name: value for name in ("do", "request", "number") if (value := getattr(order, name))}
    return json.dumps(fields, separators=(",", ":"))


def read_order(message: Message) -> Order:
    """The order of a message; a beginning without a request's id is told by the message's. Raises InvalidError."""
    fields = read_json(message.body, "message", _LARGEST)
    if isinstance(fields, dict) and ("Records" in fields or fields.get("Event") == "s3:TestEvent"):
        return Order(Do.ARRIVED, message.id, files=tuple(_arrived(fields.get("Records", []))))
    if not isinstance(fields, dict) or fields.get("do") not in tuple(Do):
        raise InvalidError("not an order", right=f"do: one of {', '.join(Do)}")
    request, number = _like(message.id, fields, "request"), _like(0, fields, "number")
    return Order(Do(fields["do"]), request, number)


def _arrived(records: Any) -> Iterator[str]:
    """Names of the objects of an event notification of S3, whose names are encoded as in forms."""
    for record in records if isinstance(records, list) else ():
        try:
            yield unquote_plus(record["s3"]["object"]["key"])
        except (KeyError, TypeError) as error:
            raise InvalidError("not an event of S3", "message.Records", right="s3.object.key in each") from error


def _like(otherwise: Any, fields: dict[str, Any], name: str) -> Any:
    value = fields.get(name, otherwise)
    if type(value) is not type(otherwise):
        raise InvalidError(f"{name} is not a {type(otherwise).__name__}", "message")
    return value
