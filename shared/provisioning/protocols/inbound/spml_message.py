"""Messages of SPML 2.0 clients, in a SOAP 1.1 envelope or bare, and the answers to them.

What clients send is matched by local names: many put elements into the core's namespace that are a capability's, or
the other way round. What is answered is valid by the schemas.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from provisioning.core.errors import InvalidError
from provisioning.protocols.spml_names import ASYNC, CAPABILITIES, CORE, OTHER_DIALECT, PREFIXES, SOAP, UPDATES
from provisioning.protocols.xml import Element, read_xml, write_xml

FIRST: Final = "urn:oasis:names:tc:SPML:1:0"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
LONGEST_REQUEST_ID: Final = 256  # characters
# Which namespace a request is in; those that are not here are no requests.
REQUESTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("addRequest", "modifyRequest", "deleteRequest", "lookupRequest", "listTargetsRequest"), CORE),
    **CAPABILITIES,
    "cancelRequest": ASYNC,
    "updatesRequest": UPDATES,
}
_MODES: Final = ("synchronous", "asynchronous")
_DECLARATION: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?<\?xml[^>]*\?>")
_DECLARED: Final = {f"spml{name}": f"{CORE}:{name}" for name in (
    "async", "batch", "bulk", "password", "pass", "reference", "search", "suspend", "updates",
)} | {"spmlpass": f"{CORE}:password", "spmlref": f"{CORE}:reference"}  # fmt: skip


class EnvelopeError(Exception):
    """What is no request at all; `code` is SOAP 1.1's, the text says what would be right."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class FailureError(Exception):
    """A request that fails: the standard's code, and what would be right."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it came. `soap`: in an envelope, as its answer is then."""

    request: Element
    soap: bool


def read_message(content: bytes, most: int) -> Message:
    """The one request of a body of at most `most` bytes. Raises EnvelopeError."""
    try:
        root = _read(content, most)
    except InvalidError as error:
        raise EnvelopeError("Client", str(error)) from error
    if (root.namespace, root.name) == (SOAP_12, "Envelope"):
        raise EnvelopeError("VersionMismatch", "SOAP 1.1 is spoken here")
    if (root.namespace, root.name) != (SOAP, "Envelope"):
        return Message(_request(root), soap=False)
    for header in root.all("Header", SOAP):
        if any(entry.attributes.get(f"{{{SOAP}}}mustUnderstand") == "1" for entry in header.children):
            raise EnvelopeError("MustUnderstand", "no header is understood here")
    body = root.one("Body", SOAP)
    if body is None or len(body.children) != 1:
        raise EnvelopeError("Client", "a Body holds one request")
    return Message(_request(body.children[0]), soap=True)


def _read(content: bytes, most: int) -> Element:
    try:
        return read_xml(content, most)
    except InvalidError as error:
        cause = error.__cause__
        if not isinstance(cause, expat.ExpatError) or cause.code != expat.errors.codes[_UNBOUND]:
            raise
    # Some clients forget to declare the usual prefix of a capability.
    declared = "".join(f' xmlns:{prefix}="{namespace}"' for prefix, namespace in _DECLARED.items())
    inner = _DECLARATION.sub(b"", content, count=1)
    usual = read_xml(f"<usual{declared}>".encode() + inner + b"</usual>", most + 2048)
    if len(usual.children) != 1:
        raise InvalidError("XML of several roots", right="one element that holds all others")
    return usual.children[0]


_UNBOUND: Final = expat.errors.XML_ERROR_UNBOUND_PREFIX


def _request(element: Element) -> Element:
    """The element, if it is a request. Raises EnvelopeError."""
    if element.namespace == OTHER_DIALECT or element.namespace.startswith(FIRST):
        raise EnvelopeError("Client", f"{element.namespace} is not spoken here; SPML 2.0 is")
    if space_of(element) is None:
        raise EnvelopeError("Client", "the element is no request of SPML 2.0")
    return element


def space_of(request: Element) -> str | None:
    """The namespace in which a request is answered; None if it is none."""
    space = REQUESTS.get(request.name)
    if space is None or request.namespace not in (CORE, space, UPDATES):
        return None
    if request.namespace == UPDATES:  # the capability has its own iterate and closeIterator
        return UPDATES if request.name in ("updatesRequest", "iterateRequest", "closeIteratorRequest") else None
    return space


def request_id(request: Element) -> str:
    """The id of a request; empty if it has none that can be repeated."""
    found = request.attributes.get("requestID", "")
    return found if len(found) <= LONGEST_REQUEST_ID else ""


def execution_mode(request: Element) -> str:
    """How a request is to be done; empty if that is left to us. Raises FailureError."""
    mode = request.attributes.get("executionMode", "")
    if mode and mode not in _MODES:
        raise FailureError("malformedRequest", f"executionMode is one of {', '.join(_MODES)}")
    return mode


def response(request: Element, children: Sequence[Element] = (), **attributes: str) -> Element:
    """The success of a request, with its id."""
    return _response(request, "success", children, attributes)


def pending(request: Element, id_: str) -> Element:
    """A request that is taken, and whose answer is asked for by its id."""
    return _response(request, "pending", (), {"requestID": id_})


def failure(request: Element, error: FailureError, children: Sequence[Element] = (), **attributes: str) -> Element:
    """The failure of a request, with its id. Open content stands before the message."""
    message = Element(CORE, "errorMessage", text=plain(str(error)))
    return _response(request, "failure", (*children, message), {"error": error.code, **attributes})


def _response(request: Element, status: str, children: Sequence[Element], more: Mapping[str, str]) -> Element:
    id_ = request_id(request)
    attributes = {"status": status, **({"requestID": id_} if id_ else {}), **more}
    name = request.name.removesuffix("Request") + "Response"
    return Element(space_of(request) or CORE, name, attributes, tuple(children))


def plain(text: str) -> str:
    """A text that XML can carry, on one line."""
    return "".join(character if character.isprintable() else " " for character in text)[:1000]


def write_message(content: Element, *, soap: bool) -> str:
    """An answer, in an envelope or bare."""
    if soap:
        content = Element(SOAP, "Envelope", children=(Element(SOAP, "Body", children=(content,)),))
    return write_xml(content, PREFIXES).decode()


def write_fault(error: EnvelopeError) -> str:
    """A SOAP 1.1 Fault; its children have no namespace, its code has the envelope's."""
    children = (Element("", "faultcode", text=f"soap:{error.code}"), Element("", "faultstring", text=plain(str(error))))
    return write_message(Element(SOAP, "Fault", children=children), soap=True)
