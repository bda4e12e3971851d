"""Frozen values made, and copied, as quickly as others.

`dataclass(frozen=True)` sets each field of a new value by a call, past its own ban. A delivery makes some thirty values
of seven fields: that was a tenth of its cost. Here a value is of a class that is not frozen until its fields are set.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields, make_dataclass
from functools import cache
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=type)


def quick(kind: Kind) -> Kind:
    """Decorate a dataclass that is frozen, has slots, fields that are all arguments, and no `__post_init__`."""
    names: dict[str, Any] = {"_begin": object.__setattr__, "_missing": MISSING}
    arguments, lines = ["self"], ['_begin(self, "__class__", _draft)']
    for each in fields(kind):
        argument, value = _written(each, names)
        arguments.append(argument)
        lines.append(f"self.{each.name} = {value}")
    lines.append("self.__class__ = _kind")  # frozen from here on: nobody has seen it before
    kind.__init__ = _function(kind, "__init__", arguments, lines, names)  # type: ignore[misc]
    return kind


@cache
def copier_of(kind: type) -> Callable[..., Any]:
    """A function that copies a value of such a dataclass. Its other arguments are the fields that are changed."""
    arguments, lines = ["_value", "*"], ["_made = _new(_draft)"]
    for each in fields(kind):
        arguments.append(f"{each.name}=_missing")
        lines.append(f"_made.{each.name} = _value.{each.name} if {each.name} is _missing else {each.name}")
    lines += ["_made.__class__ = _kind", "return _made"]
    return _function(kind, "changed", arguments, lines, {"_new": object.__new__, "_missing": MISSING})


def _function(
    kind: type, name: str, arguments: Sequence[str], lines: Sequence[str], names: dict[str, Any]
) -> Callable[..., Any]:
    """A function that makes a value of this kind. Its lines mention nothing but `names` and these two."""
    names |= {"_kind": kind, "_draft": _draft_of(kind)}
    source = "\n    ".join([f"def {name}({', '.join(arguments)}):", *lines])
    exec(source, names)  # noqa: S102  as the library does: of names of fields only
    made: Callable[..., Any] = names[name]
    made.__qualname__ = f"{kind.__qualname__}.{name}"  # what an error says
    return made


@cache
def _draft_of(kind: type) -> Any:
    """A class with the same slots that is not frozen: setting a field costs little."""
    return make_dataclass(kind.__name__, [each.name for each in fields(kind)], slots=True, eq=False, repr=False)


def _written(field: Field[Any], names: dict[str, Any]) -> tuple[str, str]:
    """The argument for a field, and what the field is set to. `names` gets what these two mention."""
    default = f"_default_{field.name}"
    if field.default is not MISSING:
        names[default] = field.default
        return f"{field.name}={default}", field.name
    if field.default_factory is not MISSING:
        names[default] = field.default_factory
        return f"{field.name}=_missing", f"{default}() if {field.name} is _missing else {field.name}"
    return field.name, field.name
