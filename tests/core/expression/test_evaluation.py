"""What expressions mean where data is absent, null, or fails, and where Python would answer otherwise."""

from typing import Any

import pytest

from provisioning.core.expression import EvaluationError, compile_expression
from tests.core.expression.samples import ENVIRONMENT, PERSON, STUDENT, value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('affiliation.type == "student" && affiliation.organization.startsWith("arts")', True),
        ('"admin" in person.roles && !("guest" in person.roles)', True),
        ('person.roles.exists(role, role.endsWith("tor"))', True),
        ('person.roles.all(role, role.matches("^[a-z]+$"))', True),
        ('person.roles.map(role, role.size() > 5, role.upperAscii()).join("+")', "EDITOR"),
        ('person.age >= 18 ? "adult" : "minor"', "adult"),
        ("person.labels.floor + person.labels['floor']", "33"),
        ("person.address.city.lowerAscii()", "bonn"),
        ("cel.bind(name, person.name, name + name)", "AdaAda"),
        ("person.posts.filter(post, has(post.until)).map(post, post.title)", ["Dean"]),
        ("person.anything.list[1] == 2.5 && type(person.anything.list[3]) == null_type", True),
    ],
)
def test_rules_as_people_write_them(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize("person", [{}, {"name": None}])
@pytest.mark.parametrize(
    "text", ['person.name == "Ada"', 'person.name != "Ada"', '!(person.name == "Ada")', "person.name"]
)
def test_an_attribute_that_is_absent_or_null_is_an_error(person: dict[str, Any], text: str) -> None:
    with pytest.raises(EvaluationError, match=r"person\.name is absent"):
        value(text, person)


def test_has_asks_for_what_may_be_absent_or_null() -> None:
    assert value("has(person.name)") is True
    assert value("has(person.name)", {}) is False
    assert value("has(person.name)", {"name": None}) is False
    assert value('has(person.name) && person.name == "Ada"', {}) is False
    assert value("has(person.address.city)", {"address": {}}) is False
    with pytest.raises(EvaluationError, match=r"person\.address is absent"):
        value("has(person.address.city)", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("false && person.active", False),
        ("person.active && false", False),
        ("true || person.active", True),
        ("person.active || true", True),
        ("person.age > 3 && person.active && false", False),
        ("(person.active && true) || true", True),
        ("[1, 0].exists(n, 6 / n == 6)", True),
        ("[0, 1].exists(n, 6 / n == 6)", True),
        ("[0, 2].all(n, 6 / n == 6)", False),
        ("[0, 1].all(n, person.active) || 1 < 2", True),
        ("false ? person.active : true", True),
    ],
)
def test_logic_absorbs_errors_from_either_side(text: str, expected: bool) -> None:
    assert value(text, {}) is expected


@pytest.mark.parametrize(
    "text",
    [
        "true && person.active",
        "person.active && true",
        "false || person.active",
        "person.active || false",
        "!person.active",
        "person.active ? 1 : 1",
        "[0, 1].exists(n, 6 / n == 5)",
        "[0, 1].all(n, 6 / n == 6)",
        "[1, 0].exists_one(n, 6 / n == 6)",
        "[0].map(n, 6 / n)",
    ],
)
def test_everything_else_passes_errors_on(text: str) -> None:
    with pytest.raises(EvaluationError):
        value(text, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("7 % -2", 1),
        ("1.0 / 0.0 > 1e308", True),
        ("dyn(1) == 1.0 && dyn(1) == 1u", True),
        ("dyn(1) == '1' || dyn(true) == 1", False),
        ("0.0 / 0.0 == 0.0 / 0.0", False),
        ("[0.0 / 0.0] == [0.0 / 0.0]", False),
        ("cel.bind(nan, 0.0 / 0.0, nan in [nan])", False),
        ("size('é😀')", 2),
        ("'é😀x'.substring(1, 2)", "😀"),
        ("{true: 'a'}[true]", "a"),
        ("dyn(1) in {true: 'a'}", False),
        ("string(1000000.0) + string(0.5)", "1e+060.5"),
        ("int('-9223372036854775808')", -(2**63)),
        ("uint('18446744073709551615')", 2**64 - 1),
    ],
)
def test_values_are_those_of_the_language_and_not_of_python(text: str, expected: Any) -> None:
    result = value(text)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        "9223372036854775807 + 1",
        "-9223372036854775807 - 2",
        "person.age * 9223372036854775807",
        "-(-9223372036854775808)",
        "-9223372036854775808 / -1",
        "1 / 0",
        "1 % 0",
        "0u - 1u",
        "18446744073709551615u + 1u",
        "int(1e19)",
        "int('1e3')",
        "[1][1]",
        "[1][-1]",
        "{'a': 1}['b']",
        "{'a': 1}.b",
        "'abc'.substring(2, 1)",
        "'abc'.charAt(4)",
        "timestamp('9999-12-31T23:59:59Z') + duration('1s')",
        "timestamp('2300-01-01T00:00:00Z') - timestamp('1900-01-01T00:00:00Z')",
        "duration('315576000000s') + duration('1s')",
        "timestamp(person.name)",
        "person.since.getHours('Atlantis')",
        "{person.name: 1, 'Ada': 2}",
        "person.anything.list + 1",
        "person.anything.list < 1",
        "person.anything.list.all(x, x)",
    ],
)
def test_what_has_no_value_is_an_error(text: str) -> None:
    with pytest.raises(EvaluationError):
        value(text)


def test_data_of_a_declared_type_is_read_when_it_is_used() -> None:
    assert value("person.since < timestamp('2020-06-01T10:00:01+02:00')") is True
    assert value("person.since.getHours('Europe/Berlin')") == 10
    assert value("person.since + person.notice") == "2020-06-02T20:00:00Z"
    assert value("person.notice.getHours()") == 36
    assert value("person.stays[1] - person.stays[0]") == "31536000s"
    assert value("person.posts[0].until > person.address.since") is True
    assert value("person.photo == b'\\xff\\xd8'") is True
    assert value("person.visits + 1u") == 8
    assert value("person.score / 4.0") == 0.5
    assert value("type(person.visits) == uint && type(person.score) == double") is True


@pytest.mark.parametrize(
    ("text", "name", "bad"),
    [
        ("person.since > timestamp(0)", "since", "yesterday"),
        ("person.notice > duration('1s')", "notice", 5),
        ("person.age + 1", "age", "36"),
        ("person.name.startsWith('A')", "name", 5),
        ("person.visits == 7u", "visits", -1),
        ("person.score > 1.0", "score", "2"),
        ("person.address.city == 'Bonn'", "address", "Bonn"),
        ("person.posts.exists(post, post.title == 'Dean')", "posts", ["Dean"]),
        ("person.photo == b''", "photo", "?"),
    ],
)
def test_data_of_another_type_than_declared_is_an_error_without_the_data_in_it(text: str, name: str, bad: Any) -> None:
    with pytest.raises(EvaluationError) as raised:
        value(text, {**PERSON, name: bad})
    assert repr(bad) not in str(raised.value)
    assert raised.value.__context__ is None  # which would keep the data alive


def test_timestamps_and_durations_leave_as_text_and_types_as_names() -> None:
    assert value("{'when': [person.since], 'span': duration('90m'), 'of': type(1u), 'n': 3u}") == {
        "when": ["2020-06-01T08:00:00Z"],
        "span": "5400s",
        "of": "uint",
        "n": 3,
    }
    assert value("timestamp('2020-01-01T00:00:00.120Z')") == "2020-01-01T00:00:00.120Z"
    assert value("duration('-1.5s')") == "-1.500s"


def test_tuples_and_other_mappings_are_lists_and_maps() -> None:
    assert value("dyn(person.roles) == ['a'] && person.roles[0] == 'a' && size(person.roles) == 1", {"roles": ("a",)})


def test_evaluation_does_not_change_its_data() -> None:
    person = {"roles": ["a"], "anything": [[1]]}
    value("[person.roles + ['b'], person.anything]", person)
    assert person == {"roles": ["a"], "anything": [[1]]}


def test_a_variable_that_is_not_given_is_an_error_and_one_too_many_is_none() -> None:
    expression = compile_expression("person.age > 1", ENVIRONMENT)
    assert expression.variables == {"person"}
    assert expression.evaluate(person=PERSON, affiliation=STUDENT) is True
    with pytest.raises(EvaluationError, match="person"):
        expression.evaluate(affiliation=STUDENT)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_text_over_several_lines_means_the_same_whatever_ends_them(end: str) -> None:
    assert value(f"'''a{end}b'''") == "a\nb"
    assert value(f'r"""a{end}b"""') == "a\nb"
    assert value(r"'a\r\nb'") == "a\r\nb"
