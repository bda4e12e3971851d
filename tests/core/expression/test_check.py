"""What is refused before anything runs, where the error points, and what it suggests."""

import pytest

from provisioning.core.errors import InvalidError
from provisioning.core.expression import (
    DURATION,
    TIMESTAMP,
    Environment,
    ExpressionError,
    compile_expression,
    list_of,
    map_of,
    parse_type,
    record,
)
from tests.core.expression.samples import ENVIRONMENT


def refusal(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as raised:
        compile_expression(text, ENVIRONMENT)
    return raised.value


@pytest.mark.parametrize(
    ("text", "place", "right"),
    [
        ('affiliation.organisation == "x"', ".", "did you mean 'organization'?"),
        ("person.__class__", ".", "one of"),
        ("persn.name", "persn", "did you mean 'person'?"),
        ('person.name.startWith("x")', "startWith", "did you mean 'startsWith'?"),
        ("sise(person.roles)", "sise", "did you mean 'size'?"),
        ("person.roles.exists(r, r.x == 1)", ".x", "record"),
        ("person.name.size", "size", "size(…)"),
        ("person.name == null", "==", "has(…)"),
        ("person.age == '36'", "==", ""),
        ("person.name + 1", "+", "(string, string)"),
        ("!person.age", "!", "(bool)"),
        ("person.age && true", ".age", "a condition"),
        ("true ? 1 : 'a'", "?", "dyn(…)"),
        ("person.age ? 1 : 2", ".age", "a condition"),
        ("person.roles.filter(r, r.size())", "size", "a condition"),
        ("person.age.exists(x, true)", "exists", "a list or a map"),
        ("{1.5: 2}", "1.5", "string"),
        ("{'a': 1, 'a': 2}", "{", "differ"),
        ("affiliation.type = 'x'", "=", "`==` compares"),
        ("'x' in person", "in", ""),
        ("person.name.matches('(')", "matches", ""),
        ("timestamp('2020-13-01T00:00:00Z')", "timestamp", ""),
        ("duration('1 day')", "duration", ""),
        ("person.labels[1]", "[", ""),
        ("google.api.Thing{}", "{", "a map"),
        ("[?person.name]", "?", "has("),
        ("person.?name", "?", "has("),
        ("has(person)", "has", "has(person.attribute)"),
        ("[1].map(1, 2)", "1, 2", "map(x, …)"),
        ("[1].all(x, x, true)", "all", "two names"),
        ("'\\q'", "'", "\\n"),
        ("b'\\u0041'", "b", "\\x0a"),
        ("9223372036854775808", "9", "2^63-1"),
        ("-1u", "-", "(int)"),
        ("1 +", "end", "a value"),
        ("(1", "end", "')'"),
        ("1 2", "2", "an operator"),
        ("for", "for", "another name"),
        ("'abc", "'", "a closing quote"),
        ("1abc", "1", "a number"),
    ],
)
def test_errors_point_at_the_part_and_say_what_would_be_right(text: str, place: str, right: str) -> None:
    error = refusal(text)
    assert right in error.right
    if place != "end":
        assert text[error.offset :].lstrip(".").startswith(place.lstrip("."))
    assert (error.line, error.column) == (1, error.offset + 1)
    assert "\n" not in str(error)


def test_lines_and_columns_count_from_where_the_text_stands_in_its_file() -> None:
    text = 'affiliation.type == "student" &&\n  affiliation.organisation == "arts"'
    with pytest.raises(ExpressionError) as raised:
        compile_expression(text, ENVIRONMENT, where="rules/a.yaml", line=7, column=8)
    error = raised.value
    assert (error.where, error.line, error.column) == ("rules/a.yaml", 8, 22)
    assert str(error) == ("rules/a.yaml:8:22: there is no attribute 'organisation' (did you mean 'organization'?)")
    assert error.caret(text) == '  affiliation.organisation == "arts"\n              ^'


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("person.roles.map(r, r.size())", "list(int)"),
        ("[1, 'a']", "list(dyn)"),
        ("[]", "list(dyn)"),
        ("[] + ['a']", "list(string)"),
        ("{'a': [1.5]}", "map(string, list(double))"),
        ("person.anything.x.y", "dyn"),
        ("person.since - person.since", "duration"),
        ("person.posts[0].until", "timestamp"),
        ("person.labels.transformMap(k, v, v.size())", "map(string, int)"),
        ("person.roles.transformList(i, v, i)", "list(int)"),
        ("true ? person.age : 1", "int"),
        ("type(1)", "type"),
        ("null", "null_type"),
    ],
)
def test_every_expression_has_a_type(text: str, kind: str) -> None:
    assert str(compile_expression(text, ENVIRONMENT).type) == kind


def test_a_result_of_another_type_than_expected_is_refused() -> None:
    with pytest.raises(ExpressionError, match="the expression is an int") as raised:
        compile_expression("person.age", ENVIRONMENT, expects=parse_type("bool"))
    assert raised.value.right == "a bool"
    assert compile_expression("person.anything", ENVIRONMENT, expects=parse_type("bool")).type == parse_type("dyn")


def test_variables_are_those_that_are_mentioned() -> None:
    assert compile_expression("person.roles.exists(affiliation, affiliation == 'x')", ENVIRONMENT).variables == {
        "person"
    }
    assert compile_expression("affiliation.type == person.name", ENVIRONMENT).variables == {"affiliation", "person"}
    assert compile_expression("1 < 2", ENVIRONMENT).variables == frozenset()


def test_types_are_read_as_tenants_write_them() -> None:
    assert parse_type(" list( string ) ") == list_of(parse_type("string"))
    assert parse_type("map(string, list(int))") == map_of(parse_type("string"), list_of(parse_type("int")))
    assert (parse_type("timestamp"), parse_type("duration")) == (TIMESTAMP, DURATION)
    assert str(parse_type("map(string, list(int))")) == "map(string, list(int))"
    for text in (
        "text",
        "list",
        "list()",
        "list(",
        "map(string)",
        "map(double, int)",
        "list(" * 99 + ")" * 99,
        "record",
    ):
        with pytest.raises(InvalidError, match="is not a type"):
            parse_type(text)


@pytest.mark.parametrize("name", ["a.b", "in", "", "é", "true", "1a"])
def test_a_name_that_no_expression_could_mention_is_refused(name: str) -> None:
    with pytest.raises(InvalidError, match="cannot name a variable"):
        Environment({name: record({})})


def test_names_of_attributes_are_any_text() -> None:
    environment = Environment({"person": record({"e-mail": parse_type("string"), "loop": parse_type("int")})})
    expression = compile_expression("person.`e-mail` + string(person.loop)", environment)
    assert expression.evaluate(person={"e-mail": "a@b", "loop": 3}) == "a@b3"
