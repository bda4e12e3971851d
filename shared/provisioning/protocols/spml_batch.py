"""Several requests as one (the batch capability), and one change of many objects (bulk)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from provisioning.core.errors import InvalidError
from provisioning.protocols.spml_message import Reply, inner_replies
from provisioning.protocols.spml_names import BATCH, BULK
from provisioning.protocols.xml import Element

_ALONE: Final = ("batchRequest", "statusRequest", "cancelRequest", "listTargetsRequest")
_RIGHT: Final = "one response for each request, in their order"


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


def bulk_modify(query: Element, changes: Sequence[Element]) -> Element:
    """The same change of every object that a query selects."""
    return Element(BULK, "bulkModifyRequest", children=(query, *(_bulk(change) for change in changes)))


def bulk_delete(query: Element) -> Element:
    """Delete every object that a query selects, and nothing that they contain."""
    return Element(BULK, "bulkDeleteRequest", {"recursive": "false"}, (query,))


def _bulk(change: Element) -> Element:
    """In the capability's own namespace, as its schema declares it."""
    return replace(change, namespace=BULK)
