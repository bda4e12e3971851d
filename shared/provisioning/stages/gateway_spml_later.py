"""Requests that are to be done asynchronously (the async capability, section 3.6.1).

They are done at once: only the answer is given later, and it is kept before the request is said to be taken. So a
client never waits for what was lost, and there is never anything left to cancel.
"""

from dataclasses import replace
from typing import Final

from provisioning.core.period import DAY
from provisioning.core.pushed import LONGEST_ANSWER, Answer
from provisioning.core.source_spml import PushedSpml
from provisioning.protocols.inbound.spml_message import FailureError, failure, pending, request_id, response
from provisioning.protocols.spml_names import CORE, PREFIXES
from provisioning.protocols.xml import Element, read_xml, write_xml
from provisioning.stages.gateway_call import Call

KEPT: Final = DAY  # seconds for which an answer can be asked for
LATER: Final = frozenset({"addRequest", "modifyRequest", "deleteRequest", "suspendRequest", "resumeRequest",
                          "batchRequest"})  # fmt: skip
MOST_SHOWN: Final = 10  # answers, if all are asked for
_LONGEST_ID: Final = 512  # bytes


def later_id(call: Call, request: Element) -> str:
    """The id by which a request's answer is asked for: its own, or else one of ours. Raises FailureError.

    An id that was used before stands for the newer request from now on: some clients give all of them the same one.
    """
    if request.name not in LATER:
        raise FailureError("unsupportedExecutionMode", "what only asks is answered at once")
    id_ = request_id(request) or f"r{call.new_id()}"
    if len(id_.encode()) > _LONGEST_ID:
        raise FailureError("malformedRequest", f"a requestID has at most {_LONGEST_ID} bytes")
    return id_


async def keep(call: Call, request: Element, answer: Element, id_: str) -> Element:
    """Keep an answer, and say that the request is taken. What was done is durable and told already."""
    answer = replace(answer, attributes={**answer.attributes, "requestID": id_})
    text = write_xml(answer, PREFIXES)
    if len(text) > LONGEST_ANSWER:
        text = write_xml(_identified(answer), PREFIXES)
    await call.pushed.keep_answer(call.source.id, Answer(id_, text.decode(), call.now + KEPT))
    return pending(request, id_)


async def status(call: Call, _options: PushedSpml, request: Element) -> Element:
    """What became of a request, or of all that are remembered. Raises FailureError."""
    asked, wanted = request.attributes.get("asyncRequestID"), request.attributes.get("returnResults", "false").strip()
    if wanted not in ("true", "1", "false", "0"):
        raise FailureError("malformedRequest", "returnResults is true or false")
    if asked is not None and not 0 < len(asked.encode()) <= _LONGEST_ID:
        raise FailureError("noSuchRequest", "no request of this id is remembered")
    found = await call.pushed.answers(call.source.id, MOST_SHOWN, call.now, asked)
    if asked is not None and not found:
        raise FailureError("noSuchRequest", f"no request of this id is remembered, or for over {KEPT // 3600} hours")
    answers = [read_xml(each.text.encode(), LONGEST_ANSWER) for each in found]
    shown = answers if wanted in ("true", "1") else [replace(each, children=()) for each in answers]
    return response(request, shown, **({} if asked is None else {"asyncRequestID": asked}))


async def cancel(_call: Call, _options: PushedSpml, request: Element) -> Element:
    """Nothing is under way that could be cancelled. Raises FailureError."""
    asked = request.attributes.get("asyncRequestID", "")
    if not 0 < len(asked.encode()) <= _LONGEST_ID:
        raise FailureError("malformedRequest", f"asyncRequestID has 1 to {_LONGEST_ID} bytes")
    error = FailureError("noSuchRequest", "no request of this id is under way: what is taken is done")
    return failure(request, error, asyncRequestID=asked)


def _identified(answer: Element) -> Element:
    """An answer without the data of objects: their ids stay."""
    children = tuple(_identified(child) for child in answer.children if (child.namespace, child.name) != (CORE, "data"))
    return replace(answer, children=children)
