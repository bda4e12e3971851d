"""A copy with some fields changed is what `dataclasses.replace` makes."""

import pickle
from dataclasses import FrozenInstanceError, dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.account import Account, Condition, Known, Phase
from provisioning.core.changed import changed

ACCOUNT = Account("i1", "library", Known(Phase.ACTIVE, "r1", {"userName": "ann"}, ("readers",)), revision=3)


@dataclass(frozen=True, slots=True)
class One:
    """A value with a single field."""

    field: tuple[int, ...]


@given(st.fixed_dictionaries({}, optional={
    "revision": st.integers(), "error": st.text(), "condition": st.sampled_from(Condition), "due_at": st.none(),
}))  # fmt: skip
def test_a_copy_is_the_one_that_the_library_makes(changes: dict[str, Any]) -> None:
    copy = changed(ACCOUNT, **changes)
    assert copy == replace(ACCOUNT, **changes)
    assert type(copy) is Account
    assert copy is not ACCOUNT
    assert ACCOUNT.revision == 3


def test_a_copy_is_frozen_and_whole() -> None:
    copy = changed(ACCOUNT, revision=4)
    with pytest.raises(FrozenInstanceError):
        copy.revision = 5  # type: ignore[misc]
    assert (repr(copy), hash(copy.known.groups)) == (repr(replace(ACCOUNT, revision=4)), hash(("readers",)))
    assert pickle.loads(pickle.dumps(copy)) == copy  # noqa: S301  our own


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError):
        changed(ACCOUNT, colour="red")


def test_a_value_with_a_single_field_is_copied_too() -> None:
    assert changed(One((1, 2)), field=(3,)) == One((3,))
    assert changed(One((1, 2))) == One((1, 2))
