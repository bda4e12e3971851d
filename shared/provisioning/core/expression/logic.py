"""Exact logic: what runs when the plain Python form of an expression has raised. Arguments are functions of nothing.

`&&`, `||`, `all` and `exists` absorb errors: if one side or entry decides, errors of the others do not matter.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from provisioning.core.expression.errors import EvaluationError

# What compiled code may raise beside EvaluationError when data is absent or not of its declared type.
FAULTS: Final = (
    EvaluationError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,
    RecursionError,
    TypeError,
    ValueError,
)

Thunk = Callable[[], Any]


def truth(value: Any) -> bool:
    """A bool where one must be."""
    if value is True or value is False:
        return bool(value)
    raise EvaluationError("neither true nor false")


def both(*sides: Thunk) -> bool:
    """`&&`: false on any side wins over an error on another."""
    return _absorbing(sides, decisive=False)


def either(*sides: Thunk) -> bool:
    """`||`: true on any side wins over an error on another."""
    return _absorbing(sides, decisive=True)


def every(items: Iterable[Any], body: Callable[..., bool]) -> bool:
    """`all`: false for one entry wins over errors for others. `items` are tuples of arguments."""
    return _absorbing((_bound(body, item) for item in items), decisive=False)


def some(items: Iterable[Any], body: Callable[..., bool]) -> bool:
    """`exists`: true for one entry wins over errors for others. `items` are tuples of arguments."""
    return _absorbing((_bound(body, item) for item in items), decisive=True)


def only(count: int) -> bool:
    """`exists_one`, of the count of those that hold."""
    return count == 1


def _bound(body: Callable[..., bool], item: Any) -> Thunk:
    return lambda: body(*item)


def _absorbing(sides: Iterable[Thunk], *, decisive: bool) -> bool:
    error: Exception | None = None
    for side in sides:
        try:
            if truth(side()) is decisive:
                return decisive
        except FAULTS as raised:
            error = error or raised
    if error is not None:
        raise error
    return not decisive
