"""What may be asked of reconcile, as messages of its queue."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from provisioning.core.errors import InvalidError
from provisioning.core.wire import read_json
from provisioning.stages.message import Message

_LARGEST: Final = 4096  # bytes of one message


class Do(StrEnum):
    """What is to be done."""

    START = "start"  # compare
    GO = "go"  # go on with the run under way: its own continuation


@dataclass(frozen=True, slots=True)
class Order:
    """One message. `request` is the same for a repetition of one start.

    `number` and `revision` say which run, and how far it had come.
    """

    do: Do
    request: str = ""
    number: int = 0
    revision: int = 0


def write_order(order: Order) -> str:
    """The message body of an order."""
    fields = {name: value for name in Order.__slots__ if (value := getattr(order, name))}
    return json.dumps(fields, separators=(",", ":"))


def read_order(message: Message) -> Order:
    """The order of a message; a start without a request's id is told by the message's. Raises InvalidError."""
    fields = read_json(message.body, "message", _LARGEST)
    if not isinstance(fields, dict) or fields.get("do") not in tuple(Do):
        raise InvalidError("not an order", right=f"do: one of {', '.join(Do)}")
    empty = Order(Do(fields["do"]), message.id)
    return Order(empty.do, **{name: _like(getattr(empty, name), fields, name) for name in Order.__slots__[1:]})


def _like(otherwise: Any, fields: dict[str, Any], name: str) -> Any:
    value = fields.get(name, otherwise)
    if type(value) is not type(otherwise):
        raise InvalidError(f"{name} is not a {type(otherwise).__name__}", "message")
    return value
