"""The people of the campus: person number n of a seed is always the same, and is made without the others.

Their affiliations lie around a given day, so that on every day some are about to begin, some are in their grace, and
some overlap or were renewed.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

GIVEN: Final = (
    "Ada", "Aisha", "Anders", "Bram", "Chidi", "Daan", "Elif", "Fatima", "Femke", "Hiroshi", "Ingrid", "Jürgen",
    "Katarzyna", "Lars", "Lucía", "Maarten", "Mei", "Noor", "Olu", "Priya", "Rutger", "Sanne", "Søren", "Zoë",
)  # fmt: skip
FAMILY: Final = (
    "Bakker", "van den Berg", "Byron", "Chen", "Dijkstra", "Eriksson", "Fernández", "García", "Haddad", "de Jong",
    "Kowalski", "Meijer", "Müller", "Nguyễn", "O'Brien", "Okafor", "Øverland", "Patel", "Sato", "Visser", "Yılmaz",
)  # fmt: skip
DEPARTMENTS: Final = ("arts.music", "arts.history", "law.public", "law.private", "science.physics", "external.summer")


@dataclass(frozen=True, slots=True)
class Affiliation:
    """A relationship with the campus. Days are included; no end: none is known."""

    id: str
    type: str
    organization: str
    start: str
    end: str | None = None
    role: str | None = None

    def data(self) -> dict[str, str]:
        """As the registry publishes it."""
        fields = {"id": self.id, "type": self.type, "organization": self.organization, "start": self.start}
        return fields | {name: value for name, value in (("end", self.end), ("role", self.role)) if value is not None}


@dataclass(frozen=True, slots=True)
class Person:
    """One person as the registry knows them."""

    key: str
    attributes: Mapping[str, Any]
    affiliations: tuple[Affiliation, ...] = ()
    deleted: bool = field(default=False, kw_only=True)

    def data(self, version: int) -> dict[str, Any]:
        """The record as the registry publishes it."""
        if self.deleted:
            return {"key": self.key, "version": version, "deleted": True}
        return {
            "key": self.key,
            "version": version,
            "attributes": dict(self.attributes),
            "affiliations": [affiliation.data() for affiliation in self.affiliations],
        }


def people(seed: int, count: int, today: date) -> Iterator[Person]:
    """The first `count` people of a seed, one at a time."""
    return (person(seed, number, today) for number in range(count))


def person(seed: int, number: int, today: date) -> Person:
    """Person `number` of a seed, as seen on a day."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311  nobody's secret
    given, family = chance.choice(GIVEN), chance.choice(FAMILY)
    department = chance.choice(DEPARTMENTS)
    kind = chance.choices(list(_KINDS), weights=[weight for weight, _ in _KINDS.values()])[0]
    affiliations = _KINDS[kind][1](chance, department, today)
    login = f"{given[0]}{family[0]}".lower().encode("ascii", "replace").decode().replace("?", "x") + f"{number:07d}"
    domain = "partner.example" if kind == "guest" and chance.random() < 0.5 else "campus.example"
    attributes: dict[str, Any] = {
        "login": login,
        "given_name": given,
        "family_name": family,
        "mail": f"{login}@{domain}",
        "department": department,
        "tags": _tags(chance),
    }
    if any(affiliation.type == "student" for affiliation in affiliations):
        attributes["level"] = chance.randint(1, 5)
    return Person(f"p{number:07d}", attributes, affiliations)


def _tags(chance: random.Random) -> list[str]:
    odds = (("chess", 0.2), ("choir", 0.1), ("remote", 0.08), ("library-barred", 0.03), ("wiki-admin-pages", 0.02))
    return [tag for tag, share in odds if chance.random() < share]


Made = tuple[Affiliation, ...]


def _day(today: date, days: int) -> str:
    return (today + timedelta(days=days)).isoformat()


def _student(chance: random.Random, department: str, today: date) -> Made:
    start, end = -chance.randint(20, 1200), chance.randint(10, 900)
    return (Affiliation("1", "student", department, _day(today, start), _day(today, end)),)


def _renewed(chance: random.Random, department: str, today: date) -> Made:
    """One year after the other, without a gap; the year that is over must not end what the next one gives."""
    last = -chance.randint(1, 300)
    return (
        Affiliation("1", "student", department, _day(today, last - 364), _day(today, last)),
        Affiliation("2", "student", department, _day(today, last + 1), _day(today, last + 365)),
    )


def _assistant(chance: random.Random, department: str, today: date) -> Made:
    """A student who also works here for a while: two affiliations that overlap."""
    (study,) = _student(chance, department, today)
    work = Affiliation("2", "staff", department, _day(today, -chance.randint(5, 90)), _day(today, 40), "assistant")
    return study, work


def _newcomer(chance: random.Random, department: str, today: date) -> Made:
    """Begins in one to twenty days: some services lead by a few days, some by two weeks."""
    return (Affiliation("1", "student", department, _day(today, chance.randint(1, 20)), _day(today, 1400)),)


def _graduate(chance: random.Random, department: str, today: date) -> Made:
    """Ended one to sixty days ago: in grace, or past it."""
    return (Affiliation("1", "student", department, _day(today, -1200), _day(today, -chance.randint(1, 60))),)


def _staff(chance: random.Random, department: str, today: date) -> Made:
    role = chance.choice(("assistant", "contractor", None))
    end = _day(today, chance.randint(10, 300)) if role == "contractor" else None
    return (Affiliation("1", "staff", department, _day(today, -chance.randint(30, 9000)), end, role),)


def _faculty(chance: random.Random, department: str, today: date) -> Made:
    return (Affiliation("1", "faculty", department, _day(today, -chance.randint(30, 9000))),)


def _guest(chance: random.Random, department: str, today: date) -> Made:
    return (Affiliation("1", "guest", department, _day(today, -chance.randint(1, 30)), _day(today, 90)),)


def _nobody(_chance: random.Random, _department: str, _today: date) -> Made:
    """Known to the registry, affiliated with nothing."""
    return ()


_KINDS: Final[Mapping[str, tuple[int, Callable[[random.Random, str, date], Made]]]] = {
    "student": (40, _student),
    "renewed": (10, _renewed),
    "assistant": (7, _assistant),
    "newcomer": (8, _newcomer),
    "graduate": (8, _graduate),
    "staff": (12, _staff),
    "faculty": (8, _faculty),
    "guest": (5, _guest),
    "nobody": (2, _nobody),
}
