"""Operators and functions: which types each takes, what it gives, and which code runs. One literal table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provisioning.core.expression.types import (
    BOOL,
    DOUBLE,
    DURATION,
    INT,
    NUMBERS,
    ORDERED,
    STRING,
    TIMESTAMP,
    Type,
    agree,
)

Kinds = tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Overload:
    """`result` gives the type for these arguments, or None; `function` names the code; `words` say what is right."""

    result: Callable[[Kinds], Type | None]
    function: str
    words: str


def _exactly(function: str, *kinds: Type, gives: Type) -> Overload:
    return Overload(
        lambda given: gives if given == kinds else None, function, f"({', '.join(str(kind) for kind in kinds)})"
    )


def _equal(given: Kinds) -> Type | None:
    return BOOL if len(given) == 2 and agree(*given) else None


def _ordered(given: Kinds) -> Type | None:
    return BOOL if len(given) == 2 and agree(*given) and ORDERED.issuperset(given) else None


def _member(given: Kinds) -> Type | None:
    return BOOL if len(given) == 2 and given[1].item is not None and agree(given[0], given[1].item) else None


def _member_double(given: Kinds) -> Type | None:
    return _member(given) if DOUBLE in (given[0], given[-1].item) else None


def _lists(given: Kinds) -> Type | None:
    return given[0] if len(given) == 2 and all(kind.item is not None for kind in given) and agree(*given) else None


def _choice(given: Kinds) -> Type | None:
    if len(given) != 3 or given[0] != BOOL or not agree(given[1], given[2]):
        return None
    return DOUBLE if given[1] != given[2] and NUMBERS.issuperset(given[1:]) else given[1]


def _any_list(given: Kinds) -> Type | None:
    return INT if len(given) == 1 and given[0].item is not None else None


_SAME: Final = "two values of the same type"
_SIZE: Final = (_exactly("len", STRING, gives=INT), Overload(_any_list, "len", "(list)"))
_MATCHES: Final = (_exactly("matches", STRING, STRING, gives=BOOL),)

OPERATORS: Final[Mapping[str, Sequence[Overload]]] = {
    "==": (Overload(_equal, "==", _SAME),),
    "!=": (Overload(_equal, "!=", _SAME),),
    "<": (Overload(_ordered, "<", f"{_SAME} that have an order"),),
    "<=": (Overload(_ordered, "<=", f"{_SAME} that have an order"),),
    ">": (Overload(_ordered, ">", f"{_SAME} that have an order"),),
    ">=": (Overload(_ordered, ">=", f"{_SAME} that have an order"),),
    "in": (
        Overload(_member_double, "contains_double", "a value and a list of its type"),
        Overload(_member, "in", "a value and a list of its type"),
    ),
    "&&": (_exactly("&&", BOOL, BOOL, gives=BOOL),),
    "||": (_exactly("||", BOOL, BOOL, gives=BOOL),),
    "!": (_exactly("!", BOOL, gives=BOOL),),
    "?:": (Overload(_choice, "?:", "a condition and two values of one type"),),
    "neg": (
        _exactly("neg_int", INT, gives=INT),
        _exactly("neg", DOUBLE, gives=DOUBLE),
        _exactly("neg", DURATION, gives=DURATION),
    ),
    "+": (
        _exactly("+int", INT, INT, gives=INT),
        _exactly("+", DOUBLE, DOUBLE, gives=DOUBLE),
        _exactly("+text", STRING, STRING, gives=STRING),
        _exactly("+instant", TIMESTAMP, DURATION, gives=TIMESTAMP),
        _exactly("+instant", DURATION, TIMESTAMP, gives=TIMESTAMP),
        _exactly("+span", DURATION, DURATION, gives=DURATION),
        Overload(_lists, "+", "(list, list)"),
    ),
    "-": (
        _exactly("-int", INT, INT, gives=INT),
        _exactly("-", DOUBLE, DOUBLE, gives=DOUBLE),
        _exactly("-instant", TIMESTAMP, DURATION, gives=TIMESTAMP),
        _exactly("-span", TIMESTAMP, TIMESTAMP, gives=DURATION),
        _exactly("-span", DURATION, DURATION, gives=DURATION),
    ),
    "*": (_exactly("*int", INT, INT, gives=INT), _exactly("*", DOUBLE, DOUBLE, gives=DOUBLE)),
    "/": (_exactly("divide", INT, INT, gives=INT), _exactly("divide_double", DOUBLE, DOUBLE, gives=DOUBLE)),
    "%": (_exactly("remainder", INT, INT, gives=INT),),
}

FUNCTIONS: Final[Mapping[str, Sequence[Overload]]] = {
    "size": _SIZE,
    "matches": _MATCHES,
    "timestamp": (_exactly("timestamp", STRING, gives=TIMESTAMP), _exactly("same", TIMESTAMP, gives=TIMESTAMP)),
    "duration": (_exactly("duration", STRING, gives=DURATION), _exactly("same", DURATION, gives=DURATION)),
    "string": (
        _exactly("same", STRING, gives=STRING),
        _exactly("str", INT, gives=STRING),
        _exactly("text_of_double", DOUBLE, gives=STRING),
        _exactly("text_of_bool", BOOL, gives=STRING),
        _exactly("text_of_timestamp", TIMESTAMP, gives=STRING),
        _exactly("text_of_duration", DURATION, gives=STRING),
    ),
    "int": (
        _exactly("same", INT, gives=INT),
        _exactly("int_of_double", DOUBLE, gives=INT),
        _exactly("int_of_text", STRING, gives=INT),
    ),
    "double": (
        _exactly("same", DOUBLE, gives=DOUBLE),
        _exactly("float", INT, gives=DOUBLE),
        _exactly("double_of_text", STRING, gives=DOUBLE),
    ),
}

METHODS: Final[Mapping[str, Sequence[Overload]]] = {
    "startsWith": (_exactly(".startswith", STRING, STRING, gives=BOOL),),
    "endsWith": (_exactly(".endswith", STRING, STRING, gives=BOOL),),
    "contains": (_exactly("contains", STRING, STRING, gives=BOOL),),
    "matches": _MATCHES,
    "size": _SIZE,
    "lowerAscii": (_exactly("lower_ascii", STRING, gives=STRING),),
    "upperAscii": (_exactly("upper_ascii", STRING, gives=STRING),),
}
