"""Values while an expression runs, and how data comes in and goes out.

bool, string, bytes, double, list, map and null are Python's own. Numbers without sign, timestamps and durations are
whole numbers of a class of their own, so that they can be told apart and still compare at the speed of int.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.expression.errors import EvaluationError

Value = Any  # bool, int, float, str, bytes, None, list, dict; inside also the classes below


class UInt(int):
    """0 to 2^64-1."""

    __slots__ = ()


class Timestamp(int):
    """Nanoseconds since 1970-01-01T00:00:00Z, in the years 1 to 9999."""

    __slots__ = ()


class Duration(int):
    """Nanoseconds, at most 315,576,000,000 s to either side."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TypeValue:
    """What `type(x)` gives."""

    name: str


_KINDS: Final[Mapping[type, str]] = {
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    list: "list",
    tuple: "list",
    dict: "map",
    Timestamp: "timestamp",
    Duration: "duration",
    TypeValue: "type",
}
_NUMBERS: Final = frozenset({int, UInt, float})
_TYPE_NAMES: Final = {"timestamp": "google.protobuf.Timestamp", "duration": "google.protobuf.Duration"}
TYPES: Final[Mapping[str, TypeValue]] = {
    _TYPE_NAMES.get(name, name): TypeValue(_TYPE_NAMES.get(name, name)) for name in _KINDS.values()
}


def kind_of(value: Value) -> str:
    """The name of a value's type. Raises EvaluationError for what is no value of the language."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, Mapping):
        return "map"
    if isinstance(value, Sequence):
        return "list"
    raise EvaluationError(f"the data holds a {type(value).__name__}, which expressions do not know")


def type_of(value: Value) -> TypeValue:
    """`type(x)`."""
    kind = kind_of(value)
    return TYPES[_TYPE_NAMES.get(kind, kind)]


def equals(left: Value, right: Value) -> bool:
    """Equality across types: numbers by value, lists and maps by their entries, all else only within one type."""
    one, other = type(left), type(right)
    if one in _NUMBERS and other in _NUMBERS:
        # Beside a double all numbers are doubles, as for `<`: of two numbers exactly one of <, == and > holds.
        return float(left) == float(right) if float in (one, other) else bool(left == right)
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    if kind == "list":
        return len(left) == len(right) and all(map(equals, left, right))
    if kind == "map":
        return len(left) == len(right) and all(
            has_key(right, key) and equals(value, lookup(right, key)) for key, value in left.items()
        )
    return bool(left == right)


def has_key(entries: Mapping[Value, Value], key: Value) -> bool:
    """Whether a map has a key. 1, 1u and 1.0 are one key; `true` is another, though Python takes it for 1."""
    kind = type(key)
    if kind is str:
        return key in entries
    if kind in _NUMBERS:
        return key in entries and any(found == key and found.__class__ is not bool for found in entries)
    return kind is bool and key in entries and any(found is key for found in entries)


def lookup(entries: Mapping[Value, Value], key: Value) -> Value:
    """The entry of a map. Raises EvaluationError if there is none."""
    if has_key(entries, key):
        return entries[key]
    raise EvaluationError("the map has no such key")


def make_map(*pairs: tuple[Value, Value]) -> dict[Value, Value]:
    """A map of these entries. Raises EvaluationError for two equal keys, or a key of another type."""
    made: dict[Value, Value] = {}
    for key, value in pairs:
        if kind_of(key) not in ("bool", "int", "uint", "string"):
            raise EvaluationError(f"a {kind_of(key)} cannot be the key of a map")
        if key in made:
            # Two keys that are different here and equal in Python, such as true and 1, cannot stand in one dict.
            raise EvaluationError("the map has a key twice")
        made[key] = value
    return made


def member(value: Value, items: Iterable[Value]) -> bool:
    """`in` for lists, by the equality above; Python's own takes the same NaN for equal."""
    return any(equals(value, item) for item in items)


def native(value: Value) -> Value:
    """What leaves an expression: plain values. Timestamps and durations are text as in JSON, types their names."""
    kind = kind_of(value)
    if kind == "list":
        return [native(item) for item in value]
    if kind == "map":
        return {native(key): native(item) for key, item in value.items()}
    convert = _OUT.get(kind)
    return value if convert is None else convert(value)


def _timestamp_text(value: Timestamp) -> str:
    from provisioning.core.expression.times import timestamp_text  # which needs the classes above

    return timestamp_text(value)


def _duration_text(value: Duration) -> str:
    from provisioning.core.expression.times import duration_text  # which needs the classes above

    return duration_text(value)


_OUT: Final[Mapping[str, Callable[[Any], Value]]] = {
    "uint": int,
    "timestamp": _timestamp_text,
    "duration": _duration_text,
    "type": lambda value: value.name,
}
