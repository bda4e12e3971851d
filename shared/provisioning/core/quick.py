"""Frozen values made as quickly as others.

`dataclass(frozen=True)` sets each field of a new value by a call, past its own ban. A delivery makes some thirty values
of seven fields: that was a tenth of its cost. Here a value is of a class that is not frozen until its fields are set.
"""

from dataclasses import MISSING, Field, fields, make_dataclass
from functools import cache
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=type)


def quick(kind: Kind) -> Kind:
    """Decorate a dataclass that is frozen, has slots, fields that are all arguments, and no `__post_init__`."""
    names: dict[str, Any] = {"_begin": object.__setattr__, "_draft": draft_of(kind), "_kind": kind, "_missing": MISSING}
    arguments, lines = ["self"], ['_begin(self, "__class__", _draft)']
    for each in fields(kind):
        argument, value = _written(each, names)
        arguments.append(argument)
        lines.append(f"self.{each.name} = {value}")
    lines.append("self.__class__ = _kind")  # nobody has seen it before
    source = f"def __init__({', '.join(arguments)}):\n " + "\n ".join(lines)
    exec(source, names)  # noqa: S102  as the library does, of the names of fields only
    made = names["__init__"]
    made.__qualname__ = f"{kind.__qualname__}.__init__"  # what an error says
    kind.__init__ = made  # type: ignore[misc]
    return kind


@cache
def draft_of(kind: type) -> Any:
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
