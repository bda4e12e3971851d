"""The objects of an SPML provider for tests: their data in both profiles, and what changes and selects them."""

import re
import xml.etree.ElementTree as ET  # what it reads is our client's, within a test
from collections.abc import Iterator
from dataclasses import dataclass, field

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
CORE = "urn:oasis:names:tc:SPML:2:0"
CAPABILITIES = {name: f"{CORE}:{name}" for name in (
    "async", "batch", "bulk", "password", "reference", "search", "suspend",
)}  # fmt: skip
DSML = "urn:oasis:names:tc:DSML:2:0:core"

for prefix, uri in {"soap": SOAP, "spml": CORE, "dsml": DSML, **CAPABILITIES}.items():
    ET.register_namespace(prefix, uri)


class FailureError(Exception):
    """A failure by the standard's code."""


@dataclass
class Held:
    """One object. `values` by name as written; `references`: (type, id)."""

    id: str
    entity: str
    values: dict[str, list[str]]
    container: str | None = None
    suspended: bool = False
    password: str = ""
    logins: int | None = None  # that the password is still good for
    references: list[tuple[str, str]] = field(default_factory=list)

    def one(self, name: str) -> str:
        return next(iter(self.values.get(name, [])), "")


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def made(namespace: str, name: str, /, *children: ET.Element, **attributes: str | None) -> ET.Element:
    element = ET.Element(
        f"{{{namespace}}}{name}" if namespace else name,
        {key: value for key, value in attributes.items() if value is not None},
    )
    element.extend(children)
    return element


def texts(element: ET.Element) -> list[str]:
    return [child.text or "" for child in element]


def only(element: ET.Element, name: str) -> ET.Element:
    """The child of this local name, which there must be."""
    found = next((child for child in element if local(child) == name), None)
    if found is None:
        raise FailureError("malformedRequest")
    return found


def change(values: dict[str, list[str]], name: str, operation: str, some: list[str]) -> None:
    """As a directory does: what is not there cannot be deleted, what is there cannot be added."""
    held = values.get(name, [])
    if operation == "replace":
        held = some
    elif operation == "add":
        if any(text in held for text in some):
            raise FailureError("malformedRequest")
        held = [*held, *some]
    else:
        if not held or any(text not in held for text in some):
            raise FailureError("malformedRequest")
        held = [text for text in held if some and text not in some]
    values.pop(name, None)
    if held:
        values[name] = held


def modify_elements(mode: str, path: str, data: ET.Element | None, values: dict[str, list[str]]) -> None:
    parts = re.fullmatch(r'/(?:p:)?\w+(?:/(?:p:)?(\w+)(?:\[\.="((?:[^"]|"")*)"\])?)?', path)
    if parts is None:
        raise FailureError("unsupportedSelectionType")
    name, text = parts.groups()
    content: dict[str, list[str]] = {}
    for child in data if data is not None else ():
        content.setdefault(local(child), []).append(child.text or "")
    if mode == "add" and name is None:
        for each, some in content.items():
            change(values, each, "add", some)
    elif name is None or name not in values:
        raise FailureError("malformedRequest")  # the component selects nothing
    elif mode == "delete":
        change(values, name, "delete", [] if text is None else [text.replace('""', '"')])
    else:
        change(values, name, "replace", content[name])


def read_data(profile: str, data: ET.Element) -> tuple[str, dict[str, list[str]]]:
    values: dict[str, list[str]] = {}
    if profile == "xsd":
        for child in data[0]:
            values.setdefault(local(child), []).append(child.text or "")
        return local(data[0]), values
    for attribute in data:
        values[attribute.get("name", "")] = texts(attribute)
    return values.pop("objectclass", [""])[0], values


def write_data(profile: str, namespace: str, held: Held) -> Iterator[ET.Element]:
    def element(space: str, name: str, text: str) -> ET.Element:
        child = made(space, name)
        child.text = text
        return child

    if profile == "xsd":
        children = [element(namespace, name, text) for name, some in held.values.items() for text in some]
        yield made(namespace, held.entity, *children)
        return
    for name, some in {"objectclass": [held.entity], **held.values}.items():
        yield made(DSML, "attr", *(element(DSML, "value", text) for text in some), name=name)


def matches(clause: ET.Element, held: Held) -> bool:
    """An equality of DSML, several of them joined, or a path with one predicate."""
    name = local(clause)
    if name == "select":
        parts = re.fullmatch(r'/(?:p:)?(\w+)\[(?:p:)?(\w+)="((?:[^"]|"")*)"\]', clause.get("path", ""))
        if parts is None:
            raise FailureError("unsupportedSelectionType")
        entity, attribute, text = parts.groups()
        return held.entity == entity and text.replace('""', '"') in held.values.get(attribute, [])
    if name in ("filter", "and"):
        return all(matches(child, held) for child in clause)
    if name != "equalityMatch":
        raise FailureError("unsupportedSelectionType")
    values = {"objectclass": [held.entity], **held.values}
    return texts(clause)[0].casefold() in [text.casefold() for text in values.get(clause.get("name", ""), [])]
