"""Agreement with Google's implementation of CEL on generated expressions and data."""

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from cel_expr_python import cel  # type: ignore[import-untyped]  # ships no marker
from cel_expr_python.ext import ext_strings  # type: ignore[import-untyped]  # ships no marker
from hypothesis import Phase, given, reject, settings
from hypothesis import strategies as st

from provisioning.core.expression import (
    Environment,
    EvaluationError,
    Expression,
    ExpressionError,
    compile_expression,
    compile_program,
    parse_type,
    record,
)
from tests.core.expression.conformance import DISPUTED

_TYPES = {
    "name": "string",
    "unit": "string",
    "age": "int",
    "score": "double",
    "active": "bool",
    "since": "timestamp",
    "roles": "list(string)",
    "levels": "list(int)",
    "labels": "map(string, string)",
}
_OURS = Environment({"person": record({name: parse_type(text) for name, text in _TYPES.items()})})
_THEIRS = cel.NewEnv(
    variables={"person": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)}, extensions=[ext_strings.ExtStrings()]
)
_FAILED = "an error"
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink texts of a grammar takes minutes

_words = st.sampled_from(["", "a", "b", "arts", "arts/music", "Éa", "😀b", "12", "-3", "x y"])
_names = st.sampled_from("rstu")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@cache
def _texts(depth: int) -> st.SearchStrategy[str]:
    leaf = st.one_of(_words.map(_quoted), st.sampled_from(["person.name", "person.unit"]))
    if depth == 0:
        return leaf
    text, number, truth = _texts(depth - 1), _numbers(depth - 1), _truths(depth - 1)
    return st.one_of(
        leaf,
        st.builds("({} + {})".format, text, text),
        st.builds("({} ? {} : {})".format, truth, text, text),
        st.builds("{}.lowerAscii()".format, text),
        st.builds("{}.substring({})".format, text, number),
        st.builds("{}.replace({}, {})".format, text, text, text),
        st.builds("string({})".format, st.one_of(number, truth, _reals(depth - 1))),
        st.builds("{}[{}]".format, _lists(depth - 1), number),
        st.builds("person.labels[{}]".format, text),
        st.just("person.labels.a"),
    )


@cache
def _numbers(depth: int) -> st.SearchStrategy[str]:
    plain = st.one_of(st.integers(-3, 5), st.sampled_from([2**63 - 1, -(2**63), 2**62, -(2**62), 10**10]))
    leaf = st.one_of(plain.map(lambda value: f"({value})"), st.just("person.age"))
    if depth == 0:
        return leaf
    text, number = _texts(depth - 1), _numbers(depth - 1)
    return st.one_of(
        leaf,
        st.builds("({} {} {})".format, number, st.sampled_from("+-*/%"), number),
        st.builds("(-{})".format, number),
        st.builds("size({})".format, st.one_of(text, _lists(depth - 1))),
        st.builds("int({})".format, st.one_of(_reals(depth - 1))),
        st.builds("({} ? {} : {})".format, _truths(depth - 1), number, number),
        st.builds("{}.indexOf({})".format, text, text),
        st.builds(
            "person.since.{}({})".format,
            st.sampled_from(["getFullYear", "getMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes"]),
            st.sampled_from(["", "'Europe/Berlin'", "'-02:30'", "'Asia/Kathmandu'"]),
        ),
    )


@cache
def _reals(depth: int) -> st.SearchStrategy[str]:
    leaf = st.one_of(
        st.sampled_from(["0.0", "1.0", "-2.5", "0.1", "1e300", "1000000.0", "123456.5", "0.00001"]),
        st.just("person.score"),
    )
    if depth == 0:
        return leaf
    real = _reals(depth - 1)
    return st.one_of(
        leaf,
        st.builds("({} {} {})".format, real, st.sampled_from("+-*/"), real),
        st.builds("double({})".format, _numbers(depth - 1)),
    )


@cache
def _lists(depth: int) -> st.SearchStrategy[str]:
    leaf = st.one_of(
        st.just("person.roles"), st.lists(_words.map(_quoted), max_size=3).map(lambda all_: f"[{', '.join(all_)}]")
    )
    if depth == 0:
        return leaf
    inner = _lists(depth - 1)
    return st.one_of(
        leaf,
        st.builds("({} + {})".format, inner, inner),
        st.builds("{}.map({}, {} + {})".format, inner, st.just("r"), st.just("r"), _texts(depth - 1)),
        st.builds("{}.filter(r, {})".format, inner, _about("r", depth - 1)),
    )


@cache
def _about(name: str, depth: int) -> st.SearchStrategy[str]:
    """Conditions about a string variable."""
    text = _texts(depth)
    return st.one_of(
        st.builds((name + " == {}").format, text),
        st.builds((name + ".startsWith({})").format, text),
        st.builds((name + ".size() {} {}").format, st.sampled_from(["<", ">=", "=="]), _numbers(depth)),
        st.builds(("{} in person.labels && " + name + " != ''").format, text),
        _truths(depth),
    )


@cache
def _truths(depth: int) -> st.SearchStrategy[str]:
    leaf = st.sampled_from(
        ["true", "false", "person.active", "has(person.unit)", "has(person.labels.a)", "has(person.age)"]
    )
    if depth == 0:
        return leaf
    text, number, truth = _texts(depth - 1), _numbers(depth - 1), _truths(depth - 1)
    order = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    loop = st.sampled_from(["all", "exists", "exists_one"])
    return st.one_of(
        leaf,
        st.builds("({} && {})".format, truth, truth),
        st.builds("({} || {})".format, truth, truth),
        st.builds("!{}".format, truth),
        st.builds("({} {} {})".format, text, order, text),
        st.builds("({} {} {})".format, number, order, number),
        st.builds("({} {} {})".format, _reals(depth - 1), order, _reals(depth - 1)),
        st.builds("(dyn({}) {} {})".format, number, st.sampled_from(["==", "<", ">"]), _reals(depth - 1)),
        st.builds("{}.{}({})".format, text, st.sampled_from(["startsWith", "endsWith", "contains"]), text),
        st.builds("{}.matches({})".format, text, st.sampled_from(["'^a.*'", "'[0-9]+$'", "'(a|b)+'"])),
        st.builds("({} in {})".format, text, _lists(depth - 1)),
        st.builds("({} in person.levels)".format, number),
        st.builds("({} in person.labels)".format, text),
        st.builds("{}.{}(s, {})".format, _lists(depth - 1), loop, _about("s", depth - 1)),
        st.builds("person.levels.{}(n, 6 / n > {})".format, loop, number),
        st.builds(
            "(person.since {} timestamp('2020-06-01T00:00:00Z') + duration('{}s'))".format, order, st.integers(-9, 9)
        ),
        st.builds("({} == {})".format, _lists(depth - 1), _lists(depth - 1)),
    )


_times = st.sampled_from(
    ["2020-06-01T00:00:00Z", "1999-12-31T23:59:59.5Z", "2024-03-31T00:59:59Z", "2020-06-01T00:00:05Z"]
)
_people = st.fixed_dictionaries(
    {},
    optional={
        "name": _words,
        "unit": _words,
        "age": st.integers(-5, 100),
        "score": st.floats(allow_nan=False),
        "active": st.booleans(),
        "since": _times,
        "roles": st.lists(_words, max_size=4),
        "levels": st.lists(st.integers(-2, 4), max_size=4),
        "labels": st.dictionaries(_words, _words, max_size=3),
    },
)


def _oracle(text: str, person: Mapping[str, Any]) -> Any:
    # In the oracle's map of anything a timestamp is its text; here the declared type says that it is read.
    try:
        expression = _THEIRS.compile(text.replace("person.since", "timestamp(person.since)"))
    except RuntimeError:
        reject()  # its checker takes entries of an empty list for numbers
    result = expression.eval(data={"person": dict(person)})
    return _FAILED if result.type() == cel.Type.ERROR else result.plain_value()


def _ours(text: str, person: Mapping[str, Any]) -> Any:
    try:
        return _compiled(text).evaluate(person=person)
    except EvaluationError:
        return _FAILED


def _compiled(text: str) -> Expression:
    try:
        return compile_expression(text, _OURS)
    except ExpressionError as error:
        assert "steps" in error.problem or "entries" in error.problem
        reject()  # dearer than we allow


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize("kind", ["truths", "numbers", "texts", "lists"])
@settings(max_examples=150, deadline=None, phases=_PHASES)
@given(data=st.data(), person=_people)
def test_values_and_errors_agree(kind: str, data: st.DataObject, person: dict[str, Any]) -> None:
    strategies = {"truths": _truths, "numbers": _numbers, "texts": _texts, "lists": _lists}
    text = data.draw(strategies[kind](3))
    ours, theirs = _ours(text, person), _oracle(text, person)
    assert _same(ours, theirs), f"{text}: {ours!r} here, {theirs!r} there"


@settings(max_examples=40, deadline=None, phases=_PHASES)
@given(texts=st.lists(_truths(2), min_size=2, max_size=12), people=st.lists(_people, min_size=1, max_size=3))
def test_a_program_agrees_for_every_expression(texts: list[str], people: list[dict[str, Any]]) -> None:
    texts = texts + texts[:2]  # so that some are shared whole
    program = compile_program([_compiled(text) for text in texts], ["person"])
    for person in people:
        ours = [_FAILED if isinstance(result, EvaluationError) else result for result in program(person)]
        assert ours == [_oracle(text, person) for text in texts]


@pytest.mark.parametrize("text", sorted(DISPUTED))
def test_disputed_conformance_cases_are_answered_as_the_oracle_does(text: str) -> None:
    theirs = bytes(_THEIRS.compile(text).eval(data={}).plain_value())
    assert compile_expression(text, Environment({})).evaluate() == theirs
