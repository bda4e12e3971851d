"""The benchmark measures what is the same: every engine finds the same rules."""

from provisioning.core.period import FOREVER
from tests.bench import ours
from tests.bench.eligibility import differences, engines
from tests.bench.people import AFFILIATION, PERSON, samples
from tests.bench.rules import RULES, SERVICES, written

PEOPLE = 200


def test_all_engines_find_the_same_rules() -> None:
    assert list(differences(engines(written()), samples(PEOPLE))) == []


def test_the_rules_and_the_people_are_what_the_table_says() -> None:
    rules = written()
    assert len(rules) == RULES == 200
    assert len({rule.service for rule in rules}) == SERVICES == 50
    assert len(PERSON) + len(AFFILIATION) == 20
    assert {len(sample.affiliations) for sample in samples(PEOPLE)} == {1, 2, 3, 4}


def test_rules_hold_for_some_people_and_not_for_others() -> None:
    match = engines(written())["limit"]
    found = [{number for numbers in match(sample) for number in numbers} for sample in samples(PEOPLE)]
    assert len(set().union(*found)) > RULES * 0.8
    assert max(map(len, found)) < RULES / 2


def test_whole_decisions_entitle_and_say_when_they_change() -> None:
    deciding = ours.decided(written())
    decisions = [deciding(ours.before(deciding, sample, n), ours.NOW) for n, sample in enumerate(samples(PEOPLE))]
    assert {entitlement.standing.value for found, _ in decisions for entitlement in found.values()} >= {
        "absent", "active", "grace", "suspended",
    }  # fmt: skip
    assert any(ours.NOW < due_at < FOREVER for _, due_at in decisions)
