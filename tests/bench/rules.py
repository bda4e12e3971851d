"""200 rules for 50 services, as a university's policy is: mostly by the kind of affiliation, then by what it says."""

import random
from dataclasses import dataclass
from typing import Final

from tests.bench.clause import (
    Clause,
    at_least,
    both,
    contains,
    differs,
    either,
    ends,
    equals,
    every,
    has,
    holds,
    listed,
    longer,
    negated,
    one_of,
    some,
    starts,
)

SERVICES: Final = 50
RULES: Final = 200
TYPES: Final = ("student", "staff", "faculty", "guest", "alumni", "applicant", "contractor", "retired")
FACULTIES: Final = ("arts", "law", "medicine", "physics", "chemistry", "economics", "theology", "informatics")
CAMPUSES: Final = ("north", "south", "harbour", "online")
STUDIES: Final = ("bachelor", "master", "doctoral", "exchange")
DUTIES: Final = ("teaching", "research", "administration", "library", "it", "board")
TAGS: Final = ("vip", "blocked", "union", "emergency", "press", "alumni-board", "first-aid", "lab-3", "lab-7")
COUNTRIES: Final = ("NL", "DE", "FR", "BE", "IT", "ES", "PL", "US", "IN", "BR")


@dataclass(frozen=True, slots=True)
class Written:
    """A rule: its service, the kinds of affiliation that it is about (none: any), and what else it asks."""

    service: str
    types: tuple[str, ...]
    rest: Clause

    @property
    def whole(self) -> Clause:
        """All of it as one condition."""
        if not self.types:
            return self.rest
        if len(self.types) == 1:
            return both(equals("affiliation.type", self.types[0]), self.rest)
        return both(one_of("affiliation.type", self.types), self.rest)

    @property
    def per_affiliation(self) -> bool:
        """Whether it is tried for each affiliation, or once for the person."""
        return bool(self.types) or any(name.startswith("affiliation.") for name in self.rest.attributes)


def written(seed: int = 1) -> list[Written]:
    """The rules, four for each service, always the same for a seed."""
    chance = random.Random(seed)
    return [_rule(chance, number) for number in range(RULES)]


def _rule(chance: random.Random, number: int) -> Written:
    service = f"service-{number % SERVICES:02}"
    kind = chance.random()
    if kind < 0.62:  # of one kind of affiliation
        about = chance.choices(TYPES, (6, 5, 4, 2, 2, 1, 2, 1))[0]
        return Written(service, (about,), _detail(chance, about))
    if kind < 0.76:  # of some kinds
        types = tuple(chance.sample(TYPES, chance.choice((2, 2, 3, 4))))
        return Written(service, types, _detail(chance, ""))
    if kind < 0.88:  # of a part of the organization, whoever it is
        return Written(service, (), both(_unit(chance), chance.choice(_personal(chance))))
    return Written(service, (), both(*chance.sample(_personal(chance), 2)))


def _detail(chance: random.Random, kind: str) -> Clause:
    """What a rule asks beside the kind of affiliation: where or what exactly, and often one thing more."""
    exact = [_unit(chance), _unit(chance), equals("affiliation.campus", chance.choice(CAMPUSES))]
    if kind in ("student", ""):
        exact.append(_study(chance))
    if kind in ("staff", "faculty", "contractor", ""):
        exact += [_employment(chance), _employment(chance)]
    more = [*exact, *chance.sample(_personal(chance), 2), _standing(chance)]
    if chance.random() < 0.1:
        return _standing(chance)  # for all of a kind
    return both(chance.choice(exact), *chance.sample(more, chance.choice((0, 1, 1))))


def _unit(chance: random.Random) -> Clause:
    faculty = chance.choice(FACULTIES)
    return chance.choice(
        (
            starts("affiliation.organization", f"{faculty}/"),
            starts("affiliation.organization", f"{faculty}/"),
            equals("affiliation.organization", f"{faculty}/{chance.randrange(6)}"),
            one_of("affiliation.organization", [f"{faculty}/{number}" for number in range(chance.randint(2, 5))]),
            either(*(starts("affiliation.organization", f"{name}/") for name in chance.sample(FACULTIES, 2))),
            ends("affiliation.organization", f"/{chance.randrange(6)}"),
        )
    )


def _study(chance: random.Random) -> Clause:
    level = chance.choice(STUDIES)
    return chance.choice(
        (
            both(has("affiliation.level"), equals("affiliation.level", level)),
            both(has("affiliation.level"), one_of("affiliation.level", chance.sample(STUDIES, 2))),
            both(has("affiliation.level"), differs("affiliation.level", level)),
        )
    )


def _employment(chance: random.Random) -> Clause:
    return chance.choice(
        (
            both(has("affiliation.duty"), equals("affiliation.duty", chance.choice(DUTIES))),
            both(has("affiliation.duty"), one_of("affiliation.duty", chance.sample(DUTIES, 4))),
            both(has("affiliation.hours"), at_least("affiliation.hours", chance.choice((8, 16, 32)))),
            both(has("affiliation.grade"), at_least("affiliation.grade", chance.randint(5, 12))),
        )
    )


def _standing(chance: random.Random) -> Clause:
    return chance.choice((equals("affiliation.status", "enrolled"), differs("affiliation.status", "leave")))


def _personal(chance: random.Random) -> list[Clause]:
    tag = chance.choice(TAGS)
    return [
        listed("person.tags", tag),
        negated(listed("person.tags", tag)),
        every("person.tags", "blocked"),
        some("person.roles", chance.choice(("lab", "exam", "admin"))),
        holds("person.active"),
        both(has("person.mail"), ends("person.mail", "@campus.example")),
        at_least("person.assurance", chance.randint(1, 3)),
        one_of("person.country", chance.sample(COUNTRIES, 5)),
        negated(equals("person.country", chance.choice(COUNTRIES))),
        both(has("person.title"), contains("person.title", "Prof")),
        longer("person.roles", 1),
        equals("person.language", chance.choice(("nl", "de", "en"))),
    ]
