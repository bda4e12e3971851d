"""Generated identities: twelve attributes of a person, eight of each of one to four affiliations.

Attributes that rules ask for only after `has` may be absent; the others are always there, and nothing is null: so all
engines mean the same by a rule.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.rules import CAMPUSES, COUNTRIES, DUTIES, FACULTIES, STUDIES, TAGS, TYPES

PERSON: Final = {
    "login": "string", "given": "string", "family": "string", "mail": "string", "title": "string", "language": "string",
    "country": "string", "active": "bool", "assurance": "int", "born": "int", "tags": "list(string)",
    "roles": "list(string)",
}  # fmt: skip
AFFILIATION: Final = {
    "type": "string", "organization": "string", "campus": "string", "status": "string", "level": "string",
    "duty": "string", "hours": "int", "grade": "int",
}  # fmt: skip
_ROLES: Final = ("lab-safety", "lab-lead", "exam-board", "exam-writer", "admin-finance", "mentor", "webmaster")
_SYLLABLES: Final = ("ka", "lo", "mi", "ren", "tas", "vo", "be", "li", "sun", "der", "jo", "nes")


@dataclass(frozen=True, slots=True)
class Sample:
    """One identity as plain data."""

    person: dict[str, Any]
    affiliations: list[dict[str, Any]]


def samples(count: int, seed: int = 1) -> Iterator[Sample]:
    """Identities, always the same for a seed."""
    chance = random.Random(seed)
    for number in range(count):
        several = chance.choices((1, 2, 3, 4), (50, 30, 14, 6))[0]
        yield Sample(_person(chance, number), [_affiliation(chance) for _ in range(several)])


def _person(chance: random.Random, number: int) -> dict[str, Any]:
    given, family = ("".join(chance.choices(_SYLLABLES, k=3)).capitalize() for _ in range(2))
    person = {
        "login": f"u{number:06}",
        "given": given,
        "family": family,
        "language": chance.choices(("nl", "en", "de"), (6, 3, 1))[0],
        "country": chance.choice(COUNTRIES),
        "active": chance.random() < 0.9,
        "assurance": chance.choice((1, 1, 2, 2, 2, 3)),
        "born": chance.randint(1940, 2008),
        "tags": chance.sample(TAGS, chance.choices((0, 1, 2, 3), (60, 25, 10, 5))[0]),
        "roles": chance.sample(_ROLES, chance.choices((0, 1, 2, 3), (40, 35, 15, 10))[0]),
    }
    if chance.random() < 0.8:
        person["mail"] = f"{given}.{family}@{chance.choice(('campus', 'other'))}.example".lower()
    if chance.random() < 0.2:
        person["title"] = chance.choice(("Dr", "Prof. Dr", "Prof", "MSc"))
    return person


def _affiliation(chance: random.Random) -> dict[str, Any]:
    kind = chance.choices(TYPES, (40, 14, 10, 6, 12, 8, 6, 4))[0]
    affiliation: dict[str, Any] = {
        "type": kind,
        "organization": f"{chance.choice(FACULTIES)}/{chance.randrange(6)}",
        "campus": chance.choice(CAMPUSES),
        "status": chance.choices(("enrolled", "leave", "other"), (70, 10, 20))[0],
    }
    if kind == "student":
        affiliation["level"] = chance.choice(STUDIES)
    if kind in ("staff", "faculty", "contractor"):
        affiliation["duty"] = chance.choice(DUTIES)
        affiliation["hours"] = chance.choice((4, 8, 16, 24, 32, 38))
        affiliation["grade"] = chance.randint(1, 15)
    return affiliation
