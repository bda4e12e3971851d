"""What an answer of SPML means for the account: the standard's codes, faults, and what is none of these."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from provisioning.core.account import Known
from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, Ending, HttpRequest, HttpResponse, Outcome
from provisioning.protocols.ending import classify, garbage
from provisioning.protocols.spml_message import REFUSED_ENVELOPE, Fault, Reply, read_reply
from provisioning.protocols.xml import Element

# Requests that change nothing: what became of them is never in doubt.
READING: Final = frozenset(
    {
        "activeRequest", "closeIteratorRequest", "iterateRequest", "listTargetsRequest", "lookupRequest",
        "searchRequest", "statusRequest",
    }
)  # fmt: skip
_P, _T, _U = Outcome.PERMANENT, Outcome.TRANSIENT, Outcome.UNKNOWN
# A failure was not done, so nothing is in doubt. These are the endings where a dialogue knows nothing better; it does
# know better of noSuchIdentifier and alreadyExists. customError is whatever its author had no word for, such as a
# database that is away: were it permanent, every account of the service would need a person then.
ERRORS: Final[Mapping[str, Outcome]] = {
    "alreadyExists": _P,
    "containerNotEmpty": _P,
    "customError": _T,
    "invalidContainment": _P,
    "invalidIdentifier": _P,
    "malformedRequest": _P,
    "noSuchIdentifier": _P,
    "noSuchRequest": _U,
    "resultSetToLarge": _P,  # the standard's own spelling
    "resultSetTooLarge": _P,
    "unsupportedExecutionMode": _P,
    "unsupportedIdentifierType": _P,
    "unsupportedOperation": _P,
    "unsupportedProfile": _P,
    "unsupportedSelectionType": _P,
}
# The credential is wrong until an operator mends it: as with a 401, nothing is to be parked for that.
_UNAUTHENTICATED: Final = ("auth", "security", "credential")
_SUCCESS: Final = range(200, 300)
# Where servers put failures and faults, besides 200 (SOAP 1.1 section 6.2 asks for 500).
_WITH_FAILURE: Final = (400, 500)


def read_answer(request: Element, answer: Answer, known: Known) -> Reply | Ending:
    """The reply to a request, whichever its status, or how the dialogue ends without one."""
    line = HttpRequest(request.name, "")  # so that reasons name the operation, which is always a POST
    ending = classify(line, answer, known)
    if not isinstance(answer, HttpResponse):
        return _read(request, ending)
    if answer.status not in _SUCCESS and answer.status not in _WITH_FAILURE:
        return _read(request, ending)
    try:
        reply = read_reply(answer.body, request)
    except InvalidError as error:
        unread = garbage(line, known, error.problem) if ending.outcome is Outcome.DONE else ending
        return _read(request, unread)
    if isinstance(reply, Fault):
        return _read(request, _faulted(request, reply, known))
    if answer.status not in _SUCCESS and reply.status != "failure":
        return _read(request, ending)
    return reply


def failed(request: str, reply: Reply, known: Known) -> Ending:
    """How the dialogue ends with a failure that it has no better use for. A code of nobody's is a customError."""
    words = " ".join(word for word in (reply.error, *reply.messages) if word)
    reason = f"{request} failed" + (f": {words}" if words else "")
    return Ending(ERRORS.get(reply.error, ERRORS["customError"]), known, reason)


def _read(request: Element, ending: Ending) -> Ending:
    """A request that only asks leaves no doubt behind."""
    if request.name in READING and ending.outcome is Outcome.UNKNOWN:
        return replace(ending, outcome=Outcome.TRANSIENT)
    return ending


def _faulted(request: Element, fault: Fault, known: Known) -> Ending:
    """A fault about the envelope means that nothing was done; a server's own leaves it open."""
    reason = f"{request.name} met the fault {fault.code}: {fault.text}"
    if any(word in fault.code.casefold() for word in _UNAUTHENTICATED):
        return Ending(Outcome.TRANSIENT, known, reason)
    if fault.code.partition(".")[0] in REFUSED_ENVELOPE:
        return Ending(Outcome.PERMANENT, known, reason)
    return Ending(Outcome.UNKNOWN, known, reason)
