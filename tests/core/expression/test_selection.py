"""The conditions that hold, without trying those that cannot: the same as what a program gives, minus what is false."""

import ast
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.core.errors import InvalidError
from provisioning.core.expression import (
    EvaluationError,
    Selection,
    compile_expression,
    compile_program,
    compile_selection,
)
from provisioning.core.expression import split as split_module
from provisioning.core.expression.namespace import Namespace
from tests.core.expression.samples import ENVIRONMENT, PERSON, STUDENT

_WORDS = ("student", "staff", "arts", "law", "", "Ada", "Bonn")
_ATTRIBUTES = ("affiliation.type", "affiliation.organization", "person.name", "person.address.city")
_words = st.sampled_from(_WORDS)
_attributes = st.sampled_from(_ATTRIBUTES)


def _equality(attribute: str, word: str) -> str:
    return f"{attribute} == {json.dumps(word)}"


_equalities = st.one_of(
    st.builds(_equality, _attributes, _words),
    st.builds("{1} == {0}".format, _attributes, _words.map(json.dumps)),
    st.builds("{} in {}".format, _attributes, st.lists(_words, min_size=1, max_size=5).map(json.dumps)),
    st.builds("{} != {}".format, _attributes, _words.map(json.dumps)),
    st.builds("has({})".format, _attributes),
)
_others = st.one_of(
    st.builds("{}.startsWith({})".format, _attributes, _words.map(json.dumps)),
    st.builds("{} == {}".format, _attributes, _attributes),
    st.builds("person.age > {}".format, st.integers(0, 9)),
    st.builds("6 / person.age > {}".format, st.integers(0, 9)),
    st.builds("person.roles.exists(r, r == {})".format, _attributes),
    st.builds("{} in person.roles".format, _words.map(json.dumps)),
    st.sampled_from(["person.active", "true", "false", "person.anything", "dyn(person.age) == 3.0"]),
)
_conditions = st.recursive(
    st.one_of(_equalities, _equalities, _others),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: f"({' && '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' || '.join(parts)})"),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)
_odd = st.sampled_from([None, 0, 1, 2.5, True, "x", [], ["student"], {}, {"city": "Bonn"}])
_text = st.one_of(_words, _words, _words, _odd)
_affiliations = st.one_of(
    st.fixed_dictionaries({}, optional={"type": _text, "organization": _text}),
    st.fixed_dictionaries({"type": _words, "organization": _words}),
    _odd,
)
_people = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "name": _text,
            "age": st.one_of(st.integers(0, 6), _odd),
            "roles": st.one_of(st.lists(_words, max_size=3), _odd),
            "active": st.one_of(st.booleans(), st.none()),
            "anything": st.one_of(st.booleans(), _odd),
            "address": st.one_of(st.fixed_dictionaries({}, optional={"city": _text}), _odd),
        },
    ),
    _odd,
)


def _shown(number: int, result: Any) -> tuple[int, Any]:
    return number, str(result) if isinstance(result, EvaluationError) else result


@pytest.mark.parametrize("gain", [0.1, 3])  # by every attribute that there is, and by those that pay
@settings(max_examples=150, deadline=None)
@given(texts=st.lists(_conditions, max_size=25), data=st.lists(st.tuples(_people, _affiliations), max_size=5))
def test_a_selection_gives_what_a_program_gives_without_what_is_not_true(
    gain: float, texts: list[str], data: list[tuple[Any, Any]]
) -> None:
    expressions = [compile_expression(text, ENVIRONMENT) for text in texts]
    program = compile_program(expressions, ["person", "affiliation"])
    with patch.object(split_module, "_GAIN", gain):
        selection = compile_selection(expressions, ["person", "affiliation"])
        for person, affiliation in [*data, (PERSON, STUDENT), ({}, {})]:
            results = enumerate(program(person, affiliation))
            wanted = [_shown(*row) for row in results if row[1] is True or isinstance(row[1], EvaluationError)]
            for _ in range(2):  # what is compiled when it is first needed is there the second time
                assert [_shown(*row) for row in selection(person, affiliation)] == wanted


class Counting(Mapping[str, Any]):
    """Data that counts how often each attribute is looked up."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data, self.asked = data, Counter[str]()

    def __getitem__(self, key: str) -> Any:
        self.asked[key] += 1
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


class Text(str):
    """A text that counts how often it is asked for its beginning."""

    asked = 0

    def startswith(self, *values: Any) -> bool:
        Text.asked += 1
        return super().startswith(*values)


def _selection(texts: list[str]) -> Selection:
    expressions = [compile_expression(text, ENVIRONMENT) for text in texts]
    return compile_selection(expressions, ["person", "affiliation"])


def _asked(selection: Selection, affiliation: dict[str, Any]) -> int:
    Text.asked = 0
    selection({"name": Text("Ada")}, affiliation)
    return Text.asked


KINDS = [f"kind {number}" for number in range(20)]


def test_conditions_that_a_text_cannot_reach_are_not_tried() -> None:
    texts = [f"affiliation.type == '{kind}' && person.name.startsWith('{at}')" for kind in KINDS for at in range(10)]
    selection = _selection([*texts, "person.name.startsWith('A')"])
    assert _asked(selection, {"type": "kind 7"}) == 11
    assert _asked(selection, {"type": "another"}) == 1
    assert _asked(selection, {}) == 201  # what is absent is an error unless the rest is false: the rest decides


def test_conditions_are_told_apart_by_two_attributes() -> None:
    texts = [
        f"affiliation.organization == '{unit}' && affiliation.type in ['{kind}', 'x']"
        f" && person.name.startsWith('{kind}{unit}{at}')"
        for kind in KINDS
        for unit in ("arts", "law", "music", "physics")
        for at in range(5)
    ]
    selection = _selection(texts)
    assert _asked(selection, {"type": "kind 7", "organization": "law"}) == 5
    assert _asked(selection, {"type": "x", "organization": "law"}) == 100
    assert _asked(selection, {"type": "kind 7", "organization": "another"}) == 0


def test_where_the_conditions_ask_for_it_what_is_absent_reaches_none() -> None:
    texts = [
        f"has(affiliation.type) && (affiliation.type == '{kind}' || affiliation.type == 'x')"
        f" && person.name.startsWith('{kind}')"
        for kind in KINDS
    ]
    selection = _selection(texts)
    assert _asked(selection, {}) == 0
    assert _asked(selection, {"type": "kind 7"}) == 1
    assert _asked(selection, {"type": "x"}) == 20


def test_attributes_that_only_unreached_conditions_mention_are_not_looked_up() -> None:
    selection = _selection([f"affiliation.type == '{kind}' && person.age > 3" for kind in KINDS])
    person, affiliation = Counting({"age": 5}), Counting({"type": "another"})
    assert selection(person, affiliation) == []
    assert (person.asked, affiliation.asked) == ({}, {"type": 1})


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions that are made of conditions, as text."""
    found: list[str] = []
    build = Namespace.build

    def listed(namespace: Namespace, made: ast.FunctionDef) -> Any:
        found.append(ast.unparse(ast.fix_missing_locations(made)))
        return build(namespace, made)

    monkeypatch.setattr(Namespace, "build", listed)
    return found


def test_no_more_is_compiled_than_the_conditions_have_texts(built: list[str]) -> None:
    selection = _selection([f"affiliation.type == '{kind}' && person.age > {at}" for kind in KINDS for at in range(9)])
    for number in range(200):
        selection({"age": 3}, {"type": f"kind {number}"})
        selection({"age": 3}, {"type": None} if number % 2 else {})
    functions = [text for text in built if "r0" in text]
    assert len(functions) == 1 + len(KINDS) + 1  # the first, one for each text, one for what is absent
    assert sum(text.count("append") for text in functions) == 2 * len(KINDS) * 9


def test_conditions_with_many_texts_are_not_copied_for_each(built: list[str]) -> None:
    selection = _selection([f"affiliation.type in {json.dumps(KINDS)} && person.age > {at}" for at in range(9)])
    found = [selection({"age": 5}, {"type": kind}) for kind in KINDS]
    assert found == [[(number, True) for number in range(5)]] * len(KINDS)
    assert len(built) == 1


def test_what_holds_is_in_the_order_of_the_expressions() -> None:
    texts = ["true", *(f"affiliation.type == 'student' || affiliation.type == '{kind}'" for kind in KINDS), "true"]
    found = _selection(texts)(PERSON, STUDENT)
    assert found == [(number, True) for number in range(len(texts))]


def test_errors_have_the_words_of_the_expression_alone() -> None:
    texts = [f"affiliation.type == '{kind}' && person.age / 0 == 1" for kind in KINDS]
    selection = _selection(texts)
    ((number, error),) = selection(PERSON, {"type": "kind 3"})
    assert (number, str(error)) == (3, "division by zero")
    assert [str(error) for _, error in selection({"age": 3}, {})] == ["affiliation.type is absent"] * len(KINDS)


def test_nothing_is_selected_of_no_expressions() -> None:
    assert _selection([])(PERSON, STUDENT) == []


def test_only_conditions_of_given_variables_can_be_selected() -> None:
    with pytest.raises(InvalidError, match="a bool"):
        compile_selection([compile_expression("person.age", ENVIRONMENT)], ["person"])
    expression = compile_expression("affiliation.type == 'student'", ENVIRONMENT)
    with pytest.raises(InvalidError, match="affiliation"):
        compile_selection([expression] * 9, ["person"])
