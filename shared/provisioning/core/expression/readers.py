"""How data of a declared type becomes a value: most is one already, some is text or a plain number in JSON."""

import base64
from collections.abc import Callable
from typing import Any

from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.times import duration, timestamp
from provisioning.core.expression.types import Type
from provisioning.core.expression.values import Duration, Timestamp, UInt

Reader = Callable[[Any], Any]


def reader(kind: Type) -> Reader | None:
    """What makes a value of this type of JSON's; None if nothing has to be done, as for strings.

    Timestamps are RFC 3339 and durations `1h30m` or `5400s`, bytes base64. Attributes of records are read when they
    are asked for, so a record is itself.
    """
    if kind.name == "list":
        entry = reader(kind.parameters[0])
        return None if entry is None else _each(entry)
    if kind.name == "map":
        entry = reader(kind.parameters[1])
        return None if entry is None else _each_value(entry)
    return {"timestamp": _timestamp, "duration": _duration, "uint": _uint, "double": _double, "bytes": _bytes}.get(
        kind.name
    )


def _each(entry: Reader) -> Reader:
    return lambda value: [entry(item) for item in value]


def _each_value(entry: Reader) -> Reader:
    return lambda value: {key: entry(item) for key, item in value.items()}


def _timestamp(value: Any) -> Any:
    return timestamp(value) if isinstance(value, str) else _expected(value, Timestamp)


def _duration(value: Any) -> Any:
    return duration(value) if isinstance(value, str) else _expected(value, Duration)


def _bytes(value: Any) -> Any:
    return base64.b64decode(value, validate=True) if isinstance(value, str) else _expected(value, bytes)


def _uint(value: Any) -> Any:
    if type(value) is int and 0 <= value < 1 << 64:
        return UInt(value)
    return _expected(value, UInt)


def _double(value: Any) -> Any:
    return float(value) if type(value) is int else _expected(value, float)


def _expected(value: Any, kind: type) -> Any:
    if isinstance(value, kind):
        return value
    raise EvaluationError(f"the data holds a {type(value).__name__} where a {kind.__name__.lower()} is declared")
