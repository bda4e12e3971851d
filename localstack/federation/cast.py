"""Who is stated by whom. The three IDMSs publish as the campus' does; keys and addresses say whose they are."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from localstack.campus.people import Affiliation, Person

ADA, CARL = "0000-0002-1825-0097", "0000-0001-5109-3700"
STOLEN: Final = "stolen"  # in every value that nobody may ever receive
SINCE: Final = "2026-01-01"


def _person(key: str, organization: str, kind: str, **attributes: Any) -> Person:
    return Person(key, attributes, (Affiliation("1", kind, organization, SINCE),))


def honest() -> Mapping[str, list[Person]]:
    """By source, what each states of its own people. Ada has two homes; she and Carl are in a project."""
    return {
        "north": [
            _person("ada@north.example", "north.physics", "staff", name="Ada", mail="ada@north.example",
                    orcid=ADA, birth="1990-12-10", projects=["north:optics"]),
            _person("bob@north.example", "north", "student", name="Bob", mail="bob@north.example"),
            _person("carl@north.example", "north", "staff", name="Carl", mail="carl@north.example",
                    orcid=CARL, birth="1985-04-30"),
        ],
        "south": [
            _person("ada.l@south.example", "south", "student", name="Ada L.", mail="ada.l@south.example",
                    orcid=ADA, birth="1990-12-10"),
            _person("dora@south.example", "south", "staff", name="Dora", mail="dora@south.example"),
        ],
        "grid": [
            _person("g1", "grid", "member", orcid=ADA, projects=["grid:climate"]),
            _person("g2", "grid", "member", orcid=CARL, projects=["grid:quantum"]),
        ],
    }  # fmt: skip


def impostors() -> list[Person]:
    """What South says and may not: of others' people, in others' names, and of somebody who claims Carl's ORCID."""
    return [
        _person("bob@north.example", "south", "student", name=f"{STOLEN} Bob", mail=f"{STOLEN}@south.example"),
        Person("carl@north.example", {}, deleted=True),
        # Of its own people, but what it says of them is not its to say.
        _person("frank@south.example", "north.physics", "staff", name="Frank", mail="frank@south.example",
                projects=[f"grid:{STOLEN}", f"north:{STOLEN}"]),
        _person("mallory@south.example", "north.physics", "staff", name=f"{STOLEN} Carl",
                mail=f"{STOLEN}@north.example", orcid=CARL, birth="1999-09-09"),
    ]  # fmt: skip


def gone(person: Person) -> Person:
    """The same, withdrawn."""
    return replace(person, attributes={}, affiliations=(), deleted=True)
