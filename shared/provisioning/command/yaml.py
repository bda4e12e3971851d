"""YAML with places: plain values, and for every one of them the line and column where it stands.

Only what JSON has: dates and `yes` stay text, so that a rule's `from: 2026-09-01` is what was written. Aliases are
refused (a small file can expand to gigabytes), and so are repeated keys.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from provisioning.core.errors import InvalidError

LARGEST: Final = 1 << 20  # bytes of one file
DEEPEST: Final = 20
LONGEST_NUMBER: Final = 40  # digits
_TAG: Final = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """Resolves true, false, null and numbers; everything else is text."""

    yaml_implicit_resolvers = {  # noqa: RUF012  a class attribute of the base class
        first: [
            (tag, pattern)
            for tag, pattern in resolvers
            # yes, no, on and off are words
            if tag in {f"{_TAG}int", f"{_TAG}float", f"{_TAG}null"} or (tag == f"{_TAG}bool" and first in "tTfF")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value begins. `block`: its text begins on the next line."""

    line: int
    column: int
    block: bool = False


@dataclass
class Document:
    """A file's value and its places by path: `("who",)`, `("account", "userName")`, `(3, "who")`."""

    file: Path
    value: Any
    lines: tuple[str, ...]
    places: dict[tuple[str | int, ...], Place] = field(default_factory=dict)

    def locate(self, path: tuple[str | int, ...], line: int = 1, column: int = 1) -> tuple[int, int]:
        """Line and column in the file of a position inside the value at `path`, or of its nearest parent."""
        while path and path not in self.places:
            path, line, column = path[:-1], 1, 1
        place = self.places.get(path, Place(1, 1))
        if place.block:
            text = self.lines[place.line - 1 + line] if place.line - 1 + line < len(self.lines) else ""
            return place.line + line, len(text) - len(text.lstrip()) + column
        return place.line, place.column + column - 1 if line == 1 else place.column

    def follow(self, base: tuple[str | int, ...], names: Iterable[str | int]) -> tuple[str | int, ...]:
        """The path from `base` by names of which some may stand nowhere, such as that of a form among several."""
        path = base
        for name in names:
            number = int(name) if isinstance(name, str) and name.isdecimal() else name
            path = next((longer for longer in ((*path, name), (*path, number)) if longer in self.places), path)
        return path


def read_yaml(file: Path) -> Document:
    """Read one file. Raises InvalidError with file, line and column."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InvalidError(f"cannot be read: {error.strerror}", str(file)) from error
    if len(raw) > LARGEST:
        raise InvalidError(f"{len(raw)} bytes", str(file), right=f"at most {LARGEST} bytes")
    try:
        text = raw.decode()
        events = list(yaml.parse(text, Loader=_Loader))
        _refuse_aliases(events, file)
        node = yaml.compose(text, Loader=_Loader)
    except UnicodeDecodeError as error:
        raise InvalidError("not UTF-8", str(file), right="text in UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise InvalidError(f"not YAML: {error.problem}", str(file), line, column) from error
    except yaml.YAMLError as error:
        raise InvalidError(f"not YAML: {error}", str(file)) from error
    document = Document(file, None, tuple(text.splitlines()))
    document.value = _value(node, (), document) if node is not None else None
    return document


def _refuse_aliases(events: list[yaml.Event], file: Path) -> None:
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > DEEPEST:
            problem = "an alias" if isinstance(event, yaml.AliasEvent) else f"more than {DEEPEST} levels"
            line, column = (event.start_mark.line + 1, event.start_mark.column + 1) if event.start_mark else (0, 0)
            raise InvalidError(problem, str(file), line, column, "plain values, written out")


def _value(node: yaml.Node, path: tuple[str | int, ...], document: Document) -> Any:
    mark = node.start_mark
    block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
    document.places[path] = Place(mark.line + 1, mark.column + 1 + quoted, block)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, number), document) for number, item in enumerate(node.value)]
    return _scalar(node, document.file)


def _refused(node: yaml.Node, file: Path, problem: str, right: str) -> InvalidError:
    return InvalidError(problem, str(file), node.start_mark.line + 1, node.start_mark.column + 1, right)


def _mapping(node: yaml.MappingNode, path: tuple[str | int, ...], document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _refused(key_node, document.file, "the name of a field is a list or an object", "a plain word")
        key = _text(key_node, document.file)
        if key in result:
            raise _refused(key_node, document.file, f"{key!r} stands twice", "one of them")
        result[key] = _value(value_node, (*path, key), document)
    return result


def _text(node: yaml.Node, file: Path) -> str:
    text = str(node.value)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _refused(node, file, "half a surrogate pair", "Unicode text")
    return text


def _scalar(node: yaml.Node, file: Path) -> Any:
    text = _text(node, file)
    match node.tag[len(_TAG) :]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" if text.lstrip("+-").isdecimal():
            if len(text) > LONGEST_NUMBER:
                raise _refused(node, file, f"a number of {len(text)} digits", f"at most {LONGEST_NUMBER}")
            return int(text)
        case "float":
            return _float(node, text, file)
        case _:
            return text


def _float(node: yaml.Node, text: str, file: Path) -> float | str:
    try:
        value = float(text)
    except ValueError:  # what only YAML takes for a number, such as .inf and 190:20:30.15
        return text
    if math.isinf(value):
        raise _refused(node, file, f"{text[:40]} is beyond the largest number", "a number that JSON can say")
    return value
