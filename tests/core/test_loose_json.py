"""JSON of which a part may be unfit."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.errors import InvalidError
from provisioning.core.loose_json import fault_around, fault_of, read_loose, shown
from provisioning.core.wire import DEEPEST

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(VALUES)
def test_what_is_fit_is_read_as_it_is(value: Any) -> None:
    read = read_loose(json.dumps(value).encode())
    assert read == value
    assert fault_of(read) == ""


@given(VALUES, st.sampled_from(["NaN", "Infinity", "1e999", "9" * 400, '{"a": 1, "a": 1}']))
def test_what_is_unfit_is_found_wherever_it_stands_and_nowhere_else(value: Any, unfit: str) -> None:
    text = f'{{"data": [{json.dumps(value)}], "more": [{{"x": {unfit}}}]}}'
    read = read_loose(text.encode())
    assert fault_of(read)
    assert fault_of(read["data"]) == ""
    assert fault_around(read, read["more"]) == ""
    assert fault_around(read, read["data"])
    assert isinstance(shown(read), str)


def test_depth_is_counted_by_what_is_there_and_not_by_texts() -> None:
    value: Any = "[{" * 100
    for _ in range(DEEPEST):
        value = [value]
    assert fault_of(read_loose(json.dumps(value).encode())) == ""
    assert fault_of(read_loose(json.dumps([value]).encode())) == f"nested more than {DEEPEST} levels deep"


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 200_000, b"{", b"{} {}", b"nan", b'{"a" 1}', b"{'a': 1}"])
def test_what_is_no_json_at_all_is_an_error(body: bytes) -> None:
    with pytest.raises(InvalidError):
        read_loose(body)


def test_an_object_with_very_many_names_twice_is_read_at_once() -> None:
    read = read_loose(b"{" + b",".join(b'"%d": 1, "%d": 2' % (number, number) for number in range(200_000)) + b"}")
    assert fault_of(read) == "a name stands twice in one object"
    assert read == {}


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    assert read_loose(b"\xef\xbb\xbf{}") == {}
