"""The requests of SPML 2.0 that an account needs, as elements: schema-valid, and the same for the same arguments."""

import json
from dataclasses import dataclass
from typing import Final

from provisioning.core.errors import InvalidError
from provisioning.core.wire import canonical
from provisioning.protocols.spml_names import ASYNC, CORE, REFERENCE, SEARCH, SUSPEND
from provisioning.protocols.xml import Element

MOST: Final = 50  # objects of one answer to a search
_LONGEST: Final = 512  # characters of an id


@dataclass(frozen=True, slots=True)
class ObjectId:
    """What identifies an object: its id within a target. `target` None: that of the service."""

    id: str
    target: str | None = None

    @property
    def text(self) -> str:
        """As a remote id: the id alone where that is enough, else both as a JSON list."""
        if self.target is None and not self.id.startswith("["):
            return self.id
        return canonical([self.id, self.target]).decode()

    def element(self, name: str = "psoID", target: str | None = None) -> Element:
        """As `psoID`, or whatever else names an object, of the service's `target` if it has none of its own."""
        of = self.target if self.target is not None else target
        return Element(CORE, name, {"ID": self.id, **({} if of is None else {"targetID": of})})


def read_object_id(text: str) -> ObjectId:
    """The id that a remote id stands for. Raises InvalidError if it stands for none."""
    if not text.startswith("["):
        return ObjectId(text)
    try:
        identifier, target = json.loads(text)
    except ValueError as error:
        raise InvalidError("not the id of an object", right="an id, or [id, target]") from error
    return ObjectId(str(identifier), None if target is None else str(target))


def shown_id(element: Element | None, target: str | None) -> ObjectId | None:
    """The id that an answer gives, if it can be one: printable, of 1 to 512 characters. `target`: the service's."""
    if element is None:
        return None
    identifier, of = element.attributes.get("ID", ""), element.attributes.get("targetID")
    for text in (identifier, *(() if of is None else (of,))):
        if not 0 < len(text) <= _LONGEST or not text.isprintable():
            return None
    return ObjectId(identifier, None if of == target else of)


def add(data: Element, target: str | None, *, proposed: str | None = None, container: str | None = None) -> Element:
    """Make an object. Its id is all that is asked back."""
    children = [ObjectId(proposed).element(target=target)] if proposed is not None else []
    if container is not None:
        children.append(ObjectId(container).element("containerID", target))
    attributes = {"returnData": "identifier"}
    if target is not None:
        attributes["targetID"] = target
    return Element(CORE, "addRequest", attributes, (*children, data))


def modify(pso: Element, changes: list[Element]) -> Element:
    """Change an object. Its id is asked back: it may become another."""
    return Element(CORE, "modifyRequest", {"returnData": "identifier"}, (pso, *changes))


def delete(pso: Element) -> Element:
    """Delete an object, and nothing that it contains."""
    return Element(CORE, "deleteRequest", {"recursive": "false"}, (pso,))


def lookup(pso: Element) -> Element:
    """All that is known of one object."""
    return Element(CORE, "lookupRequest", {"returnData": "everything"}, (pso,))


def list_targets() -> Element:
    """What the SP offers."""
    return Element(CORE, "listTargetsRequest")


def suspend(pso: Element) -> Element:
    """Suspend an object; harmless if it is suspended."""
    return Element(SUSPEND, "suspendRequest", children=(_in(SUSPEND, pso),))


def resume(pso: Element) -> Element:
    """Resume an object; harmless if it is not suspended."""
    return Element(SUSPEND, "resumeRequest", children=(_in(SUSPEND, pso),))


def active(pso: Element) -> Element:
    """Whether an object is not suspended."""
    return Element(SUSPEND, "activeRequest", children=(_in(SUSPEND, pso),))


def query(clause: Element, target: str | None, container: str | None) -> Element:
    """Which objects are meant. Its open content stands before its base, as the schema has it."""
    base = () if container is None else (_in(SEARCH, ObjectId(container).element("basePsoID", target)),)
    attributes = {"scope": "subTree", **({} if target is None else {"targetID": target})}
    return Element(SEARCH, "query", attributes, (clause, *base))


def search(wanted: Element) -> Element:
    """The objects that a query selects, with all that is known of them."""
    attributes = {"returnData": "everything", "maxSelect": str(MOST)}
    return Element(SEARCH, "searchRequest", attributes, (wanted,))


def iterate(iterator: str) -> Element:
    """The next objects of a search."""
    return Element(SEARCH, "iterateRequest", children=(Element(SEARCH, "iterator", {"ID": iterator}),))


def close(iterator: str) -> Element:
    """No more objects of a search."""
    return Element(SEARCH, "closeIteratorRequest", children=(Element(SEARCH, "iterator", {"ID": iterator}),))


def status(request_id: str) -> Element:
    """What has become of a request, with its answer."""
    return Element(ASYNC, "statusRequest", {"asyncRequestID": request_id, "returnResults": "true"})


def reference(mode: str, kind: str, to: Element) -> Element:
    """The modification that adds or deletes a reference to another object."""
    inner = Element(REFERENCE, "reference", {"typeOfReference": kind}, (_in(REFERENCE, to),))
    data = Element(CORE, "capabilityData", {"mustUnderstand": "true", "capabilityURI": REFERENCE}, (inner,))
    return Element(CORE, "modification", {"modificationMode": mode}, (data,))


def _in(namespace: str, element: Element) -> Element:
    """The element in a capability's namespace: its schema declares its own `psoID`, `basePsoID` and `toPsoID`."""
    return Element(namespace, element.name, element.attributes, element.children)
