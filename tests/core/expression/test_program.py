"""Many expressions as one function: the same answers as one by one, errors as values, shared parts computed once."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from provisioning.core.errors import InvalidError
from provisioning.core.expression import EvaluationError, compile_expression, compile_program
from provisioning.core.expression import program as program_module
from provisioning.core.expression.sharing import Sharing
from tests.core.expression.samples import ENVIRONMENT, PERSON, STUDENT

TEXTS = [
    'affiliation.type == "student" && affiliation.organization.startsWith("arts")',
    'affiliation.type == "student" && person.age > 30',
    'affiliation.type == "staff" || person.roles.exists(role, role.startsWith("adm"))',
    'person.active && person.roles.exists(role, role.startsWith("adm"))',
    'person.roles.exists(other, other.startsWith("adm"))',
    "person.age / (person.age - 36)",
    "person.age / (person.age - 36) == 1 || person.active",
    "person.since",
    "person.name.size() + person.age",
    "has(person.anything) ? 1 : 2",
]


def _texts_of(results: list[Any]) -> list[Any]:
    return [str(result) if isinstance(result, EvaluationError) else result for result in results]


@pytest.mark.parametrize(
    "person", [PERSON, {}, {"roles": None, "age": 36}, {"age": "x", "active": True, "roles": []}, None, 5]
)
def test_a_program_gives_what_each_expression_gives_alone(person: Any) -> None:
    expressions = [compile_expression(text, ENVIRONMENT) for text in TEXTS]
    alone = []
    for expression in expressions:
        try:
            alone.append(expression.evaluate(person=person, affiliation=STUDENT))
        except EvaluationError as error:
            alone.append(error)
    together = compile_program(expressions, ["person", "affiliation"])(person, STUDENT)
    assert _texts_of(together) == _texts_of(alone)


def test_errors_are_values_and_stand_in_their_place() -> None:
    expressions = [compile_expression(text, ENVIRONMENT) for text in ("person.age", "person.age / 0", "person.name")]
    results = compile_program(expressions, ["person"])({"age": 3})
    assert results[0] == 3
    assert [str(result) for result in results[1:]] == ["division by zero", "person.name is absent"]
    assert all(isinstance(result, EvaluationError) for result in results[1:])


def test_arguments_are_in_the_order_of_the_variables() -> None:
    expression = compile_expression("person.name + affiliation.type", ENVIRONMENT)
    assert compile_program([expression], ["affiliation", "person"])(STUDENT, PERSON) == ["Adastudent"]


def test_a_variable_that_is_no_argument_is_refused() -> None:
    expression = compile_expression("person.name", ENVIRONMENT)
    with pytest.raises(InvalidError, match="person"):
        compile_program([expression], ["affiliation"])


def test_no_expressions_give_nothing() -> None:
    assert compile_program([], ["person"])(PERSON) == []


class Counting(Mapping[str, Any]):
    """Data that counts how often each attribute is looked up."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data, self.asked = data, list[str]()

    def __getitem__(self, key: str) -> Any:
        self.asked.append(key)
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


def test_attributes_are_looked_up_once_for_all_expressions() -> None:
    expressions = [compile_expression(f"person.age > {limit} && person.active", ENVIRONMENT) for limit in range(20)]
    person = Counting({"age": 36, "active": True})
    assert compile_program(expressions, ["person"])(person) == [True] * 20
    assert sorted(person.asked) == ["active", "age"]


def test_what_is_shared_means_the_same_whatever_its_variables_are_called() -> None:
    trees = [compile_expression(text, ENVIRONMENT).tree for text in TEXTS[2:5]]
    sharing = Sharing(trees)
    loops = [key for key in sharing.later if key[0] == "macro"]
    assert len(loops) == 1
    assert sharing.key(trees[2]) == loops[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("person.age == 1", "person.age == 2"),
        ("dyn(1) == person.anything", "dyn(1.0) == person.anything"),
        ("0.0 == person.score", "-0.0 == person.score"),
        ("dyn(true) == person.anything", "dyn(1) == person.anything"),
        ("person.roles.all(r, r == 'a')", "person.roles.exists(r, r == 'a')"),
        ("person.roles.all(a, person.roles.all(b, a < b))", "person.roles.all(a, person.roles.all(b, b < a))"),
        ("person.name.matches('a')", "person.name.matches('b')"),
    ],
)
def test_what_differs_is_not_shared(one: str, other: str) -> None:
    trees = [compile_expression(text, ENVIRONMENT).tree for text in (one, other)]
    sharing = Sharing(trees)
    assert sharing.key(trees[0]) != sharing.key(trees[1])


def test_the_exact_form_is_not_used_where_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("the exact form ran")

    monkeypatch.setattr(program_module, "exact_form", lambda *_: refuse)
    texts = [
        *TEXTS[:5],
        "person.since > timestamp(0) && has(person.notice) && person.notice < duration('99h')",
        "person.posts.exists(post, post.title == 'Chair') && person.address.city in ['Bonn', 'Ulm', 'Kiel', 'Jena']",
        "person.labels.floor == '3' && 'floor' in person.labels && person.labels['floor'].size() == 1",
        "has(person.address.city) && person.stays.all(stay, stay > person.address.since)",
        "cel.bind(name, person.name, name.contains('d')) && person.anything.list.size() == 5",
        "person.score * 2.0 == 4.0 && -person.age < 0 && person.visits > 3u",
        "person.roles.map(r, r + 'x') == ['editorx', 'adminx'] && person.roles.exists_one(r, r < 'b')",
    ]
    expressions = [compile_expression(text, ENVIRONMENT) for text in texts]
    assert compile_program(expressions, ["person", "affiliation"])(PERSON, STUDENT) == [True] * len(texts)
