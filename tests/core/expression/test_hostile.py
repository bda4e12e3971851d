"""Texts and data that mean harm: they are refused or bounded, quickly, and reach nothing of Python."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.core.expression import (
    Environment,
    EvaluationError,
    ExpressionError,
    compile_expression,
    list_of,
    parse_type,
    record,
)
from tests.core.expression.samples import ENVIRONMENT, PERSON, STUDENT, value

SIXTY = list_of(parse_type("int"), 60)
LISTS = Environment(dict.fromkeys("abcde", SIXTY))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.perf_counter()
    yield
    assert time.perf_counter() - start < seconds


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2048,
        "(" * 1024 + "1" + ")" * 1024,
        "[" * 2048,
        "{1:" * 700,
        "!" * 2048 + "true",
        "-" * 2048 + "1",
        "true ? " * 2000,
        "size(" * 400,
        "person" + ".a" * 2000,
        "1" + " + 1" * 2000,
        "a[" * 1000,
        "[1].map(x, " * 200,
        "cel.bind(x, 1, " * 200,
        "true" + " && true" * 5000,
        "[" + "1," * 8000 + "1]",
        "x" * (1 << 20),
        "'" + "a" * (1 << 20) + "'",
        "1" * 16000,
        "0x" + "f" * 16000,
        "1e" + "9" * 16000,
        "'''" * 5000,
        "\\" * 10000,
        "\x00",
        "'\ud800'",
        "\u202e",
        "`" * 100,
        "/" * 10001,
    ],
)
def test_large_and_deep_texts_are_refused_at_once(text: str) -> None:
    with within(1), pytest.raises(ExpressionError):
        compile_expression(text + " garbage" if len(text) < 16000 else text, ENVIRONMENT)


def test_long_chains_are_fine() -> None:
    chain = " || ".join(f'person.name == "name{number}"' for number in range(400))
    assert value(chain) is False
    assert value(" && ".join(["true"] * 1000)) is True
    names = ", ".join(f'"n{number}"' for number in range(1500))
    assert value(f"person.name in [{names}]") is False


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_loops_inside_loops_over_long_lists_are_refused(depth: int) -> None:
    text = "true"
    for name in "abcde"[:depth]:
        text = f"{name}.all(x{name}, {text})"
    with pytest.raises(ExpressionError, match="steps") as raised:
        compile_expression(text, LISTS)
    assert "100000" in raised.value.right


@pytest.mark.parametrize("loop", ["[1].map(a, ", "{'a': 1}.transformMap(k, v, ", "[1].filter(a, [1] == "])
def test_loops_are_never_too_deep_for_the_compiler_of_python(loop: str) -> None:
    with pytest.raises(ExpressionError, match="loops inside each other"):
        value(loop * 11 + "[1]" + ")" * 11)
    assert isinstance(value(loop * 10 + "[1]" + ")" * 10), list | dict)


def test_loops_inside_loops_over_short_lists_are_fine() -> None:
    assert compile_expression("a.all(x, b.exists(y, x == y))", LISTS).evaluate(a=[1, 2], b=[2, 1]) is True
    text = "[1, 2].all(v, [1, 2].all(w, [1, 2].all(x, [1, 2].all(y, [1, 2].all(z, v + w + x + y + z > 0)))))"
    assert value(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "cel.bind(a, [1, 2], " + "cel.bind(a, [a, a], " * 20 + "a" + ")" * 21,
        "cel.bind(a, [1, 2], " + "cel.bind(a, a + a, " * 20 + "a" + ")" * 21,
        "cel.bind(a, {'x': 1}, " + "cel.bind(a, {'x': a, 'y': a}, " * 20 + "a" + ")" * 21,
        "person.roles.map(r, person.roles.map(s, person.roles.map(t, t)))",
        "person.roles.map(r, person.roles).map(l, l.map(r, person.roles))",
        "person.anything.all(x, x.all(y, y.all(z, z == 1)))",
        "person.name.split(',').all(x, person.name.split(',').all(y, x == y))",
    ],
)
def test_values_that_would_grow_without_end_are_refused(text: str) -> None:
    with within(1), pytest.raises(ExpressionError, match=r"entries|steps"):
        compile_expression(text, ENVIRONMENT)


@pytest.mark.parametrize(
    "text",
    [
        "cel.bind(a, person.name, " + "cel.bind(a, a + a, " * 30 + "a" + ")" * 31,
        "person.name" + ".replace('a', 'aaaaaaaaaaaaaaaaaaaa')" * 20,
        "person.name" + ".split('').join('aaaaaaaaaaaaaaaaaaaaaaaaaaaa')" * 8,
        "person.name" + ".replace('', person.name)" * 3,
        "'%s%s%s%s'.format([person.name, person.name, person.name, person.name])",
        "base64.encode(bytes(person.name + person.name))",
        "strings.quote(person.name + person.name)",
        "'%.999f'.format([1.5])",
        "'%.101e'.format([1.5])",
    ],
)
def test_texts_that_would_grow_without_end_are_errors(text: str) -> None:
    with within(1), pytest.raises(EvaluationError):
        value(text, {"name": "a" * 65536})


@pytest.mark.parametrize(
    "made",
    [
        "long + x + y",
        "long.upperAscii()",
        "long.replace('a', 'b')",
        "[long, x, y].join()",
        "'%s'.format([long])",
        "strings.quote(long)",
        "string(long + x)",
        "[x + long, y]",
        "cel.bind(longer, long + long, longer.trim())",
    ],
)
def test_texts_that_loops_would_fill_the_memory_with_are_refused(made: str) -> None:
    doubled = "['a']" + ".map(text, text + text)" * 16
    with pytest.raises(ExpressionError, match="steps"):
        value(f"{doubled}.map(long, person.roles.map(x, person.roles.map(y, {made})))")


def test_texts_that_loops_make_and_read_are_fine_while_they_are_short() -> None:
    assert value("person.roles.map(role, 'wiki-' + role + '@campus').join(',').size()") == 36
    assert value("person.roles.exists(x, person.roles.exists(y, x + 'istrator' == y))") is False
    assert value("person.roles.filter(x, x.lowerAscii().matches('^adm')).size()") == 1


def test_long_texts_are_not_matched_in_loops_inside_loops() -> None:
    with pytest.raises(ExpressionError, match="steps"):
        value("person.roles.all(x, person.roles.all(y, person.name.matches(x)))")


@pytest.mark.parametrize("pattern", ["(a+)+$", "^(a|a)*$", "(.*)*x", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_patterns_take_linear_time(pattern: str) -> None:
    with within(2):
        assert value(f"person.name.matches({pattern!r})", {"name": "a" * 100_000 + "!"}) is False


def test_patterns_of_the_data_are_bounded() -> None:
    for pattern in ("a" * 2000, "((a{100}){100}){100}", "(", "(?=a)"):
        with pytest.raises(EvaluationError):
            value("'a'.matches(person.name)", {"name": pattern})


@pytest.mark.parametrize(
    "text",
    [
        "person.__class__",
        "person.name.__class__",
        "person.roles.__len__()",
        "''.format_map({})",
        "''.__class__.__mro__",
        "person.anything.__class__",
        "person.labels.__class__",
        "dyn(person).__init__",
        "__import__('os')",
        "__builtins__",
        "exec('1')",
        "f0",
        "v0",
        "person.get",
        "person.anything.keys()",
        "[].append(1)",
        "'{0.__class__}'.format([1]).size() > 20",
        "lambda",
        "globals()",
        "type(1).__subclasses__()",
        "person.name; import os",
        "person.roles[r for r in [1]]",
    ],
)
def test_nothing_of_python_can_be_reached(text: str) -> None:
    try:
        result = value(text)
    except (ExpressionError, EvaluationError):
        return
    assert result is False


@pytest.mark.parametrize("name", ["__class__", "f0", "r0", "", "a\nb", 'x") or (1', "é", "del"])
def test_names_and_texts_of_a_policy_never_become_names_of_python(name: str) -> None:
    environment = Environment({"person": record({name: parse_type("string")}), "f0": parse_type("int")})
    assert compile_expression("f0 + 1", environment).evaluate(f0=1) == 2
    literal = compile_expression("'\\x22) or (1' + r'\\' + string(f0)", environment)
    assert literal.evaluate(f0=1) == '") or (1\\1'


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab.()[]{}'\"\\!&|<>=+-*/%?:, 01eurpson\n", max_size=40))
def test_any_text_compiles_or_is_refused_with_a_place(text: str) -> None:
    try:
        expression = compile_expression(text, Environment({"person": record({"a": parse_type("int")})}))
    except ExpressionError as error:
        assert error.line >= 1
        assert error.column >= 1
        assert len(error.caret(text).splitlines()) <= 2
        return
    with suppress(EvaluationError):
        expression.evaluate(person={"a": 1})


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)
_TEXTS = [
    "person.name == 'x' || person.age > 3",
    "person.roles.exists(r, r.startsWith('a')) && person.anything == person.anything",
    "person.since > timestamp(0) || person.address.city == 'x'",
    "string(person.age) + person.labels.x + person.name.upperAscii()",
    "person.posts.map(p, p.until)",
    "person.anything.x[0].y + 1 > 2 || person.anything.exists(x, x == 1)",
    "'%s %d %x'.format([person.anything, person.age, person.name])",
    "[person.anything, person.score, person.notice, person.visits, person.photo]",
    "person.anything in person.roles || has(person.anything.x) || type(person.anything) == map",
    "math.greatest(person.anything, person.age) < person.anything",
    "int(person.anything) + size(person.anything) + timestamp(person.anything).getFullYear()",
]


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["name", "age", "roles", "since", "address", "labels", "posts", "anything", "score", "notice",
                         "visits", "photo"]), _json),
    st.sampled_from(_TEXTS),
)  # fmt: skip
def test_any_data_gives_a_value_or_an_evaluation_error(person: dict[str, Any], text: str) -> None:
    with suppress(EvaluationError):
        value(text, person)


def test_data_that_is_nested_without_end_is_an_error() -> None:
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]
    with pytest.raises(EvaluationError):
        value("person.anything == [person.anything]", {**PERSON, "anything": nested})
    assert STUDENT["type"] == "student"
