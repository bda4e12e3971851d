"""Values of a mapping ↔ the data of a profile: DSML attributes, or the elements of an XML schema (flat)."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from provisioning.core.account import Json
from provisioning.core.catalog import Spml
from provisioning.core.errors import InvalidError
from provisioning.protocols.spml_names import CORE, DSML, DSML_PROFILES, XPATH
from provisioning.protocols.xml import Element

OBJECT_CLASS: Final = "objectclass"
_ATTRIBUTES: Final = (DSML, CORE, *DSML_PROFILES, "")
# DSMLv2's AttributeDescriptionValue without its options; and an element's name without a prefix.
_DSML_NAME: Final = re.compile(r"[0-2](\.[0-9]+)+|[A-Za-z][A-Za-z0-9-]*")
_XSD_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

Texts = tuple[str, ...]


def is_name(options: Spml, name: str) -> bool:
    """Whether an attribute of this profile can have this name."""
    return bool((_DSML_NAME if options.profile == "dsml" else _XSD_NAME).fullmatch(name))


def texts_of(value: Json) -> Texts:
    """A value as the texts that it is sent as: none for nothing. Raises InvalidError for a value with parts."""
    items = value if isinstance(value, list | tuple) else (value,)
    return tuple(_text(item) for item in items if item not in (None, ""))


def texts(values: Mapping[str, Json]) -> dict[str, Texts]:
    """Those of some values that are not empty, as texts. Raises InvalidError for a value with parts."""
    read = {name: texts_of(value) for name, value in values.items()}
    return {name: some for name, some in read.items() if some}


def _text(item: Json) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str | int | float):
        return str(item)
    raise InvalidError("a value with parts", right="a text, a number, a truth value, or a list of those")


def make_data(options: Spml, entity: str, values: Mapping[str, Texts]) -> Element:
    """The data of an object of this entity that has these values."""
    if options.profile == "xsd":
        content = Element(options.namespace, entity, children=tuple(_elements(options, values)))
        return Element(CORE, "data", children=(content,))
    named = {OBJECT_CLASS: (entity,), **values}
    return Element(CORE, "data", children=tuple(_named("attr", name, some) for name, some in named.items()))


def modifications(options: Spml, before: Mapping[str, Texts], wanted: Mapping[str, Texts]) -> list[Element]:
    """The smallest modification from some values to others: one change for each attribute that differs."""
    changed = {name: some for name, some in wanted.items() if not same(before.get(name, ()), some)}
    gone = [name for name in before if name not in wanted]
    if options.profile == "dsml":
        changes = [_change(name, "replace", some) for name, some in changed.items()]
        return _dsml([*changes, *(_change(name, "delete", ()) for name in gone)])
    made = [
        _component("replace", options, name, _elements(options, {name: some}))
        if name in before
        else _component("add", options, "", _elements(options, {name: some}))
        for name, some in changed.items()
    ]
    return made + [_component("delete", options, name, ()) for name in gone]


def value_change(options: Spml, name: str, mode: str, text: str) -> list[Element]:
    """One value of an attribute of several added or deleted; the others stay."""
    if options.profile == "dsml":
        return _dsml([_change(name, mode, (text,))])
    if mode == "add":
        return [_component(mode, options, "", _elements(options, {name: (text,)}))]
    return [_component(mode, options, f"{name}[.={_literal(text)}]", ())]


def equals(options: Spml, name: str, text: str, *, group: bool = False) -> Element:
    """The clause of a query that selects accounts, or groups, by one value.

    DSML accounts by the value alone: were their object class asked for too, a target that spells it otherwise would
    show nothing, which would look like proof that there is no account.
    """
    entity = options.group_entity if group else options.entity
    if options.profile == "xsd":
        prefix = "p:" if options.namespace else ""
        path = f"/{prefix}{entity}[{prefix}{name}={_literal(text)}]"
        return Element(CORE, "select", _at(path), _prefixes(options))
    assertion = _assertion(name, text)
    if group:
        assertion = Element(DSML, "and", children=(_assertion(OBJECT_CLASS, entity), assertion))
    return Element(DSML, "filter", children=(assertion,))


def shown_values(options: Spml, data: Element | None) -> dict[str, Texts]:
    """What an object's data shows, by name in lower case. Of the same name in other spellings the values are joined."""
    found: dict[str, Texts] = {}
    for name, some in _shown(options, data):
        found[name.casefold()] = found.get(name.casefold(), ()) + tuple(text for text in some if text)
    return found


def at(shown: Mapping[str, Texts], name: str) -> Texts:
    """What is shown of one attribute; names have no case."""
    return shown.get(name.casefold(), ())


def same(one: Texts, other: Texts) -> bool:
    """Whether both are the same values in any order."""
    return Counter(one) == Counter(other)


def _shown(options: Spml, data: Element | None) -> Iterator[tuple[str, Texts]]:
    if data is None:
        return
    if options.profile == "xsd":
        for element in data.children[0].children if data.children else ():
            yield element.name, (element.text.strip(),)
        return
    for attribute in data.all("attr", *_ATTRIBUTES):
        yield attribute.attributes.get("name", ""), tuple(value.text for value in attribute.all("value", *_ATTRIBUTES))


def _named(element: str, name: str, some: Texts, attributes: Mapping[str, str] | None = None) -> Element:
    values = tuple(Element(DSML, "value", text=text) for text in some)
    return Element(DSML, element, {"name": name, **(attributes or {})}, values)


def _change(name: str, operation: str, some: Texts) -> Element:
    return _named("modification", name, some, {"operation": operation})


def _dsml(changes: list[Element]) -> list[Element]:
    if not changes:
        return []
    return [Element(CORE, "modification", children=(Element(CORE, "data", children=tuple(changes)),))]


def _assertion(name: str, text: str) -> Element:
    return _named("equalityMatch", name, (text,))


def _elements(options: Spml, values: Mapping[str, Texts]) -> Iterator[Element]:
    return (Element(options.namespace, name, text=text) for name, some in values.items() for text in some)


def _component(mode: str, options: Spml, name: str, content: Iterable[Element]) -> Element:
    """One modification of the XSD profile. To add, the component is the parent; else the elements themselves."""
    prefix = "p:" if options.namespace else ""
    path = f"/{prefix}{options.entity}" + (f"/{prefix}{name}" if name else "")
    component = Element(CORE, "component", _at(path), _prefixes(options))
    data = tuple(content)
    children = (component, Element(CORE, "data", children=data)) if data else (component,)
    return Element(CORE, "modification", {"modificationMode": mode}, children)


def _at(path: str) -> dict[str, str]:
    return {"path": path, "namespaceURI": XPATH}


def _prefixes(options: Spml) -> tuple[Element, ...]:
    if not options.namespace:
        return ()
    return (Element(CORE, "namespacePrefixMap", {"prefix": "p", "namespace": options.namespace}),)


def _literal(text: str) -> str:
    """A text in XPath 2.0, where a quotation mark is doubled."""
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
