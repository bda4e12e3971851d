"""The types of expressions. Every expression has one before it runs; nothing is decided by the data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from provisioning.core.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Type:
    """A type by name; `item` of a list, `fields` of a record."""

    name: str
    item: "Type | None" = None
    fields: Mapping[str, "Type"] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.name}({self.item})" if self.item is not None else self.name


BOOL: Final = Type("bool")
INT: Final = Type("int")
DOUBLE: Final = Type("double")
STRING: Final = Type("string")
TIMESTAMP: Final = Type("timestamp")
DURATION: Final = Type("duration")
NULL: Final = Type("null")
ANY: Final = Type("any")  # the item of an empty list: agrees with every type

NUMBERS: Final = frozenset({INT, DOUBLE})
ORDERED: Final = frozenset({INT, DOUBLE, STRING, BOOL, TIMESTAMP, DURATION})
_SIMPLE: Final = {kind.name: kind for kind in (BOOL, INT, DOUBLE, STRING, TIMESTAMP, DURATION)}
_LIST: Final = re.compile(r"list\((.+)\)")


def list_of(item: Type) -> Type:
    """The type of a list."""
    return Type("list", item)


def record(attributes: Mapping[str, Type]) -> Type:
    """The type of an object with declared attributes."""
    return Type("record", fields=dict(attributes))


def parse_type(text: str) -> Type:
    """A type as a tenant writes it: `string`, `list(string)`. Raises InvalidError."""
    if text in _SIMPLE:
        return _SIMPLE[text]
    inner = _LIST.fullmatch(text)
    if inner is not None:
        return list_of(parse_type(inner[1]))
    raise InvalidError(f"{text!r} is not a type", right=f"{', '.join(_SIMPLE)}, or list(…) of one")


def agree(left: Type, right: Type) -> bool:
    """Whether values of both types may stand in one list, or be compared as equal."""
    if ANY in (left, right) or left == right:
        return True
    if left in NUMBERS and right in NUMBERS:
        return True
    if left.item is not None and right.item is not None:
        return agree(left.item, right.item)
    return False
