"""What is believed of each source, compiled: design §10. Nothing of a record that is not believed leaves it.

A record is looked at when it arrives, so that what is not believed is not stored; and whenever it is used, so that a
bundle which believes less is obeyed at once.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from provisioning.core.account import Json
from provisioning.core.record import Affiliation, Record
from provisioning.core.trust_options import Asserts, Patterns, Support

ANYTHING: Final = ("*",)
ALL: Final = frozenset({"*"})  # every attribute
ACCESS: Final = ""  # stands for a service itself among its authorizations


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe about what, whose word counts first, who may be told.

    `asserts`: by source; one that is not there is believed in everything. `precedence`: by attribute, all sources,
    where that is not the bundle's order. `longest`: values of a list. `released`: by service and source, what may be
    told; a service that is not there may be told all. `demands`: by service, whose support it demands.
    """

    sources: tuple[str, ...]
    domains: Mapping[str, str]
    asserts: Mapping[str, Asserts] = field(default_factory=dict)
    precedence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unions: frozenset[str] = frozenset()
    longest: int = 100
    released: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    demands: Mapping[str, Support] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circle:
    """Sources whose word is heard together, and alone, for some services.

    `gives`: services with the authorizations that it may give (None: whatever a rule gives; ACCESS: the service
    itself). `denies`: services that it may deny. `covers`: (service, demand) for which its support is asked.
    """

    sources: frozenset[str]
    gives: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    denies: frozenset[str] = frozenset()
    covers: frozenset[tuple[str, str]] = frozenset()

    @property
    def services(self) -> frozenset[str]:
        """For which it is heard."""
        return self.denies.union(self.gives, (service for service, _ in self.covers))


def circles(trust: Trust, authorizations: Mapping[str, frozenset[str]]) -> tuple[Circle, ...]:
    """The circles by which all services are decided. `authorizations`: by service, all that its rules give."""
    gives: dict[frozenset[str], dict[str, frozenset[str] | None]] = {}
    denies: dict[frozenset[str], set[str]] = {}
    covers: dict[frozenset[str], set[tuple[str, str]]] = {}
    for service, names in authorizations.items():
        speak = frozenset(source for source in trust.sources if _supports(trust, source, service, ACCESS))
        denies.setdefault(speak, set()).add(service)
        for demand in _demands(trust.demands.get(service)):
            circle = frozenset(source for source in speak if trust.domains[source] in demand)
            covers.setdefault(circle, set()).add((service, " or ".join(demand)))
        by_circle: dict[frozenset[str], set[str]] = {speak: {ACCESS}}
        for name in sorted(names):
            some = frozenset(source for source in speak if _supports(trust, source, service, name))
            by_circle.setdefault(some, set()).add(name)
        for some, given in by_circle.items():
            everything = some == speak and given == {ACCESS, *names}
            gives.setdefault(some, {})[service] = None if everything else frozenset(given)
    return tuple(
        Circle(some, gives.get(some, {}), frozenset(denies.get(some, ())), frozenset(covers.get(some, ())))
        for some in sorted({*gives, *denies, *covers}, key=sorted)
    )


def _demands(support: Support | None) -> list[tuple[str, ...]]:
    """The groups of domains of each of which one must support a service."""
    if support is None:
        return []
    return [*([support.any] if support.any else []), *((domain,) for domain in support.all)]


def _supports(trust: Trust, source: str, service: str, authorization: str) -> bool:
    asserts = trust.asserts.get(source)
    if asserts is None or asserts.supports is None:
        return True
    named = asserts.supports.get(service)
    return named is not None and (authorization == ACCESS or authorization in named or named == ANYTHING)


def may_tell(released: Mapping[str, frozenset[str]] | None, source: str, attribute: str) -> bool:
    """Whether a source's word about an attribute may leave. `released` None: everything may."""
    if released is None:
        return True
    attributes = released.get(source, frozenset())
    return attribute in attributes or attributes == ALL


def believed(record: Record, asserts: Asserts) -> tuple[Record, Counter[str]]:
    """The part of a record that is believed, with notices of the rest; and how much that is, by attribute."""
    dropped: Counter[str] = Counter()
    kept: dict[str, Json] = {}
    for name, value in record.attributes.items():
        some = _believed(value, asserts.attributes.get(name, ()))
        if some is not None:
            kept[name] = some
        dropped[name] += _count(value) - _count(some)
    affiliations = tuple(each for each in record.affiliations if is_believed(each, asserts))
    dropped["affiliations"] += len(record.affiliations) - len(affiliations)
    notices = tuple(f"{name}: {count} not believed of {record.source}" for name, count in sorted((+dropped).items()))
    part = replace(record, attributes=kept, affiliations=affiliations, notices=(*record.notices, *notices))
    return part, +dropped


def believed_attributes(record: Record, asserts: Asserts | None) -> Mapping[str, Json]:
    """The attributes of a stored record that are believed now."""
    if asserts is None:
        return record.attributes
    values = {name: _believed(value, asserts.attributes.get(name, ())) for name, value in record.attributes.items()}
    return {name: value for name, value in values.items() if value is not None}


def is_believed(affiliation: Affiliation, asserts: Asserts) -> bool:
    """Whether every fact that limits a source's affiliations is stated, and within its limits."""
    if asserts.affiliations is None:
        return False
    limited = [(affiliation.facts.get(name), patterns) for name, patterns in asserts.affiliations.items()]
    return all(value is not None and _believed(value, patterns) == value for value, patterns in limited)


def is_about(key: str, asserts: Asserts) -> bool:
    """Whether a source may speak of the subject of this key."""
    return _fits(key, asserts.keys)


def _believed(value: Json, patterns: Patterns) -> Json:
    """A value, or the part of a list, that is within the limits; None: nothing of it is."""
    if value is None or not patterns:
        return None
    if patterns == ANYTHING:
        return value
    if isinstance(value, list):
        kept = [item for item in value if _fits(item, patterns)]
        return kept if kept or not value else None
    return value if _fits(value, patterns) else None


def _fits(value: Json, patterns: Patterns) -> bool:
    return isinstance(value, str) and _fits_text(value, patterns)


@lru_cache(maxsize=65536)  # the same people are looked at again and again
def _fits_text(text: str, patterns: Patterns) -> bool:
    folded = text.casefold()
    return any(pattern == "*" or fnmatchcase(folded, pattern.casefold()) for pattern in patterns)


def _count(value: Json) -> int:
    return 0 if value is None else len(value) if isinstance(value, list) else 1
