"""A value that is made quickly is the one that the library makes."""

import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.quick import quick


@dataclass(frozen=True, slots=True)
class Plain:
    """As the library makes it."""

    first: Any
    second: Any = 2
    third: dict[str, int] = field(default_factory=dict)
    fourth: str | None = None


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    """The same."""

    first: Any
    second: Any = 2
    third: dict[str, int] = field(default_factory=dict)
    fourth: str | None = None


def outcome(kind: Any, positional: list[Any], named: dict[str, Any]) -> object:
    """The fields of a value, or the error, under one name for both."""
    try:
        made = kind(*positional, **named)
    except TypeError as error:
        return str(error).replace(kind.__name__, "")
    assert type(made) is kind
    return [getattr(made, each.name) for each in fields(made)]


@given(
    st.lists(st.integers() | st.none(), max_size=5),
    st.dictionaries(st.sampled_from(["first", "second", "third", "fourth", "fifth"]), st.integers() | st.none()),
)
def test_arguments_give_the_same_fields_or_the_same_error(positional: list[Any], named: dict[str, Any]) -> None:
    assert outcome(Quick, positional, named) == outcome(Plain, positional, named)


def test_it_is_frozen_and_compared_shown_hashed_and_pickled_as_ever() -> None:
    made = Quick(1, fourth="x")
    with pytest.raises(FrozenInstanceError):
        made.second = 3  # type: ignore[misc]
    assert (made, repr(made)) == (Quick(1, 2, {}, "x"), "Quick(first=1, second=2, third={}, fourth='x')")
    assert made != Quick(1)
    assert hash(Quick(1, 2, ())) == hash(Plain(1, 2, ()))  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301  our own


def test_values_share_no_default_that_can_be_changed() -> None:
    Quick(1).third["a"] = 1
    assert Quick(1).third == {}


def test_its_arguments_are_those_of_the_library() -> None:
    assert list(inspect.signature(Quick).parameters) == list(inspect.signature(Plain).parameters)
