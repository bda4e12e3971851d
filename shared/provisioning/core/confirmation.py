"""What an SP says of an operation that it was told of by a message, and the ticket that waits for its word."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from provisioning.core.errors import InvalidError
from provisioning.core.wire import read_json

LARGEST: Final = 16_384  # bytes of a confirmation
_LONGEST: Final = 7 * 86_400  # seconds between two messages of one operation
_RIGHT: Final = 'such as {"operation": "...", "identity": "...", "status": "done"}'
_Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]


class Status(StrEnum):
    """What became of an operation, by the SP's word."""

    DONE = "done"
    FAILED = "failed"  # it may succeed another time: it is sent again later
    REJECTED = "rejected"  # it never will: a person must look


class Confirmation(BaseModel):
    """`operation`: the id of the event that is confirmed; `identity`: its subject.

    `remote_id`: what the SP calls the account. `reason` is the SP's text.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    operation: _Id
    identity: _Id
    status: Status
    reason: Annotated[str, StringConstraints(max_length=4096)] = ""
    remote_id: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """An operation that waits for its confirmation, and how many messages have told of it."""

    operation: str
    sends: int


def write_ticket(ticket: Ticket) -> str:
    """The ticket as it is stored with the account's intent."""
    return f"{ticket.sends} {ticket.operation}"


def read_ticket(text: str | None) -> Ticket | None:
    """The ticket of a text that `write_ticket` made; None if it is of another kind."""
    sends, _, operation = (text or "").partition(" ")
    return Ticket(operation, int(sends)) if operation and sends.isdecimal() else None


def patience(deadline: int, sent: int) -> int:
    """Seconds to wait for a confirmation after a message that `sent` others came before: twice as long each time."""
    return max(deadline, min(deadline * 2**sent, _LONGEST))


def read_confirmation(text: str) -> Confirmation:
    """Read a confirmation: a JSON object, or a CloudEvent (1.0, structured JSON) that has it as its data.

    Fields that nobody knows are ignored. Raises InvalidError that names a field and quotes no value.
    """
    value: Any = read_json(text, "the confirmation", LARGEST)
    if isinstance(value, dict) and "specversion" in value:
        value = value.get("data")
    if not isinstance(value, dict):
        raise InvalidError("not an object", "the confirmation", right=_RIGHT)
    try:
        return Confirmation.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise InvalidError(f"{field}: {problem['msg']}", "the confirmation", right=_RIGHT) from error
