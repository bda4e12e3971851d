"""The generator of people: always the same, one by one, and as varied as the rules need."""

import itertools
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from localstack.campus.people import people, person
from localstack.setup import CAMPUS
from provisioning.command.bundle import check_folder
from provisioning.core.record import read_record

TODAY = date(2026, 11, 23)
SCHEMA = check_folder(CAMPUS)[1].schema


def test_a_seed_always_makes_the_same_people() -> None:
    assert list(people(7, 50, TODAY)) == list(people(7, 50, TODAY))
    assert list(people(7, 50, TODAY)) != list(people(8, 50, TODAY))


def test_a_person_is_made_without_the_others() -> None:
    assert person(7, 999_999, TODAY) == person(7, 999_999, TODAY)
    assert list(people(7, 20, TODAY))[13] == person(7, 13, TODAY)


def test_a_million_people_are_not_held_in_memory() -> None:
    stream = people(7, 1_000_000, TODAY)
    assert iter(stream) is stream
    assert next(itertools.islice(stream, 2000, None)).key == "p0002000"


def test_keys_and_logins_are_unique() -> None:
    made = list(people(7, 2000, TODAY))
    assert len({person.key for person in made}) == len({person.attributes["login"] for person in made}) == 2000


@given(st.integers(0, 10**6), st.integers(0, 999_999))
@settings(max_examples=200)
def test_whatever_the_seed_everybody_is_a_record_that_the_campus_accepts(seed: int, number: int) -> None:
    made = person(seed, number, TODAY)
    record = read_record("registry", made.data(1), SCHEMA)
    assert record.notices == ()
    assert len(record.affiliations) == len(made.affiliations)


def test_among_a_few_hundred_some_overlap_were_renewed_ended_or_have_not_begun() -> None:
    made = list(people(1, 300, TODAY))
    today = TODAY.isoformat()
    spans = [[(item.start, item.end or "9999-12-31") for item in person.affiliations] for person in made]
    assert any(not person for person in spans)
    assert any(start > today for person in spans for start, _ in person)
    assert any(end < today for person in spans for _, end in person)
    pairs = [tuple(sorted(person)) for person in spans if len(person) == 2]
    assert any(second[0] <= first[1] for first, second in pairs), "nobody's affiliations overlap"
    assert any(date.fromisoformat(first[1]).toordinal() + 1 == date.fromisoformat(second[0]).toordinal()
               for first, second in pairs), "nobody was renewed"  # fmt: skip
