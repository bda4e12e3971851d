"""`dataclasses.replace` for values that are frozen and have slots, at less than half its cost.

A delivery makes ten such copies: what they cost is a tenth of all that it costs.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

Value = TypeVar("Value")
_Set = Callable[[Any, Any], None]


def changed(value: Value, **changes: Any) -> Value:
    """The same with some fields changed. Raises KeyError for a field that there is not.

    `value`: of a dataclass with slots, all of whose fields are arguments, and without `__post_init__`.
    """
    kind: Any = type(value)
    get, setters, by_name = _layout(kind)
    new: Value = object.__new__(kind)
    for set_, old in zip(setters, get(value), strict=True):
        set_(new, old)
    for name, wanted in changes.items():
        by_name[name](new, wanted)
    return new


@cache
def _layout(kind: Any) -> tuple[Callable[[Any], tuple[Any, ...]], tuple[_Set, ...], Mapping[str, _Set]]:
    names = [each.name for each in fields(kind)]
    by_name = {name: getattr(kind, name).__set__ for name in names}  # a frozen class refuses by its own `__setattr__`
    return attrgetter(*names), tuple(by_name.values()), by_name
