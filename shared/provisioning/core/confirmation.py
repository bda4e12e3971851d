"""What an SP says of an operation that it was told of by a message, and the ticket that waits for its word."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from provisioning.core.account import Account, Condition
from provisioning.core.errors import InvalidError
from provisioning.core.queue_options import LONGEST_CONFIRM
from provisioning.core.wire import read_json

LARGEST: Final = 16_384  # bytes of a confirmation
_WORD: Final = "sent"  # with which tickets of messages begin
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
    """An operation that waits for its confirmation: of which turn it is, and how many messages have told of it."""

    operation: str
    turn: int
    sends: int


def write_ticket(ticket: Ticket) -> str:
    """The ticket as it is stored with the account's intent."""
    return f"{_WORD} {ticket.sends} {ticket.turn} {ticket.operation}"


def read_ticket(text: str | None) -> Ticket | None:
    """The ticket of a text that `write_ticket` made; None if there is none, or one of another protocol."""
    match (text or "").split(" "):
        case [word, sends, turn, operation] if word == _WORD:
            return Ticket(operation, int(turn), int(sends))
    return None


def open_ticket(account: Account | None) -> Ticket | None:
    """What an account waits for the confirmation of, if it does."""
    return read_ticket(account.intent.ticket) if account is not None and account.intent is not None else None


def overtaken(account: Account | None, turn: int) -> bool:
    """Whether an account waits for a word on what is not wanted any more.

    Its SP orders what it hears by turn, so a newer wish need not wait for that word: a removal least of all.
    """
    ticket = open_ticket(account)
    unknown = account is not None and account.condition is Condition.UNKNOWN
    return unknown and ticket is not None and ticket.turn != turn


def patience(deadline: int, sent: int) -> int:
    """Seconds to wait for a confirmation after a message that `sent` others came before: twice as long each time."""
    return min(deadline << sent, LONGEST_CONFIRM)


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
