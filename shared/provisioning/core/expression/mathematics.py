"""The functions of `math.`: extremes, rounding, signs and bits."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from provisioning.core.expression.arithmetic import compare, whole
from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.values import UInt, kind_of

_BITS: Final = 64
_MASK: Final = (1 << _BITS) - 1


def greatest(*values: Any) -> Any:
    """The largest of numbers; the first of equal ones."""
    return _extreme(values, 1)


def least(*values: Any) -> Any:
    """The smallest of numbers; the first of equal ones."""
    return _extreme(values, -1)


def greatest_of(values: Sequence[Any]) -> Any:
    """The largest number of a list."""
    return _extreme(values, 1)


def least_of(values: Sequence[Any]) -> Any:
    """The smallest number of a list."""
    return _extreme(values, -1)


def _extreme(values: Sequence[Any], wanted: int) -> Any:
    if not values:
        raise EvaluationError("an extreme of nothing")
    for value in values:
        if kind_of(value) not in ("int", "uint", "double"):
            raise EvaluationError(f"an extreme of a {kind_of(value)}")
    best = values[0]
    for value in values[1:]:
        if compare(value, best) == wanted:
            best = value
    return best


def _finite(function: Callable[[float], int]) -> Callable[[float], float]:
    """Rounding that keeps what is infinite or not a number."""
    return lambda value: math.copysign(float(function(value)), value) if math.isfinite(value) else value


ceil: Final = _finite(math.ceil)
floor: Final = _finite(math.floor)
trunc: Final = _finite(math.trunc)
nearest: Final = _finite(lambda value: math.floor(abs(value)) + (abs(value) % 1 >= 0.5))  # halves away from zero


def magnitude(value: int) -> int:
    """The absolute value of an int. Raises EvaluationError for the smallest, which has none."""
    return whole(abs(value))


def sign(value: int) -> int:
    """-1, 0 or 1."""
    return (value > 0) - (value < 0)


def sign_of_double(value: float) -> float:
    """-1.0, 0.0, 1.0 or not a number."""
    return value if math.isnan(value) else float((value > 0) - (value < 0))


def square_root(value: float) -> float:
    """Not a number below zero."""
    return math.sqrt(value) if value >= 0 else math.nan


def shift_left(value: int, count: int) -> int:
    """The bits moved up; those beyond 64 are lost."""
    bits = (value & _MASK) << _counted(count) & _MASK
    return bits - (1 << _BITS) if bits >> (_BITS - 1) else bits


def shift_right(value: int, count: int) -> int:
    """The bits moved down, with zeros from above."""
    bits = (value & _MASK) >> _counted(count)
    return bits - (1 << _BITS) if bits >> (_BITS - 1) else bits


def shift_left_unsigned(value: int, count: int) -> UInt:
    """The bits moved up; those beyond 64 are lost."""
    return UInt(value << _counted(count) & _MASK)


def shift_right_unsigned(value: int, count: int) -> UInt:
    """The bits moved down."""
    return UInt(value >> _counted(count))


def inverted(value: int) -> UInt:
    """All bits the other way."""
    return UInt(value ^ _MASK)


def _counted(count: int) -> int:
    if count < 0:
        raise EvaluationError(f"bits moved by {count}")
    return min(count, _BITS)
