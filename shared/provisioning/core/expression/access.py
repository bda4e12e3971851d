"""What compiled code calls to reach into data."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.values import kind_of, lookup


def attribute(target: Mapping[str, Any], name: str) -> Any:
    """The attribute of a record. Absent and null are the same."""
    value = target.get(name)
    if value is None:
        raise EvaluationError(f"{name} is absent", absent=True)
    return value


def required(target: Mapping[str, Any], name: str, words: str) -> Any:
    """The same; `words` are the attribute as its author wrote it."""
    value = target.get(name)
    if value is None:
        raise EvaluationError(f"{words} is absent", absent=True)
    return value


def has_attribute(target: Mapping[str, Any], name: str) -> bool:
    """Whether a record has an attribute that is not null."""
    return target.get(name) is not None


def entry(target: Any, name: str) -> Any:
    """The entry of a map, written like an attribute."""
    if kind_of(target) != "map":
        raise EvaluationError(f"a {kind_of(target)} has no attribute {name}")
    return lookup(target, name)


def has_entry(target: Any, name: str) -> bool:
    """Whether a map has an entry, null or not."""
    if kind_of(target) != "map":
        raise EvaluationError(f"a {kind_of(target)} has no attribute {name}")
    return name in target


def entries(target: Any) -> Iterable[Any]:
    """What a loop with one variable goes through: the entries of a list, the keys of a map."""
    kind = kind_of(target)
    if kind not in ("list", "map"):
        raise EvaluationError(f"a {kind} cannot be gone through")
    values: Iterable[Any] = target
    return values


def pairs(target: Any) -> Iterable[tuple[Any, Any]]:
    """What a loop with two variables goes through: positions and entries of a list, keys and values of a map."""
    return target.items() if kind_of(target) == "map" else enumerate(entries(target))


def rows(target: Any) -> Iterator[tuple[Any]]:
    """The entries of a list or the keys of a map, as arguments."""
    return ((value,) for value in entries(target))
