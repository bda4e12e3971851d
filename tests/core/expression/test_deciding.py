"""Which part decided: checked against the meaning of the whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.expression import EvaluationError, Part, compile_expression, deciding
from tests.core.expression.samples import ENVIRONMENT, PERSON, STUDENT


def told(text: str, person: dict[str, Any] | None = None) -> list[tuple[str, bool | None]]:
    parts = deciding(compile_expression(text, ENVIRONMENT))(
        **{name: value for name, value in (("person", PERSON if person is None else person), ("affiliation", STUDENT))
           if name in compile_expression(text, ENVIRONMENT).variables}
    )  # fmt: skip
    return [(part.text, part.holds) for part in parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("person.age > 30", [("person.age > 30", True)]),
        ("person.age > 30 && person.active", [("person.age > 30", True), ("person.active", True)]),
        ("person.active && person.age < 30 && person.age < 20", [("person.age < 30", False)]),
        ("person.age < 30 || person.active || person.age > 1", [("person.active", True)]),
        ("person.age < 30 || person.age < 20", [("person.age < 30", False), ("person.age < 20", False)]),
        ("!(person.age < 30 || person.active)", [("person.active", True)]),
        ("!person.active || !(person.age > 30)", [("!person.active", False), ("!(person.age > 30)", False)]),
        ("(person.age > 30 ? person.active : false)", [("person.age > 30", True), ("person.active", True)]),
        (
            'person.roles.exists(r, r.startsWith("adm")) && affiliation.type == "staff"',
            [('affiliation.type == "staff"', False)],
        ),
    ],
)
def test_the_part_that_decided_is_told_as_its_author_wrote_it(text: str, expected: list[tuple[str, bool]]) -> None:
    assert told(text) == expected


def test_false_wins_over_what_cannot_be_evaluated_and_that_is_told_if_nothing_else_decides() -> None:
    assert told("person.age > 30 && person.active", {"active": False}) == [("person.active", False)]
    assert told("person.age > 30 && person.active", {"active": True}) == [("person.age > 30", None)]


def test_the_facts_are_what_the_data_holds_and_what_is_absent_is_none() -> None:
    text = 'has(person.name) && person.roles.exists(role, role == affiliation.type) && person.address.city == "Ulm"'
    run = deciding(compile_expression(text, ENVIRONMENT))
    assert run(person={"name": "Ada", "roles": ["student"]}, affiliation=STUDENT) == (
        Part('person.address.city == "Ulm"', None, "person.address is absent", (("person.address.city", None),)),
    )
    assert run(person={**PERSON, "roles": []}, affiliation=STUDENT) == (
        Part(
            "person.roles.exists(role, role == affiliation.type)",
            False,
            "",
            (("person.roles", []), ("affiliation.type", "student")),
        ),
    )


leaves = st.sampled_from(["person.age > 3", "person.active", "person.age == 1", "has(person.name)", "true"])
texts = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=7,
)
people = st.fixed_dictionaries({}, optional={"age": st.integers(0, 5), "active": st.booleans(), "name": st.just("Ada")})


@given(texts, people)
def test_the_deciding_parts_alone_decide_the_same(text: str, person: dict[str, Any]) -> None:
    """Every other part may be anything: a condition with what decided put in for each part means the same."""
    expression = compile_expression(text, ENVIRONMENT)
    try:
        whole: bool | None = bool(expression.evaluate(**({"person": person} if expression.variables else {})))
    except EvaluationError:
        whole = None
    parts = deciding(expression)(**({"person": person} if expression.variables else {}))
    assert parts
    assert (None in {part.holds for part in parts}) == (whole is None)
    for part in parts:
        alone = compile_expression(part.text, ENVIRONMENT)
        if part.holds is not None:
            assert alone.evaluate(**({"person": person} if alone.variables else {})) is part.holds
