"""The simulated tenant: three services with different natures, two bundles, and people who change often.

Each rule stands here twice: as the engine gets it (CEL in a bundle) and as the oracle reads it (a Python predicate).
Durations are minutes, so that a life from joining to removal fits into two simulated hours.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from provisioning.core.catalog import Bundle

START = 1_800_000_000  # the simulation's first second
MINUTE = 60
SOURCE = "registry"
Facts = dict[str, Any]


@dataclass(frozen=True)
class OracleRule:
    """A rule as the oracle reads it. Seconds; `who` gets the person's and the affiliation's facts."""

    service: str
    who: Callable[[Facts, Facts], bool]
    per_affiliation: bool
    authorizations: tuple[str, ...] = ()
    lead: int = 0
    grace: int = 0
    deny: bool = False


GRACE = {"alpha": 0, "beta": 5 * MINUTE, "gamma": 0}
RETENTION = {"alpha": 20 * MINUTE, "beta": 10 * MINUTE, "gamma": 0}

_COMMON: list[tuple[dict[str, Any], OracleRule]] = [
    (
        {"id": "students", "service": "alpha", "who": 'affiliation.type == "student"',
         "lasting": {"lead": "PT10M", "grace": "PT15M"}, "authorizations": ["read"], "because": "students"},
        OracleRule("alpha", lambda _, a: a.get("type") == "student", True, ("read",), 10 * MINUTE, 15 * MINUTE),
    ),
    (
        {"id": "staff", "service": "beta", "who": 'affiliation.type == "staff"',
         "authorizations": ["edit"], "because": "staff"},
        OracleRule("beta", lambda _, a: a.get("type") == "staff", True, ("edit",)),
    ),
    (
        {"id": "blocked", "service": "beta", "deny": True, "who": '"blocked" in person.tags', "because": "blocked"},
        OracleRule("beta", lambda p, _: "blocked" in p.get("tags", []), False, deny=True),
    ),
    (
        {"id": "badges", "service": "gamma", "who": 'affiliation.organization.startsWith("a")', "because": "campus a"},
        OracleRule("gamma", lambda _, a: str(a.get("organization", "")).startswith("a"), True),
    ),
]  # fmt: skip
_ADMINS = (
    {"id": "admins", "service": "beta", "who": '"admin" in person.tags',
     "authorizations": ["admin"], "because": "admins"},
    OracleRule("beta", lambda p, _: "admin" in p.get("tags", []), False, ("admin",)),
)  # fmt: skip
_GUESTS = (
    {"id": "guests", "service": "alpha", "who": 'affiliation.type == "guest" && affiliation.organization != "b1"',
     "authorizations": ["visit"], "because": "guests"},
    OracleRule("alpha", lambda _, a: a.get("type") == "guest" and a.get("organization") != "b1", True, ("visit",)),
)  # fmt: skip

RULES = [[*_COMMON, _ADMINS], [*_COMMON[1:], _ADMINS, _GUESTS]]  # the second bundle drops students, adds guests

_USER = {"userName": {"value": "person.login", "required": True}, "title": "person.department"}
_SCIM = {"protocol": "scim", "account": _USER, "settling": 30, "timeout": 10, "private": True}


_READING: dict[str, Any] = {
    "version": "version",
    "fields": {name: {"path": f"attributes.{name}", "kind": kind} for name, kind in (
        ("login", "string"), ("department", "string"), ("tags", "list(string)"),
    )},
    "attributes": {name: f"fields.{name}" for name in ("login", "department", "tags")},
    "affiliations": [{
        "each": "affiliations",
        "item": dict.fromkeys(("id", "start", "end", "type", "organization"), "string"),
        "id": "item.id", "start": "item.start", "end": "item.end",
        "facts": {"type": "item.type", "organization": "item.organization"},
    }],
}  # fmt: skip
# More may be missing than there are people: nobody is there to release what is held.
_POLLED: dict[str, Any] = {
    "record": _READING, "absence": {"least": 100},
    "poll": {"every": 1, "files": {"place": "s3:///registry", "full": "*.csv", "key": "key"}},
}  # fmt: skip


# So few that every day some are held; an operator releases them: see `world`.
LET_THROUGH = 6
_BRAKE: dict[str, Any] = {"window": "PT1H", "removals": LET_THROUGH, "least": LET_THROUGH}


def bundle(number: int, *, polled: bool = False) -> Bundle:
    """The engine's form of bundle 0 or 1. `polled`: the registry is asked."""
    services: list[dict[str, Any]] = [
        {"id": "alpha", "endpoint": "http://alpha", "lifecycle": {"retention": "PT20M"}, "brake": _BRAKE, **_SCIM},
        {"id": "beta", "endpoint": "http://beta", "lifecycle": {"grace": "PT5M", "retention": "PT10M"},
         "groups": {"edit": "editors", "admin": "administrators"}, "create_groups": True, "rate": 2,
         "scim": {"member_batch": 20} if number else None, "brake": _BRAKE, **_SCIM},
        {"id": "gamma", "endpoint": "http://gamma", "protocol": "queue", "match": "login",
         "account": {"login": "person.login"}, "brake": _BRAKE},
    ]  # fmt: skip
    return Bundle.model_validate(
        {
            "tenant": {
                "id": "campus",
                "person": {"login": "string", "department": "string", "tags": "list(string)"},
                "affiliation": {"type": "string", "organization": "string"},
            },
            "sources": [{"id": SOURCE, **(_POLLED if polled else {})}],
            "services": services,
            "rules": [engine for engine, _ in RULES[number]],
        }
    )


@dataclass(frozen=True)
class Period:
    """An affiliation as the registry keeps it."""

    id: str
    start: int
    end: int | None
    facts: Facts


@dataclass(frozen=True)
class Version:
    """One version of one person."""

    key: str
    version: int
    deleted: bool
    attributes: Facts
    affiliations: tuple[Period, ...] = ()

    def data(self) -> dict[str, Any]:
        """What the registry publishes."""
        return {
            "key": self.key,
            "version": self.version,
            "deleted": self.deleted,
            "attributes": self.attributes,
            "affiliations": [
                {
                    "id": item.id,
                    "start": _text(item.start),
                    **({"end": _text(item.end)} if item.end else {}),
                    **item.facts,
                }
                for item in self.affiliations
            ],
        }


def _text(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat()


@dataclass
class Registry:
    """The IDMS of the simulation: it invents people and changes them."""

    chance: random.Random
    people: dict[str, list[Version]] = field(default_factory=dict)

    def join(self, number: int, now: int) -> Version:
        """A new person."""
        chance = self.chance
        attributes: Facts = {"login": f"user{number}", "department": f"d{chance.randrange(3)}", "tags": self._tags()}
        affiliations = tuple(self._affiliation(f"{index}", now) for index in range(chance.choice([0, 1, 1, 2])))
        return self._keep(Version(f"p{number}", 1, False, attributes, affiliations))

    def change(self, key: str, now: int) -> Version:
        """The next version of a person: back to an earlier state, gone, or something new."""
        chance, history = self.chance, self.people[key]
        last = history[-1]
        number, kind = last.version + 1, chance.randrange(8)
        if kind == 0 and len(history) > 1:
            back = history[-2]  # A, B, A in quick succession
            return self._keep(Version(key, number, back.deleted, back.attributes, back.affiliations))
        if kind == 1:
            return self._keep(Version(key, number, True, last.attributes))
        attributes, affiliations = dict(last.attributes), list(last.affiliations)
        if kind in (2, 3):
            attributes["department"], attributes["tags"] = f"d{chance.randrange(3)}", self._tags()
        elif kind in (4, 5) and affiliations:
            affiliations.pop(chance.randrange(len(affiliations)))
        else:
            affiliations.append(self._affiliation(f"{number}", now))
        return self._keep(Version(key, number, False, attributes, tuple(affiliations)))

    def _keep(self, version: Version) -> Version:
        self.people.setdefault(version.key, []).append(version)
        return version

    def _tags(self) -> list[str]:
        return [tag for tag, odds in (("admin", 0.2), ("blocked", 0.15)) if self.chance.random() < odds]

    def _affiliation(self, key: str, now: int) -> Period:
        chance = self.chance
        start = now - now % MINUTE + chance.randrange(-20, 25) * MINUTE
        end = None if chance.random() < 0.4 else start + chance.randrange(5, 60) * MINUTE
        kind = chance.choice(["student", "staff", "guest"])
        return Period(key, start, end, {"type": kind, "organization": chance.choice(["a1", "a2", "b1"])})
