"""The SPML 2.0 endpoint: a request of a source → its objects → its queue → the answer.

Failures of SPML come with HTTP 200, since some clients throw the body of anything else away. A SOAP Fault is for what
is no request at all.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from provisioning.core.source_spml import PushedSpml
from provisioning.protocols.inbound.http import LARGEST_BODY, Response
from provisioning.protocols.inbound.spml_iterator import read_iterator
from provisioning.protocols.inbound.spml_message import (
    EnvelopeError,
    FailureError,
    execution_mode,
    failure,
    read_message,
    response,
    space_of,
    write_fault,
    write_message,
)
from provisioning.protocols.inbound.spml_targets import list_targets
from provisioning.protocols.spml_names import UPDATES
from provisioning.protocols.xml import Element
from provisioning.stages import gateway_spml_read as read
from provisioning.stages import gateway_spml_updates as updates
from provisioning.stages import gateway_spml_write as write
from provisioning.stages.gateway_call import Call
from provisioning.stages.gateway_onward import settle
from provisioning.stages.gateway_passwords import password
from provisioning.stages.gateway_spml_later import LATER, cancel, keep, later_id, status

MOST_IN_BATCH: Final = 200  # requests
MOST_ANSWERED: Final = 1_000_000  # characters of the answer to a batch, after which only ids are shown
_XML: Final = {"content-type": "text/xml; charset=utf-8"}
_TYPES: Final = ("text/xml", "application/xml")
_ALONE: Final = ("batchRequest", "statusRequest", "cancelRequest", "listTargetsRequest")

Operation = Callable[[Call, PushedSpml, Element], Awaitable[Element]]


async def spml(call: Call) -> Response:
    """Answer one request. What is unsent of the source is sent first, whether this request left it or one before."""
    request = call.request
    if call.rest:
        return Response(404)
    if request.method != "POST":
        return Response(405, {"allow": "POST"})
    if request.headers.get("content-type", _TYPES[0]).partition(";")[0].strip().lower() not in _TYPES:
        return Response(415, {"content-type": "text/plain; charset=utf-8"}, f"one of {', '.join(_TYPES)}")
    try:
        message = read_message(request.body, LARGEST_BODY)
    except EnvelopeError as error:
        return Response(500, _XML, write_fault(error))  # SOAP 1.1, 6.2
    answer = await _answer(call, message.request)
    return Response(200, _XML, write_message(answer, soap=message.soap))


async def _answer(call: Call, request: Element) -> Element:
    """The answer of a request, after what it did and what was unsent before it is in the queue."""
    options = call.source.push.spml if call.source.push is not None else PushedSpml()
    id_: str | None = None
    try:
        if execution_mode(request) == "asynchronous":
            id_ = later_id(call, request)
        answer = await _OPERATIONS.get(request.name, _unsupported)(call, options, request)
    except FailureError as error:
        answer = failure(request, error)
    await settle(call.pushed, call.changes, call.source.id)
    return answer if id_ is None else await keep(call, request, answer, id_)


async def _unsupported(_call: Call, _options: PushedSpml, request: Element) -> Element:
    raise FailureError("unsupportedOperation", f"{request.name} is not supported; listTargets shows what is")


async def _targets(_call: Call, options: PushedSpml, request: Element) -> Element:
    return list_targets(request, options)


async def _iterate(call: Call, options: PushedSpml, request: Element) -> Element:
    of_updates = space_of(request) == UPDATES
    return await (updates.iterate if of_updates else read.iterate)(call, options, request)


async def _close(_call: Call, _options: PushedSpml, request: Element) -> Element:
    """Nothing is kept of an iterator, so there is nothing to do but to know it."""
    read_iterator(request.one("iterator"), "u" if space_of(request) == UPDATES else "s", len)
    return response(request)


async def _batch(call: Call, options: PushedSpml, request: Element) -> Element:
    """Requests one after the other, which is right for `parallel`, too; answers stand where their requests do.

    After a failure with `onError` exit the rest is not reached, and has no answer (section 3.6.2). Raises FailureError.
    """
    processing, on_error = (
        request.attributes.get(name, otherwise)
        for name, otherwise in (("processing", "sequential"), ("onError", "exit"))
    )
    if processing not in ("sequential", "parallel") or on_error not in ("exit", "resume"):
        raise FailureError("malformedRequest", "processing is sequential or parallel, onError is exit or resume")
    inner = [child for child in request.children if space_of(child) is not None]
    if not inner or len(inner) < len(request.children) or any(child.name in _ALONE for child in inner):
        raise FailureError("malformedRequest", "a batch holds requests about objects, and no batch")
    if len(inner) > MOST_IN_BATCH:
        raise FailureError("customError", f"{len(inner)} requests; at most {MOST_IN_BATCH} in one batch")
    answers: list[Element] = []
    size = 0
    for child in inner:
        answers.append(await _one(call, options, child, full=size < MOST_ANSWERED))
        size += _size(answers[-1])
        if answers[-1].attributes["status"] == "failure" and on_error == "exit":
            break
    failed = sum(each.attributes["status"] == "failure" for each in answers)
    if failed:
        return failure(request, FailureError("customError", f"{failed} of {len(inner)} requests failed"), answers)
    return response(request, answers)


async def _one(call: Call, options: PushedSpml, request: Element, *, full: bool) -> Element:
    """One request of a batch. With `full` False there is room for no more objects in the answer, but for ids."""
    try:
        if execution_mode(request) == "asynchronous":
            raise FailureError("unsupportedExecutionMode", "a whole batch may be asynchronous, not a part of it")
        if not full and request.name not in LATER:
            raise FailureError("resultSetToLarge", "the answer to the batch is full")
        brief = {} if full else {"returnData": "identifier"}
        asked = replace(request, attributes={**request.attributes, **brief})
        return await _OPERATIONS.get(request.name, _unsupported)(call, options, asked)
    except FailureError as error:
        return failure(request, error)


def _size(element: Element) -> int:
    """About how many characters an element is written in."""
    own = len(element.text) + sum(map(len, element.attributes.values())) + 30
    return own + sum(map(_size, element.children))


_OPERATIONS: Final[Mapping[str, Operation]] = {
    "listTargetsRequest": _targets,
    "addRequest": write.add,
    "modifyRequest": write.modify,
    "deleteRequest": write.delete,
    "lookupRequest": read.lookup,
    "suspendRequest": write.suspend,
    "resumeRequest": write.suspend,
    "activeRequest": read.active,
    "searchRequest": read.search,
    "iterateRequest": _iterate,
    "closeIteratorRequest": _close,
    "updatesRequest": updates.updates,
    "setPasswordRequest": password,
    "expirePasswordRequest": password,
    "resetPasswordRequest": password,
    "validatePasswordRequest": password,
    "batchRequest": _batch,
    "statusRequest": status,
    "cancelRequest": cancel,
}
