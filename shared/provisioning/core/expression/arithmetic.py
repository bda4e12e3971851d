"""Numbers of 64 bits and IEEE doubles: operators and conversions where Python's own differ. Every fault is raised."""

import math
import re
from typing import Any, Final

from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.values import UInt, kind_of

_LARGEST: Final = 1 << 63
_LARGEST_UNSIGNED: Final = 1 << 64
_TRUE: Final = frozenset({"1", "t", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "false", "FALSE", "False"})
_NUMBERS: Final = frozenset({"int", "uint", "double"})


def whole(value: int) -> int:
    """An int of 64 bits."""
    if -_LARGEST <= value < _LARGEST:
        return value
    raise EvaluationError("the number overflows 64 bits")


def unsigned(value: int) -> UInt:
    """A number of 64 bits without sign."""
    if 0 <= value < _LARGEST_UNSIGNED:
        return UInt(value)
    raise EvaluationError("the number overflows 64 bits without sign")


def quotient(left: int, right: int) -> int:
    """Division that truncates towards zero."""
    if right == 0:
        raise EvaluationError("division by zero")
    result = abs(left) // abs(right)
    return whole(result if (left < 0) == (right < 0) else -result)


def remainder(left: int, right: int) -> int:
    """What division leaves, with the sign of the left side."""
    return left - quotient(left, right) * right


def quotient_unsigned(left: int, right: int) -> UInt:
    """Division of numbers without sign, rounded down."""
    if right == 0:
        raise EvaluationError("division by zero")
    return UInt(left // right)


def remainder_unsigned(left: int, right: int) -> UInt:
    """What division of numbers without sign leaves."""
    if right == 0:
        raise EvaluationError("division by zero")
    return UInt(left % right)


def ratio(left: float, right: float) -> float:
    """IEEE 754 division: by zero it is infinite, or not a number."""
    if right:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def compare(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None beside NaN. Numbers of any types have an order, others only within their type."""
    one, other = kind_of(left), kind_of(right)
    if one != other:
        if one not in _NUMBERS or other not in _NUMBERS:
            raise EvaluationError(f"a {one} and a {other} have no order")
        if "double" in (one, other):
            left, right = float(left), float(right)
    elif one in ("list", "map", "null_type", "type"):
        raise EvaluationError(f"{one} values have no order")
    if left == right:
        return 0
    return -1 if left < right else 1 if left > right else None


def less(left: Any, right: Any) -> bool:
    """`<` of values whose types are known when it runs."""
    return compare(left, right) == -1


def less_or_equal(left: Any, right: Any) -> bool:
    """`<=` of values whose types are known when it runs."""
    return compare(left, right) in (-1, 0)


def greater(left: Any, right: Any) -> bool:
    """`>` of values whose types are known when it runs."""
    return compare(left, right) == 1


def greater_or_equal(left: Any, right: Any) -> bool:
    """`>=` of values whose types are known when it runs."""
    return compare(left, right) in (0, 1)


def int_of_text(text: str) -> int:
    """A decimal number."""
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text):
        raise EvaluationError("not a whole number")
    return whole(int(text))


def uint_of_text(text: str) -> UInt:
    """A decimal number without a minus."""
    if not re.fullmatch(r"\+?[0-9]{1,30}", text):
        raise EvaluationError("not a whole number without sign")
    return unsigned(int(text))


def int_of_double(value: float) -> int:
    """Truncates towards zero."""
    if -_LARGEST < value < _LARGEST:
        return int(value)
    raise EvaluationError("the number does not fit 64 bits")


def uint_of_double(value: float) -> UInt:
    """Truncates towards zero."""
    if 0 <= value < _LARGEST_UNSIGNED:
        return UInt(int(value))
    raise EvaluationError("the number does not fit 64 bits without sign")


def double_of_text(text: str) -> float:
    """A decimal number, or a word for infinity or not-a-number."""
    if len(text) <= 400 and re.fullmatch(
        r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?|(?i:inf(?:inity)?|nan))", text
    ):
        return float(text)
    raise EvaluationError("not a number")


def bool_of_text(text: str) -> bool:
    """`true`, `t` or `1`, `false`, `f` or `0`."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise EvaluationError("neither true nor false")


def text_of_double(value: float) -> str:
    """The shortest text that is read as the same number; with an exponent from 1e+06 on and below 1e-04."""
    if math.isinf(value) or math.isnan(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    shortest = repr(float(value))
    digits = shortest.partition("e")[0].strip("-").replace(".", "").strip("0") or "0"
    scientific = f"{value:.{len(digits) - 1}e}"  # as many digits as the shortest form has
    if -4 <= int(scientific.rpartition("e")[2]) < 6:
        return f"{value:.{max(len(digits), 6)}g}"
    return scientific
