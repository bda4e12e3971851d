"""The federation's oracle: what the partners agreed on, person by person."""

from collections.abc import Mapping, Sequence

import pytest

from localstack.campus.oracle import Expected
from localstack.campus.people import Person
from localstack.federation.cast import ADA, CARL, STOLEN, gone, honest, impostors
from localstack.federation.oracle import Stated, cluster, persons, wiki

Statements = dict[str, dict[str, list[Person]]]


@pytest.fixture
def stated() -> Statements:
    return {source: {person.key: [person] for person in people} for source, people in honest().items()}


def say(stated: Statements, source: str, *people: Person) -> None:
    for person in people:
        stated[source].setdefault(person.key, []).append(person)


def of(stated: Mapping[str, Mapping[str, Sequence[Person]]], key: str) -> list[Stated]:
    (found,) = [some for some in persons(stated) if any(each.now.key == key for each in some)]
    return found


def test_who_has_one_orcid_and_no_other_birth_is_one_person(stated: Statements) -> None:
    assert [each.source for each in of(stated, "ada@north.example")] == ["north", "south", "grid"]
    assert len(list(persons(stated))) == 4


def test_staff_writes_and_who_is_in_a_project_computes(stated: Statements) -> None:
    ada = of(stated, "ada@north.example")
    assert wiki(ada) == Expected(
        "active", {"userName": "ada@north.example", "displayName": "Ada"}, frozenset({"editors"})
    )
    assert cluster(ada, frozenset()) == Expected("active", {"userName": ADA, "title": "grid:climate"}, frozenset())
    bob, dora = of(stated, "bob@north.example"), of(stated, "dora@south.example")
    assert [each is None or each.groups for each in (wiki(bob), wiki(dora))] == [frozenset(), frozenset({"editors"})]
    assert (cluster(bob, frozenset()), cluster(dora, frozenset())) == (None, None)


def test_while_the_consortium_is_silent_nobody_computes_and_everybody_reads(stated: Statements) -> None:
    for key in ("ada@north.example", "carl@north.example"):
        found = cluster(of(stated, key), frozenset({"grid"}))
        assert found is not None
        assert found.phase == "suspended"


def test_what_an_impostor_says_changes_nothing_for_anybody_else(stated: Statements) -> None:
    before = [(wiki(each), cluster(each, frozenset())) for each in persons(stated)]
    say(stated, "south", *impostors())
    after = [(wiki(each), cluster(each, frozenset())) for each in persons(stated)]
    assert [each for each in after if each != (None, None)] == before
    assert STOLEN not in repr(after)
    assert len(of(stated, "mallory@south.example")) == 1, "two births are two people"


def test_whoever_one_home_withdraws_keeps_what_the_other_gives(stated: Statements) -> None:
    say(stated, "north", *(gone(stated["north"][key][-1]) for key in ("ada@north.example", "carl@north.example")))
    ada, carl = of(stated, "ada.l@south.example"), of(stated, "carl@north.example")
    assert wiki(ada) == Expected("active", {"userName": "ada.l@south.example", "displayName": "Ada L."}, frozenset())
    assert wiki(carl) == Expected("active", {"userName": "carl@north.example", "displayName": "Carl"}, frozenset())
    suspended = [cluster(each, frozenset()) for each in (ada, carl)]
    assert [(each.phase, each.values["userName"]) for each in suspended if each] == [
        ("suspended", ADA),
        ("suspended", CARL),
    ]
