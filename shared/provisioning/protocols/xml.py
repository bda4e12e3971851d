"""XML as far as messages need it: a small tree, read within bounds and without anything clever, and written plainly.

Document types and entities are refused, not resolved: nothing that an SP sends can name a file or grow when it is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from provisioning.core.errors import InvalidError

DEEPEST: Final = 32  # levels
NODES: Final = 20_000  # elements
ATTRIBUTES: Final = 64  # of one element
_BETWEEN: Final = "\x1f"  # between namespace and name: no character of any XML document
_MARKS: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00", b"<\x00")  # how UTF-16 and UTF-32 begin
_RIGHT: Final = "well-formed XML 1.0 in UTF-8 without a document type"
_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Element:
    """One element. Attributes of a namespace are keyed `{namespace}name`; `text` is its own, without its children's."""

    namespace: str
    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple["Element", ...] = ()
    text: str = ""

    def all(self, name: str, *namespaces: str) -> Iterator["Element"]:
        """The children of this local name that are in one of these namespaces, or in any if none is given."""
        return (
            child for child in self.children if child.name == name and (not namespaces or child.namespace in namespaces)
        )

    def one(self, name: str, *namespaces: str) -> "Element | None":
        """The first of them, or None."""
        return next(self.all(name, *namespaces), None)


@dataclass(slots=True)
class _Open:
    """An element that has begun."""

    namespace: str
    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def close(self) -> Element:
        return Element(self.namespace, self.name, self.attributes, tuple(self.children), "".join(self.text))


@dataclass(slots=True)
class _Builder:
    """What the parser's events make."""

    stack: list[_Open]
    nodes: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.nodes += 1
        if len(self.stack) > DEEPEST:
            raise _refused(f"more than {DEEPEST} levels")
        if self.nodes > NODES:
            raise _refused(f"more than {NODES} elements")
        if len(attributes) > ATTRIBUTES:
            raise _refused(f"more than {ATTRIBUTES} attributes of one element")
        namespace, _, name = tag.rpartition(_BETWEEN)
        self.stack.append(_Open(namespace, name, {_key(key): value for key, value in attributes.items()}))

    def end(self, _tag: str) -> None:
        closed = self.stack.pop()
        self.stack[-1].children.append(closed.close())

    def text(self, text: str) -> None:
        self.stack[-1].text.append(text)


def read_xml(content: bytes, most: int) -> Element:
    """The root of a document of at most `most` bytes. Raises InvalidError, which never quotes the document.

    Charset is UTF-8, whatever a header says; a declaration of another is refused, and so are document types,
    entities and processing instructions.
    """
    if len(content) > most:
        raise InvalidError(f"{len(content)} bytes of XML", right=f"at most {most} bytes")
    if content.startswith(_MARKS):
        raise _refused("not UTF-8")
    builder = _Builder([_Open("", "", {})])
    parser = _parser(builder)
    try:
        parser.Parse(content, True)  # noqa: FBT003  the parser's own signature
    except expat.ExpatError as error:
        message = expat.ErrorString(error.code)
        raise InvalidError(f"not XML: {message}", line=error.lineno, column=error.offset + 1, right=_RIGHT) from error
    return builder.stack[0].children[0]


def _parser(builder: _Builder) -> expat.XMLParserType:
    parser = expat.ParserCreate("UTF-8", _BETWEEN)
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.XmlDeclHandler = _declared
    parser.StartDoctypeDeclHandler = _refuse_type
    parser.EntityDeclHandler = _refuse_type
    parser.ExternalEntityRefHandler = _refuse_type
    parser.SkippedEntityHandler = _refuse_type
    parser.ProcessingInstructionHandler = _refuse_instruction
    return parser


def _declared(version: str, encoding: str | None, _standalone: int) -> None:
    if version != "1.0" or (encoding or "UTF-8").upper() not in ("UTF-8", "UTF8", "US-ASCII", "ASCII"):
        raise _refused("not XML 1.0 in UTF-8")


def _refuse_type(*_: object) -> int:
    raise _refused("a document type or an entity")


def _refuse_instruction(*_: object) -> None:
    raise _refused("a processing instruction")


def _refused(what: str) -> InvalidError:
    return InvalidError(f"XML refused: {what}", right=_RIGHT)


def _key(key: str) -> str:
    namespace, _, name = key.rpartition(_BETWEEN)
    return f"{{{namespace}}}{name}" if namespace else name


def is_writable(text: str) -> bool:
    """Whether XML can carry a text."""
    return _UNWRITABLE.search(text) is None


def write_xml(root: Element, prefixes: Mapping[str, str]) -> bytes:
    """The document in UTF-8: the same bytes for the same tree. `prefixes`: by namespace.

    A namespace without a prefix there gets one by its place. All are declared at the root, so elements without a
    namespace stay without. Raises InvalidError for a name that is none and for a character that XML cannot carry.
    """
    known = dict(prefixes)
    used: dict[str, str] = {}
    for element in _walk(root):
        if element.namespace and element.namespace not in used:
            used[element.namespace] = known.setdefault(element.namespace, f"n{len(known)}")
    declared = {f"xmlns:{prefix}": namespace for namespace, prefix in used.items()}
    parts: list[str] = ['<?xml version="1.0" encoding="UTF-8"?>']
    _write(root, used, declared, parts)
    return "".join(parts).encode()


def _write(element: Element, prefixes: Mapping[str, str], declared: Mapping[str, str], parts: list[str]) -> None:
    tag = _named(element.name)
    if element.namespace:
        tag = f"{prefixes[element.namespace]}:{tag}"
    parts.append(f"<{tag}")
    parts += [f' {name}="{_quoted(value)}"' for name, value in declared.items()]
    parts += [f' {_named(name)}="{_quoted(value)}"' for name, value in element.attributes.items()]
    if not element.children and not element.text:
        parts.append("/>")
        return
    parts.append(f">{_escaped(element.text)}")
    for child in element.children:
        _write(child, prefixes, {}, parts)
    parts.append(f"</{tag}>")


def _walk(element: Element) -> Iterator[Element]:
    yield element
    for child in element.children:
        yield from _walk(child)


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidError(f"{name[:40]!r} is no name in XML", right="letters, digits, '-', '_' and '.'")
    return name


def _escaped(text: str) -> str:
    """Text as content; a carriage return would be read as a line feed if it were not spelled out."""
    if not is_writable(text):
        raise InvalidError("a value has a character that XML cannot carry", right="no control characters")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _quoted(text: str) -> str:
    """Text as an attribute's value, whose white space would be made one blank each if it were not spelled out."""
    return _escaped(text).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
