"""The rules with what is built here: matching alone, and a whole decision."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from provisioning.core.catalog import Bundle
from provisioning.core.decision import standings_of
from provisioning.core.evaluation import evaluate
from provisioning.core.expression import (
    Environment,
    Expression,
    compile_expression,
    compile_selection,
    parse_type,
    record,
)
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import Entitlement
from provisioning.core.period import DAY, FOREVER, Instant, midnight
from provisioning.core.publication import compile_bundle
from provisioning.core.record import Affiliation, Record
from tests.bench.limit import Matching
from tests.bench.people import AFFILIATION, PERSON, Sample
from tests.bench.rules import SERVICES, Written

NOW: Final = 1_800_000_000  # 2027-01-15
_LEADS, _GRACES = ("P0D", "P14D"), ("P0D", "P31D", "P90D")
_ZONE: Final = "Europe/Amsterdam"
Deciding = Callable[[Identity, Instant], tuple[dict[str, Entitlement], Instant]]


def expressions(rules: Sequence[Written]) -> list[Expression]:
    """The rules from their texts, checked."""
    environment = Environment(
        {
            name: record({attribute: parse_type(kind) for attribute, kind in kinds.items()})
            for name, kinds in (("person", PERSON), ("affiliation", AFFILIATION))
        }
    )
    return [compile_expression(rule.whole.cel, environment, expects=parse_type("bool")) for rule in rules]


def selected(rules: Sequence[Written]) -> Matching:
    """Matching alone, from the rules' texts."""
    compiled = expressions(rules)
    for_person = [number for number, rule in enumerate(rules) if not rule.per_affiliation]
    for_affiliation = [number for number, rule in enumerate(rules) if rule.per_affiliation]
    person = compile_selection([compiled[number] for number in for_person], ["person"])
    affiliation = compile_selection([compiled[number] for number in for_affiliation], ["person", "affiliation"])

    def match(sample: Sample) -> list[list[int]]:
        found = [[for_person[number] for number, result in person(sample.person) if result is True]]
        for facts in sample.affiliations:
            results = affiliation(sample.person, facts)
            found += [[for_affiliation[number] for number, result in results if result is True]]
        return found

    return match


def bundle(rules: Sequence[Written]) -> Bundle:
    """A bundle with these rules: leads, graces and authorizations; one rule in fifty denies."""
    chance = random.Random(2)
    return Bundle.model_validate(
        {
            "tenant": {"id": "bench", "zone": _ZONE, "person": PERSON, "affiliation": AFFILIATION},
            "sources": [{"id": "registry"}],
            "services": [
                {
                    "id": f"service-{number:02}",
                    "protocol": "queue",
                    "endpoint": "https://queue.example/",
                    "account": {"userName": "person.login"},
                    "lifecycle": {"grace": "P7D", "retention": "P90D"},
                }
                for number in range(SERVICES)
            ],
            "rules": [
                {
                    "id": f"rule-{number:03}",
                    "service": rule.service,
                    "who": rule.whole.cel,
                    "lasting": {
                        "lead": chance.choice(("P0D", "P14D")),
                        "grace": chance.choice(("P0D", "P31D", "P90D")),
                    },
                    "authorizations": chance.sample(("read", "write", "print", "borrow"), chance.randint(0, 2)),
                    "deny": number % 50 == 49,
                    "because": "the benchmark",
                }
                for number, rule in enumerate(rules)
            ],
        }
    )


def identity(sample: Sample, number: int) -> Identity:
    """A sample as its source states it, with periods: from the first of a month, for some months or without an end."""
    chance = random.Random(number)
    affiliations = []
    for index, facts in enumerate(sample.affiliations):
        begun = chance.randint(-48, 2)
        start, end = _month(begun), _month(begun + chance.choice((3, 6, 12, 24, 36, 48, 60)))
        affiliations.append(Affiliation(str(index), start, FOREVER if chance.random() < 0.2 else end, facts))
    known = Record("registry", str(number), 1, False, sample.person, tuple(affiliations))
    return Identity(str(number), {"registry": known})


@cache
def _month(number: int) -> Instant:
    """When a month begins that is so many after that of NOW, January 2027."""
    return midnight(date(2027 + number // 12, number % 12 + 1, 1), ZoneInfo(_ZONE))


def decided(rules: Sequence[Written]) -> Deciding:
    """Whole decisions: match, timelines, and for every service its lifecycle and the next boundary."""
    policy = compile_bundle(bundle(rules))

    def run(known: Identity, now: Instant) -> tuple[dict[str, Entitlement], Instant]:
        return standings_of(policy, known, evaluate(policy, known, now), now)

    return run


def before(deciding: Deciding, sample: Sample, number: int) -> Identity:
    """An identity with what was decided for it four weeks ago."""
    known = identity(sample, number)
    return replace(known, entitlements=deciding(known, NOW - 28 * DAY)[0])
