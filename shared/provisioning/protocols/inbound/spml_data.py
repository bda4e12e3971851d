"""The data of an object as an SPML client sends and sees it, in either profile, and how it is kept.

Names are compared without case and kept as they were first sent; values are texts. What looks like a password is left
out (it could not be kept), and what a repeated request has done already is no fault.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.pushed import LARGEST
from provisioning.core.source_spml import PushedSpml
from provisioning.core.wire import canonical
from provisioning.protocols.inbound.spml_message import FailureError, plain
from provisioning.protocols.spml_names import CORE, DSML
from provisioning.protocols.xml import Element

MOST_ATTRIBUTES: Final = 500  # of an object
MOST_VALUES: Final = 5000  # of an attribute
MOST_CHANGES: Final = 500  # of one modification request
LONGEST_UNIQUE: Final = 1024  # characters of the value that no other may have
LONGEST_ID: Final = 512  # bytes
OBJECT_CLASS: Final = "objectclass"
PASSWORDS: Final = frozenset({"password", "userpassword", "unicodepwd", "authpassword", "krbprincipalkey",
                              "sambantpassword", "sambalmpassword"})  # fmt: skip
_PATH: Final = re.compile(r'/?(?:[\w.-]+:)?(?P<entity>[\w.-]+)(?:/(?:[\w.-]+:)?(?P<name>[\w.-]+)'
                          r'(?:\[\.=(?P<text>"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\')\])?)?')  # fmt: skip
_ELEMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
_MODES: Final = ("add", "replace", "delete")

Values = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an attribute. No values of a deletion: all of them."""

    mode: str
    name: str
    values: tuple[str, ...]


def read_id(element: Element | None, options: PushedSpml) -> str:
    """The id that names an object of our target. Raises FailureError."""
    if element is None:
        raise FailureError("malformedRequest", "psoID is missing")
    of = element.attributes.get("targetID", options.target).strip()
    if of != options.target:
        raise FailureError("noSuchIdentifier", f"the target is {options.target}")
    id_ = unicodedata.normalize("NFC", element.attributes.get("ID", ""))
    if not id_ or len(id_.encode()) > LONGEST_ID or not id_.isprintable():
        raise FailureError("invalidIdentifier", f"an ID has 1 to {LONGEST_ID} bytes, all of them printable")
    return id_


def read_data(data: Element | None, options: PushedSpml) -> Values:
    """The attributes of a whole object. Raises FailureError."""
    if data is None:
        raise FailureError("malformedRequest", "data is missing")
    spelled: dict[str, str] = {}
    found: dict[str, dict[str, None]] = {}
    for name, values in _named(data, options):
        key = spelled.setdefault(name.casefold(), name)
        found.setdefault(key, {}).update(dict.fromkeys(values))
    return {name: tuple(values) for name, values in found.items() if values}


def _named(data: Element, options: PushedSpml) -> Iterator[tuple[str, tuple[str, ...]]]:
    if options.profile == "xsd":
        if len(data.children) != 1 or not _is_entity(data.children[0], options):
            raise FailureError("malformedRequest", f"data holds one {options.entity}")
        yield from ((_element_name(child), _flat(child)) for child in data.children[0].children)
        return
    for attribute in data.all("attr"):
        yield _name(attribute), _values(attribute)


def _is_entity(element: Element, options: PushedSpml) -> bool:
    return (element.namespace, element.name) == (options.namespace, options.entity)


def _element_name(element: Element) -> str:
    if not _ELEMENT.fullmatch(element.name):
        raise FailureError("malformedRequest", "an element's name has letters, digits, '-', '_' and '.'")
    return element.name


def _flat(element: Element) -> tuple[str, ...]:
    if element.children:
        raise FailureError("malformedRequest", f"{plain(element.name)} has elements of its own; a text is kept")
    text = element.text.strip()
    return (text,) if text else ()


def _name(element: Element) -> str:
    name = element.attributes.get("name", "").strip()
    if not 0 < len(name) <= 128 or not name.isprintable():
        raise FailureError("malformedRequest", "an attribute has a name of 1 to 128 characters")
    return name


def _values(element: Element) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.text for value in element.all("value") if value.text))


def read_changes(request: Element, options: PushedSpml) -> list[Change]:
    """The changes of a modifyRequest, in their order. Raises FailureError."""
    modifications = list(request.all("modification"))
    if not modifications:
        raise FailureError("malformedRequest", "modification is missing")
    changes = [change for each in modifications for change in _changes(each, options)]
    if len(changes) > MOST_CHANGES:
        raise FailureError("customError", f"{len(changes)} changes; at most {MOST_CHANGES} in one request")
    return changes


def _changes(modification: Element, options: PushedSpml) -> Iterator[Change]:
    refuse_capabilities(modification)
    data = modification.one("data")
    selected = modification.one("component") or modification.one("select")  # some clients write the other
    if options.profile == "xsd":
        if selected is not None or data is not None:
            yield from _component(modification, selected, data, options)
        return
    if selected is not None:
        raise FailureError("unsupportedSelectionType", "DSML names attributes, not components")
    for change in data.all("modification") if data is not None else ():
        mode = change.attributes.get("operation", "")
        yield Change(_mode(mode), _name(change), _values(change))


def _component(
    modification: Element, selected: Element | None, data: Element | None, options: PushedSpml
) -> Iterator[Change]:
    """A change of the XSD profile: at the object's element, at one of its elements, or at one of these by its text."""
    mode = _mode(modification.attributes.get("modificationMode", ""))
    path = selected.attributes.get("path", "") if selected is not None else options.entity
    found = _PATH.fullmatch(path.strip())
    if found is None or found["entity"] != options.entity:
        raise FailureError(
            "unsupportedSelectionType", f'a path is /{options.entity}/name or /{options.entity}/name[.="text"]'
        )
    name, text = found["name"], found["text"]
    content = tuple(data.children) if data is not None else ()
    whole = bool(content) and all(_is_entity(each, options) for each in content)
    content = tuple(inner for each in content for inner in each.children) if whole else content
    if mode == "delete" and name is not None:
        quote = text[0] if text else ""
        yield Change(mode, name, (text[1:-1].replace(quote * 2, quote),) if text else ())
        return
    if not content or (name is not None and text is None and any(each.name != name for each in content)):
        raise FailureError("malformedRequest", "data holds the elements that the component means")
    if text is not None:
        raise FailureError("unsupportedSelectionType", "one of several values is deleted or added, not replaced")
    named: dict[str, dict[str, None]] = {}
    for each in content:
        named.setdefault(_element_name(each), {}).update(dict.fromkeys(_flat(each)))
    yield from (Change(mode, each, tuple(values)) for each, values in named.items())


def _mode(mode: str) -> str:
    if mode not in _MODES:
        raise FailureError("malformedRequest", f"a modification is one of {', '.join(_MODES)}")
    return mode


def refuse_capabilities(element: Element) -> None:
    """Refuse data of a capability that must be understood; other such data is passed over (section 3.4.1.1)."""
    for data in element.all("capabilityData"):
        if data.attributes.get("mustUnderstand", "").strip() in ("true", "1"):
            uri = plain(data.attributes.get("capabilityURI", ""))[:100]
            raise FailureError("unsupportedOperation", f"no data of the capability {uri!r} is kept")


def apply(held: Mapping[str, Sequence[str]], changes: Sequence[Change]) -> Values:
    """The attributes after changes. What is there is not added again; what is not there need not be deleted."""
    found = {name: tuple(values) for name, values in held.items()}
    for change in changes:
        name = _key(found, change.name)
        before = found.pop(name, ())
        if change.mode == "replace":
            after = change.values
        elif change.mode == "add":
            after = tuple(dict.fromkeys((*before, *change.values)))
        else:
            gone = set(change.values)
            after = tuple(value for value in before if value not in gone) if change.values else ()
        if after:
            found[name] = after
        if len(after) > MOST_VALUES or len(found) > MOST_ATTRIBUTES:
            raise FailureError("customError", f"at most {MOST_ATTRIBUTES} attributes, of {MOST_VALUES} values each")
    return found


def _key(held: Mapping[str, Any], name: str) -> str:
    """The name under which an attribute is kept, if it is, whatever its case."""
    if name in held:
        return name
    folded = name.casefold()
    return next((each for each in held if each.casefold() == folded), name)


def kept(values: Values, options: PushedSpml, *, active: bool, container: str | None) -> dict[str, Any]:
    """An object's content as it is stored and told. Raises FailureError if it cannot be."""
    wanted = {name: some for name, some in values.items() if name.casefold() not in PASSWORDS}
    classes = at(wanted, OBJECT_CLASS)
    if classes and options.entity.casefold() not in [each.casefold() for each in classes]:
        raise FailureError("customError", f"only objects of {options.entity} are kept here")
    if len(wanted) > MOST_ATTRIBUTES or any(len(some) > MOST_VALUES for some in wanted.values()):
        raise FailureError("customError", f"at most {MOST_ATTRIBUTES} attributes, of {MOST_VALUES} values each")
    single = {name.casefold() for name in options.single}
    attributes: dict[str, Any] = {}
    for name, some in wanted.items():
        if name.casefold() in single and len(some) > 1:
            raise FailureError("customError", f"{name} has one value")
        attributes[name] = some[0] if name.casefold() in single else list(some)
    content: dict[str, Any] = {"active": active, "attributes": attributes}
    if container is not None:
        content["container"] = container
    unique = at(wanted, options.unique) if options.unique is not None else ()
    if len(unique) > 1 or any(len(each) > LONGEST_UNIQUE or not each.strip() for each in unique):
        raise FailureError("customError", f"{options.unique} has one value of 1 to {LONGEST_UNIQUE} characters")
    if unique:
        content["userName"] = unique[0]
    size = len(canonical(content))
    if size > LARGEST:
        raise FailureError("customError", f"{size} bytes; an object has at most {LARGEST}")
    return content


def held_values(content: Mapping[str, Any]) -> Values:
    """The attributes of a stored object."""
    attributes: Mapping[str, Any] = content.get("attributes", {})
    return {name: (some,) if isinstance(some, str) else tuple(some) for name, some in attributes.items()}


def at(values: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...]:
    """The values of an attribute, whatever its case."""
    return values.get(_key(values, name), ())


def show_data(content: Mapping[str, Any], options: PushedSpml) -> Element:
    """A stored object's data as its client sees it."""
    values = held_values(content)
    if options.profile == "xsd":
        elements = tuple(Element(options.namespace, name, text=text) for name, some in values.items() for text in some)
        return Element(CORE, "data", children=(Element(options.namespace, options.entity, children=elements),))
    attributes = (
        Element(DSML, "attr", {"name": name}, tuple(Element(DSML, "value", text=text) for text in some))
        for name, some in values.items()
    )
    return Element(CORE, "data", children=tuple(attributes))


def show_object(
    id_: str, content: Mapping[str, Any], options: PushedSpml, returned: str, namespace: str = CORE
) -> Element:
    """An object as it is answered. `returned`: identifier, data or everything."""
    children = [show_id(id_, options)]
    if returned != "identifier":
        children.append(show_data(content, options))
    return Element(namespace, "pso", children=tuple(children))


def show_id(id_: str, options: PushedSpml, namespace: str = CORE) -> Element:
    """The id of an object."""
    return Element(namespace, "psoID", {"ID": id_, "targetID": options.target})


def read_returned(request: Element) -> str:
    """How much of objects is answered. Raises FailureError."""
    returned = request.attributes.get("returnData", "everything")
    if returned not in ("identifier", "data", "everything"):
        raise FailureError("malformedRequest", "returnData is identifier, data or everything")
    return returned
