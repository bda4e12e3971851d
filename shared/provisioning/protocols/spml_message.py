"""SPML 2.0 in a SOAP 1.1 envelope: how a request goes out, and what of an answer can be an answer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.errors import InvalidError
from provisioning.core.wire import digest_of
from provisioning.protocols.dialogue import HttpRequest
from provisioning.protocols.spml_names import CAPABILITIES, CORE, OTHER_DIALECT, PREFIXES, SOAP
from provisioning.protocols.xml import Element, read_xml, write_xml

MOST: Final = 16_777_216  # bytes of one message; the service's own bound is the driver's
REFUSED_ENVELOPE: Final = ("Client", "MustUnderstand", "VersionMismatch")  # faults after which nothing was done
_STATUSES: Final = ("success", "failure", "pending")
_RIGHT: Final = "an SPML 2.0 response as the one child of a SOAP 1.1 Body"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `status`: success, failure or pending; `error`: the standard's code, or nothing."""

    name: str
    status: str
    error: str
    messages: tuple[str, ...]
    request_id: str
    element: Element


@dataclass(frozen=True, slots=True)
class Fault:
    """What a SOAP server says of an envelope that it could not use. `code` without its prefix."""

    code: str
    text: str


def envelope(content: Element) -> bytes:
    """A SOAP 1.1 message with this request as the body's only child. Raises InvalidError for what XML cannot carry."""
    body = Element(SOAP, "Body", children=(content,))
    return write_xml(Element(SOAP, "Envelope", children=(body,)), PREFIXES)


def named(request: Element, operation: str) -> Element:
    """The request with an id that stands for it and the operation that it is a part of: a repetition has the same.

    It is an xsd:ID, so it begins with a letter.
    """
    content = digest_of([operation, write_xml(request, PREFIXES).decode()])
    return replace(request, attributes={"requestID": f"r{content}", **request.attributes})


def http(request: Element) -> HttpRequest:
    """The call that carries a request to the service's endpoint."""
    headers = {"accept": "text/xml", "content-type": "text/xml; charset=UTF-8", "soapaction": '""'}
    return HttpRequest("POST", "", headers=headers, content=envelope(request))


def read_reply(content: bytes, request: Element) -> Reply | Fault:
    """The answer to this very request, or a SOAP Fault. Raises InvalidError for everything else."""
    root = read_xml(content, MOST)
    body = root.one("Body", SOAP) if (root.namespace, root.name) == (SOAP, "Envelope") else None
    if body is None:
        raise InvalidError("not a SOAP 1.1 envelope", right=_RIGHT)
    if len(body.children) != 1:
        raise InvalidError(f"{len(body.children)} answers in one body", right=_RIGHT)
    answer = body.children[0]
    if (answer.namespace, answer.name) == (SOAP, "Fault"):
        return _fault(answer)
    reply = read_response(answer)
    expected = request.name.removesuffix("Request") + "Response"
    if reply.name != expected or answer.namespace not in _namespaces(request.name):
        raise InvalidError(f"a {_short(reply.name)} where a {expected} is due", right=_RIGHT)
    asked = request.attributes.get("requestID")
    if reply.request_id and asked is not None and reply.request_id != asked:
        raise InvalidError("the answer to another request", right="the requestID that was sent, or none")
    return reply


def read_response(answer: Element) -> Reply:
    """What a response element says, whichever request it answers. Raises InvalidError if it cannot be one."""
    if answer.namespace == OTHER_DIALECT:
        raise InvalidError(f"the dialect {OTHER_DIALECT} is not SPML 2.0", right=CORE)
    if answer.namespace not in (CORE, *CAPABILITIES.values()) or not answer.name.endswith("Response"):
        raise InvalidError("not a response of SPML 2.0", right=_RIGHT)
    status, error = answer.attributes.get("status", ""), answer.attributes.get("error", "")
    if status not in _STATUSES:
        raise InvalidError("a response without a status", right=" or ".join(_STATUSES))
    if status == "success" and error:
        raise InvalidError("a success with an error", right="one of the two")
    messages = tuple(child.text.strip() for child in answer.all("errorMessage"))
    return Reply(answer.name, status, error, messages, answer.attributes.get("requestID", ""), answer)


def inner_replies(reply: Reply) -> Iterator[Reply]:
    """The responses inside a response, in their order: of a batch, or of the request whose status was asked."""
    for child in reply.element.children:
        if child.name.endswith("Response"):
            yield read_response(child)


def _namespaces(request: str) -> tuple[str, ...]:
    return (CORE, CAPABILITIES.get(request, CORE))


def _fault(element: Element) -> Fault:
    """Its children have no namespace in SOAP 1.1, and some servers give them one."""
    code, text = element.one("faultcode"), element.one("faultstring")
    return Fault(code.text.strip().rpartition(":")[2] if code else "", text.text.strip() if text else "")


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:39] + "…"
