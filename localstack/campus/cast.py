"""The people that the played day is about. They are always the same, however many others there are."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from localstack.campus.people import Affiliation, Person

FOREIGN: Final = "librarian"  # an account that the library has of its own
_LONG: Final = 400


class Cast:
    """Makes the players, for a day."""

    def __init__(self, today: date) -> None:
        self._today = today

    def residents(self) -> Mapping[str, Person]:
        """Who is there before the day begins."""
        return {
            person.key: person
            for person in (
                self._person("mei", "Mei", "Chen", self._student("arts.music"), level=4),
                self._person("bram", "Bram", "Bakker", self._staff("staff")),
                self._person("sanne", "Sanne", "Visser", self._faculty("law.public")),
                self._person("olu", "Olu", "Okafor", self._staff("staff")),
                self._person("ingrid", "Ingrid", "Øverland", self._staff("staff")),
                self._person("lars", "Lars", "Eriksson", self._staff("staff")),
                self._person("rutger", "Rutger", "de Jong", self._student("law.private"), level=2),
                self._person("lucia", "Lucía", "García", self._guest(), mail="lucia@partner.example"),
                self._person("noor", "Noor", "Haddad", tags=["wiki-admin-all"]),
                self._person("zoe", "Zoë", "Müller", self._faculty("law.public")),
                self._person("daan", "Daan", "Dijkstra", self._staff("contractor")),
            )
        }

    def ending(self, person: Person, end: datetime) -> Person:
        """The contract's end is announced."""
        return replace(person, affiliations=tuple(replace(item, end=end.isoformat()) for item in person.affiliations))

    def joiners(self, word: str, count: int) -> list[Person]:
        """New people, half students and half staff."""
        return [
            self._person(
                f"{word}-{number}", "Femke", "Meijer",
                self._student("arts.history") if number % 2 else self._staff("staff"), level=1,
            )
            for number in range(count)
        ]  # fmt: skip

    def misfits(self) -> list[Person]:
        """Two whose accounts need a person: the name is taken by another's account, or there is no name."""
        nameless = self._person("nameless", "Priya", "Patel", self._staff("staff"))
        attributes = {name: value for name, value in nameless.attributes.items() if name != "login"}
        namesake = self._person("namesake", "Katarzyna", "Kowalski", self._staff("staff"), login=FOREIGN)
        return [replace(nameless, attributes=attributes), namesake]

    def promoted(self, person: Person) -> Person:
        """A student who becomes staff."""
        moved = changed(person, department="law.public")
        return replace(moved, affiliations=(replace(self._staff("staff"), id="2", organization="law.public"),))

    def _person(self, key: str, given: str, family: str, *affiliations: Affiliation, **attributes: Any) -> Person:
        common = {"login": key, "given_name": given, "family_name": family, "mail": f"{key}@campus.example"}
        department = affiliations[0].organization if affiliations else "office"
        return Person(key, {**common, "department": department, "tags": [], **attributes}, affiliations)

    def _day(self, days: int) -> str:
        return (self._today + timedelta(days=days)).isoformat()

    def _student(self, organization: str) -> Affiliation:
        return Affiliation("1", "student", organization, self._day(-_LONG), self._day(_LONG))

    def _staff(self, role: str) -> Affiliation:
        return Affiliation("1", "staff", "science.physics", self._day(-_LONG), role=role)

    def _faculty(self, organization: str) -> Affiliation:
        return Affiliation("1", "faculty", organization, self._day(-_LONG))

    def _guest(self) -> Affiliation:
        return Affiliation("1", "guest", "arts.music", self._day(-1), self._day(_LONG))


def changed(person: Person, **attributes: Any) -> Person:
    """The person with other attributes."""
    return replace(person, attributes={**person.attributes, **attributes})


def left(person: Person) -> Person:
    """The person without any affiliation: what was stated before is not stated any more."""
    return replace(person, affiliations=())


def deleted(person: Person) -> Person:
    """The person whom the registry does not know any more."""
    return replace(person, deleted=True)
