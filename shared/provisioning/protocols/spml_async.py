"""What became of a request that the SP does later: asked with the ticket that the delivery before left."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Final

from provisioning.core.account import Known, Phase
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Delivery, Ending, Outcome, Request
from provisioning.protocols.spml_account import phase_values
from provisioning.protocols.spml_calls import ALREADY, GONE, Line, Refused, Ticket, exchange, pso_id, read_ticket
from provisioning.protocols.spml_ending import failed
from provisioning.protocols.spml_message import Reply, inner_replies
from provisioning.protocols.spml_requests import status

_ANSWERS: Final[Mapping[str, str]] = {  # to the request of a step, where that is not modifyRequest
    "create": "addResponse",
    "delete": "deleteResponse",
    "resume": "resumeResponse",
    "suspend": "suspendResponse",
}
TAKEN: Final = "taken"  # in place of a step: the account could not be made because one exists


def redeem(line: Line, delivery: Delivery) -> Generator[Request, Answer, tuple[Line, Delivery] | Ending]:
    """Go on where the delivery before stopped, or stop again.

    Done: its steps are not repeated, if what is wanted is still the same; else the SP is looked at. Still
    pending, or not to be learnt now: the same ticket. Not known to the SP any more: unknown, so that it is looked at
    when every effect must be seen. Failed: as the same answer would have ended at once.
    """
    ticket = read_ticket(str(delivery.ticket))
    told = yield from exchange(line, status(ticket.request), delivery.known)
    reply = told.reply if isinstance(told, Refused) else told
    try:
        result = next(inner_replies(reply), None) if reply is not None else None
    except InvalidError as error:
        return Ending(Outcome.UNKNOWN, delivery.known, f"statusRequest answered with {error.problem}")
    if isinstance(told, Refused) and result is None:
        kept = None if told.error and told.ending.outcome is not Outcome.TRANSIENT else delivery.ticket
        return replace(told.ending, outcome=Outcome.UNKNOWN, ticket=kept)
    if result is not None and result.name != _ANSWERS.get(ticket.done[-1], "modifyResponse"):
        return Ending(Outcome.UNKNOWN, delivery.known, "statusRequest answered with the result of another request")
    if result is not None and result.status == "pending":
        return Ending(Outcome.UNKNOWN, delivery.known, "still pending at the SP", ticket=delivery.ticket)
    if result is not None and result.status == "failure":
        return _failed(line, delivery, ticket, result)
    return _done(line, delivery, ticket, result)


def _failed(line: Line, delivery: Delivery, ticket: Ticket, result: Reply) -> tuple[Line, Delivery] | Ending:
    looking = replace(delivery, look=True, ticket=None)
    if ticket.operation != delivery.operation or result.error == GONE:
        return line, looking
    if result.error == ALREADY:
        return (line.at(TAKEN) if "create" in ticket.done else line), looking
    return failed(result.name.removesuffix("Response"), result, delivery.known)


def _done(line: Line, delivery: Delivery, ticket: Ticket, result: Reply | None) -> tuple[Line, Delivery]:
    desired, known = delivery.desired, delivery.known
    identifier = pso_id(result, line) if result is not None else None
    if identifier is not None:
        known = replace(known, remote_id=identifier.text)
    same = ticket.operation == delivery.operation
    if not same or (known.remote_id is None and "delete" not in ticket.done):
        return line, replace(delivery, known=known, look=True, ticket=None)
    line = replace(line, done=ticket.done)
    if ticket.done[-1] != "create":
        return line, replace(delivery, known=known, look=ticket.looked, ticket=None)
    # A new account is what was sent: nothing else that was known before is of it.
    phase = desired.phase if phase_values(line.options, Phase.SUSPENDED) else Phase.ACTIVE
    made = Known(phase, known.remote_id, desired.held, filled=desired.filled)
    return line, replace(delivery, known=made, look=False, ticket=None)
