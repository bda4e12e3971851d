"""Several SPML requests as one (the batch capability): what goes into a batch, and what its answer says of each.

The requests are about different objects, and none depends on another. Each has its own ending: where it is not beyond
doubt which answer is whose, every one of them may have happened.
"""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final, Literal

from provisioning.core.errors import InvalidError
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse, Unanswered
from provisioning.protocols.spml_message import (
    MOST,
    REFUSED_ENVELOPE,
    Fault,
    Reply,
    envelope,
    http,
    inner_replies,
    named,
    read_reply,
)
from provisioning.protocols.spml_names import BATCH, SOAP
from provisioning.protocols.xml import Element, read_xml

OVERHEAD: Final = 1000  # bytes of a batch beside its requests: envelope, namespaces, attributes
_CHANGES: Final = frozenset({"addRequest", "modifyRequest", "deleteRequest", "suspendRequest", "resumeRequest"})
_ALONE: Final = ("batchRequest", "statusRequest", "cancelRequest", "listTargetsRequest")
_NOT_TAKEN: Final = frozenset({400, 404, 405, 413, 501})  # of the batch as a whole: nothing of it was processed
_CANNOT: Final = frozenset({"unsupportedOperation", "unsupportedExecutionMode", "malformedRequest"})
_GARBAGE: Final = Unanswered("the batch's answer does not answer each of its requests by its requestID", sent=True)
_RIGHT: Final = "one response for each request, in their order"


def fits(request: HttpRequest) -> bool:
    """Whether a request can be in a batch: a change that the SP makes at once."""
    element = _element(request)
    mode = element.attributes.get("executionMode") if element is not None else None
    return element is not None and element.name in _CHANGES and mode != "asynchronous"


def size(_number: int, request: HttpRequest) -> int:
    """Bytes that a request adds to a batch: fewer than it has alone."""
    return len(request.content or b"")


def is_beside(_request: HttpRequest, _other: HttpRequest) -> bool:
    """Whether two may be in one batch. They are of different accounts."""
    return True


def bulk(requests: Sequence[HttpRequest]) -> HttpRequest:
    """The request that carries these. All are processed, in any order, whichever of them fail."""
    return http(_batch(requests))


def answers(requests: Sequence[HttpRequest], answer: Answer) -> Sequence[Answer] | None:
    """The answer to each, as if it had been sent alone. None: the SP took none of them; they are to be sent alone."""
    if not isinstance(answer, HttpResponse):
        return [answer] * len(requests)
    if answer.status in _NOT_TAKEN:
        return None
    asked = _batch(requests)
    try:
        reply = read_reply(answer.body, asked)
    except InvalidError:
        return [_GARBAGE if answer.status == HTTPStatus.OK else answer] * len(requests)
    if isinstance(reply, Fault):
        return None if reply.code.partition(".")[0] in REFUSED_ENVELOPE else [answer] * len(requests)
    if reply.status == "failure" and reply.error in _CANNOT and next(inner_replies(reply), None) is None:
        return None
    try:
        replies = read_batch(asked, reply)
    except InvalidError:
        return [_GARBAGE] * len(requests)
    if any(each is not None and not each.request_id for each in replies):
        # By its place alone an answer might be taken for another's, and an account for somebody else's.
        return [_GARBAGE] * len(requests)
    return [
        HttpResponse(HTTPStatus.OK, answer.headers, envelope(each.element)) if each is not None else _GARBAGE
        for each in replies
    ]


def _batch(requests: Sequence[HttpRequest]) -> Element:
    elements = [element for request in requests if (element := _element(request)) is not None]
    made = batch(elements, processing="parallel")
    return named(replace(made, attributes={**made.attributes, "executionMode": "synchronous"}), "batch")


def _element(request: HttpRequest) -> Element | None:
    """The request that a call of ours carries."""
    if request.content is None:
        return None
    body = read_xml(request.content, MOST).one("Body", SOAP)
    return body.children[0] if body is not None else None


def batch(
    requests: Sequence[Element],
    *,
    processing: Literal["sequential", "parallel"] = "sequential",
    on_error: Literal["exit", "resume"] = "resume",
) -> Element:
    """One request of several. Raises InvalidError for none, and for one that cannot be in a batch."""
    if not requests:
        raise InvalidError("a batch of nothing", right="at least one request")
    for request in requests:
        if request.name in _ALONE:
            raise InvalidError(f"a {request.name} in a batch", right="requests about objects")
    return Element(BATCH, "batchRequest", {"processing": processing, "onError": on_error}, tuple(requests))


def read_batch(request: Element, reply: Reply) -> list[Reply | None]:
    """The answers to a batch, one for each of its requests by position; None for those that were not reached.

    Only a sequential batch that stops at its first error may leave any out, and only after one that failed. Raises
    InvalidError for answers that cannot belong to the requests: then it is not known what was done.
    """
    replies = list(inner_replies(reply))
    if len(replies) > len(request.children):
        raise InvalidError(f"{len(replies)} answers to {len(request.children)} requests", right=_RIGHT)
    for asked, answer in zip(request.children, replies, strict=False):
        expected = asked.name.removesuffix("Request") + "Response"
        sent = asked.attributes.get("requestID")
        if answer.name != expected or (sent is not None and answer.request_id not in ("", sent)):
            raise InvalidError("an answer to another request of the batch", right=_RIGHT)
    missing = len(request.children) - len(replies)
    stopped = request.attributes.get("onError", "exit") == "exit" and any(each.status == "failure" for each in replies)
    if missing and not (stopped or reply.status == "failure"):
        raise InvalidError(f"no answer to {missing} requests", right=_RIGHT)
    return [*replies, *([None] * missing)]
