"""Operators by the types that they take. One literal table."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from provisioning.core.expression import arithmetic, times
from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.overloads import Overload, Types, comparable, same_scalar
from provisioning.core.expression.texts import concatenate
from provisioning.core.expression.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NUMBERS,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    join,
    list_of,
    map_of,
    settled,
)
from provisioning.core.expression.values import equals, has_key, kind_of, lookup, member

LIST: Final = list_of(DYN)
MAP: Final = map_of(DYN, DYN)
_PLAIN_KEYS: Final = frozenset({"string", "int", "uint"})


def item(items: Sequence[Any], position: Any) -> Any:
    """An entry of a list, from 0. Raises EvaluationError beyond its ends."""
    kind = kind_of(position)
    if kind not in NUMBERS or (kind == "double" and position != int(position)):
        raise EvaluationError(f"a {kind} is no position in a list")
    if not 0 <= position < len(items):
        raise EvaluationError(f"position {position} of a list of {len(items)}")
    return items[int(position)]


def unequal(left: Any, right: Any) -> bool:
    """`!=`."""
    return not equals(left, right)


def appended(left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
    """`+` of lists."""
    return [*left, *right]


def _unless(test: Callable[[Types], bool], result: Type) -> Callable[[Types], Type | None]:
    return lambda given: result if test(given) else None


def _plain_member(given: Types) -> Type | None:
    kind = given[1].parameters[0] if given[1].parameters else DYN
    return BOOL if same_scalar((given[0], kind)) and kind.name != "double" else None


def _list_member(given: Types) -> Type | None:
    return BOOL if comparable(given[0], given[1].parameters[0]) else None


def _plain_key(given: Types) -> Type | None:
    return BOOL if given[1].name == "map" and _plainly_keyed(given[1], given[0]) else None


def _plainly_keyed(entries: Type, key: Type) -> bool:
    return entries.parameters[0] == key and key.name in _PLAIN_KEYS


def _map_key(given: Types) -> Type | None:
    if given[1].name == "record":
        return None  # `has` asks for an attribute
    keys = given[1].parameters[0]
    return BOOL if comparable(given[0], keys) or NUMBERS.issuperset((given[0].name, keys.name)) else None


def _entry(given: Types) -> Type | None:
    return settled(given[0].parameters[0]) if given[1].name in ("int", "dyn") else None


def _plain_value(given: Types) -> Type | None:
    return given[0].parameters[1] if given[0].name == "map" and _plainly_keyed(given[0], given[1]) else None


def _value(given: Types) -> Type | None:
    if given[0].name == "record" or _map_key((given[1], given[0])) is None:
        return None
    return settled(given[0].parameters[1])


def _numbers(given: Types) -> bool:
    return given[0] != given[1] and all(kind.name in ("int", "uint", "double", "dyn") for kind in given)


def _order(sign: str, run: Callable[[Any, Any], bool]) -> tuple[Overload, ...]:
    plain = (BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION)
    return (
        *(Overload((kind, kind), BOOL, _ORDER[sign], sign) for kind in plain),
        Overload((DYN, DYN), BOOL, run, rule=_unless(_ordered, BOOL)),
    )


def _ordered(given: Types) -> bool:
    return _numbers(given) or any(
        one.name == "dyn" and other.name not in ("list", "map", "record", "null_type", "type")
        for one, other in (given, given[::-1])
    )


_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def _checked(function: Callable[..., Any], check: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *values: check(function(*values))


def _both(kind: Type, run: Callable[..., Any], inline: str = "") -> Overload:
    return Overload((kind, kind), kind, run, inline)


OPERATORS: Final[Mapping[str, tuple[Overload, ...]]] = {
    "==": (
        Overload((DYN, DYN), BOOL, equals, "==", _unless(same_scalar, BOOL)),
        Overload((DYN, DYN), BOOL, equals, rule=_unless(lambda given: comparable(*given), BOOL)),
    ),
    "!=": (
        Overload((DYN, DYN), BOOL, unequal, "!=", _unless(same_scalar, BOOL)),
        Overload((DYN, DYN), BOOL, unequal, rule=_unless(lambda given: comparable(*given), BOOL)),
    ),
    "<": _order("<", arithmetic.less),
    "<=": _order("<=", arithmetic.less_or_equal),
    ">": _order(">", arithmetic.greater),
    ">=": _order(">=", arithmetic.greater_or_equal),
    "in": (
        Overload((DYN, LIST), BOOL, member, "in", _plain_member),
        Overload((DYN, LIST), BOOL, member, rule=_list_member),
        Overload((DYN, MAP), BOOL, lambda key, entries: has_key(entries, key), "in", _plain_key),
        Overload((DYN, MAP), BOOL, lambda key, entries: has_key(entries, key), rule=_map_key),
    ),
    "[]": (
        Overload((LIST, DYN), DYN, item, rule=_entry),
        Overload((MAP, DYN), DYN, lookup, "[]", _plain_value),
        Overload((MAP, DYN), DYN, lookup, rule=_value),
    ),
    "!": (Overload((BOOL,), BOOL, operator.not_, "!"),),
    "-_": (
        Overload((INT,), INT, _checked(operator.neg, arithmetic.whole), "-_ whole"),
        Overload((DOUBLE,), DOUBLE, operator.neg, "-_"),
    ),
    "+": (
        _both(INT, _checked(operator.add, arithmetic.whole), "+ whole"),
        _both(UINT, _checked(operator.add, arithmetic.unsigned), "+ unsigned"),
        _both(DOUBLE, operator.add, "+"),
        _both(STRING, concatenate),
        _both(BYTES, concatenate),
        Overload((LIST, LIST), LIST, appended, rule=lambda given: join(*given)),
        Overload((TIMESTAMP, DURATION), TIMESTAMP, _checked(operator.add, times.instant), "+ instant"),
        Overload((DURATION, TIMESTAMP), TIMESTAMP, _checked(operator.add, times.instant), "+ instant"),
        _both(DURATION, _checked(operator.add, times.span), "+ span"),
    ),
    "-": (
        _both(INT, _checked(operator.sub, arithmetic.whole), "- whole"),
        _both(UINT, _checked(operator.sub, arithmetic.unsigned), "- unsigned"),
        _both(DOUBLE, operator.sub, "-"),
        Overload((TIMESTAMP, DURATION), TIMESTAMP, _checked(operator.sub, times.instant), "- instant"),
        Overload((TIMESTAMP, TIMESTAMP), DURATION, _checked(operator.sub, times.between), "- between"),
        _both(DURATION, _checked(operator.sub, times.span), "- span"),
    ),
    "*": (
        _both(INT, _checked(operator.mul, arithmetic.whole), "* whole"),
        _both(UINT, _checked(operator.mul, arithmetic.unsigned), "* unsigned"),
        _both(DOUBLE, operator.mul, "*"),
    ),
    "/": (
        _both(INT, arithmetic.quotient),
        _both(UINT, arithmetic.quotient_unsigned),
        _both(DOUBLE, arithmetic.ratio),
    ),
    "%": (
        _both(INT, arithmetic.remainder),
        _both(UINT, arithmetic.remainder_unsigned),
    ),
}  # fmt: skip
