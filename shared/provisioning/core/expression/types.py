"""The types of expressions: `dyn` is decided by the data; everything else is known before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from provisioning.core.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Type:
    """A type by name; `parameters` of a list or map, `attributes` of a record.

    `maximum` is the most entries that a list or map of the data may hold, None for the environment's default. It
    bounds costs and makes no different type.
    """

    name: str
    parameters: tuple["Type", ...] = ()
    attributes: Mapping[str, "Attribute"] = field(default_factory=dict, hash=False)
    maximum: int | None = field(default=None, compare=False)

    @property
    def item(self) -> "Type | None":
        """The type of a list's entries; None for other types."""
        return self.parameters[0] if self.name == "list" else None

    def __str__(self) -> str:
        inner = ", ".join(str(parameter) for parameter in self.parameters)
        return f"{self.name}({inner})" if inner else self.name


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that a record may have. Absent and null are the same: to read it then is an error."""

    type: Type


BOOL: Final = Type("bool")
INT: Final = Type("int")
UINT: Final = Type("uint")
DOUBLE: Final = Type("double")
STRING: Final = Type("string")
BYTES: Final = Type("bytes")
TIMESTAMP: Final = Type("timestamp")
DURATION: Final = Type("duration")
NULL: Final = Type("null_type")
TYPE: Final = Type("type")
DYN: Final = Type("dyn")
UNBOUND: Final = Type("unbound")  # the entry of an empty list: agrees with every type

NUMBERS: Final = frozenset({"int", "uint", "double"})
_SIMPLE: Final = {kind.name: kind for kind in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION, DYN)}
_DEEPEST: Final = 8  # types inside types


def list_of(item: Type, maximum: int | None = None) -> Type:
    """The type of a list; `maximum` is the most entries that the data may hold, None for the default."""
    return Type("list", (item,), maximum=maximum)


def map_of(key: Type, value: Type, maximum: int | None = None) -> Type:
    """The type of a map; `maximum` as for lists."""
    return Type("map", (key, value), maximum=maximum)


def record(attributes: Mapping[str, Type]) -> Type:
    """The type of an object with declared attributes: a dict of JSON-like values."""
    return Type("record", attributes={name: Attribute(kind) for name, kind in attributes.items()})


def article(kind: Type) -> str:
    """A type in a sentence: `an int`, `a string`."""
    return f"{'an' if kind.name in ('int', 'unbound') else 'a'} {kind}"


def parse_type(text: str) -> Type:
    """A type as a tenant writes it: `string`, `list(string)`, `map(string, int)`. Raises InvalidError."""
    return _parse(text, 0)


def _parse(text: str, depth: int) -> Type:
    text = text.strip()
    if text in _SIMPLE:
        return _SIMPLE[text]
    name, bracket, inner = text.partition("(")
    if bracket and inner.endswith(")") and depth < _DEEPEST:
        inner = inner[:-1]
        if name == "list":
            return list_of(_parse(inner, depth + 1))
        key, comma, value = inner.partition(",")
        if name == "map" and comma and key.strip() in ("string", "int", "uint", "bool"):
            return map_of(_SIMPLE[key.strip()], _parse(value, depth + 1))
    raise InvalidError(
        f"{text[:80]!r} is not a type", right=f"{', '.join(_SIMPLE)}, list(…) of one, or map(string, …) to one"
    )


def join(left: Type, right: Type) -> Type | None:
    """The type of both, or None if there is none: `dyn` joins everything, the empty list joins every list."""
    if left == right or right.name == "unbound":
        return left
    if left.name == "unbound":
        return right
    if "dyn" in (left.name, right.name):
        return DYN
    if left.name != right.name or len(left.parameters) != len(right.parameters) or not left.parameters:
        return None
    parameters = [join(one, other) for one, other in zip(left.parameters, right.parameters, strict=True)]
    if None in parameters:
        return None
    maximum = None if None in (left.maximum, right.maximum) else max(left.maximum or 0, right.maximum or 0)
    return Type(left.name, tuple(parameter for parameter in parameters if parameter), maximum=maximum)


def settled(kind: Type) -> Type:
    """A type without open parts: the entries of a list that is always empty are `dyn`."""
    if kind.name == "unbound":
        return DYN
    if not kind.parameters:
        return kind
    return Type(kind.name, tuple(settled(parameter) for parameter in kind.parameters), maximum=kind.maximum)
