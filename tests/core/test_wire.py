import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.errors import InvalidError
from provisioning.core.wire import DEEPEST, canonical, digest_of, pack, read_json, unpack

MOST = 1000
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def refused(text: str, most: int = MOST) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        read_json(text, "message", most)
    assert caught.value.where == "message"
    assert caught.value.right
    return caught.value


def test_equal_values_have_equal_bytes() -> None:
    assert canonical({"b": [1, "é"], "a": None}) == '{"a":null,"b":[1,"é"]}'.encode()
    assert digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})


def test_a_digest_is_sixteen_characters_that_no_key_or_url_minds() -> None:
    digest = digest_of(["x"])
    assert len(digest) == 16
    assert digest.replace("-", "").replace("_", "").isalnum()


def test_a_digest_tells_apart_what_json_tells_apart() -> None:
    different = [1, "1", True, None, [], {}, [1], {"1": 1}, "", 0, False]
    assert len({digest_of(value) for value in different}) == len(different)


def test_what_repeats_is_packed_small() -> None:
    assert len(pack([{"type": "student", "organization": "arts"}] * 100)) < 200


@given(st.dictionaries(st.text(), values, max_size=3))
def test_what_was_packed_is_unpacked_as_it_was(value: dict[str, Any]) -> None:
    assert unpack(pack(value)) == value


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=6), st.randoms())
def test_the_order_of_names_does_not_matter(value: dict[str, Any], chance: random.Random) -> None:
    items = list(value.items())
    chance.shuffle(items)
    assert digest_of(dict(items)) == digest_of(value)


def test_what_is_not_json_is_refused_with_line_and_column() -> None:
    error = refused('{\n  "key": p1\n}')
    assert (error.line, error.column) == (2, 10)
    assert str(error).startswith("message:2:10: not JSON: Expecting value")


def test_the_size_is_counted_in_bytes() -> None:
    assert read_json('"' + "é" * 10 + '"', "message", 22) == "é" * 10
    assert refused('"' + "é" * 10 + '"', 21).problem == "22 bytes"


def test_half_a_surrogate_pair_is_counted_and_not_a_defect() -> None:
    assert read_json('"\ud800"', "message", 5) == "\ud800"


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_nesting_is_bounded_before_it_is_decoded(brackets: str) -> None:
    opening, closing = ("[", "]") if brackets == "[]" else ('{"a":', "}")
    deepest = opening * (DEEPEST - 1) + brackets + closing * (DEEPEST - 1)
    assert read_json(deepest, "message", MOST)
    assert refused(opening + deepest + closing).problem == "too deeply nested"
    assert refused("[" * 100_000, 200_000).problem == "too deeply nested"


def test_brackets_in_texts_are_no_nesting_and_hide_none() -> None:
    unbalanced = [{"name": "a [ and a {", "quoted": 'he said "[" \\'} for _ in range(10 * DEEPEST)]
    text = json.dumps(unbalanced)
    assert read_json(text, "message", len(text)) == unbalanced
    hidden = '["]\\"]",' * 5000 + "1" + "]" * 5000
    assert refused(hidden, len(hidden)).problem == "too deeply nested"
    assert refused('["' + "[" * 100_000, 200_000).problem.startswith("not JSON")


@pytest.mark.parametrize(
    "text",
    ["NaN", "-Infinity", "[Infinity]", "1e999", "[-1E+400]", "9" * 5000, "", " ", "{", '{"a" 1}', "[1,]", "\ufeff1"],
)
def test_what_python_would_make_of_it_but_json_is_not_is_refused(text: str) -> None:
    assert refused(text, 10_000).problem.startswith("not JSON")


@given(st.text(max_size=60) | st.text('[]{}",:0123456789eE+-. \\u', max_size=60))
def test_whatever_text_comes_is_a_value_or_refused(text: str) -> None:
    try:
        value = read_json(text, "message", MOST)
    except InvalidError as error:
        assert error.right
    else:
        assert value is None or isinstance(value, str | int | float | bool | list | dict)


@given(values)
def test_a_value_that_was_written_is_read_back(value: Any) -> None:
    assert read_json(canonical(value).decode(), "message", 10**6) == value


def test_a_name_that_stands_twice_in_one_object_is_refused() -> None:
    with pytest.raises(InvalidError, match="stands twice"):
        read_json('{"version": 1, "version": 2}', "message", 100)
