"""The compiled bundle: what functions hold in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from provisioning.core.account import Json
from provisioning.core.catalog import Bundle, Rule, Service, Source
from provisioning.core.expression import Expression, Selection
from provisioning.core.identity import Identity, person
from provisioning.core.mapping import AccountMapping
from provisioning.core.merge import merge, said
from provisioning.core.period import BEGINNING, FOREVER, Duration, Instant, Period
from provisioning.core.reading import Reader
from provisioning.core.record import Schema
from provisioning.core.trust import Circle, Trust


@dataclass(frozen=True, slots=True, eq=False)  # compared as the object that it is, which is quick: `reach` makes one
class Reach:
    """How a rule's own period, lead and grace change the period of a fact. None: not at all."""

    window: Period | None
    lead: Duration | None
    grace: Duration | None


class Gives(NamedTuple):
    """What a rule contributes wherever it holds, ready for use."""

    rule: str
    service: str
    reach: Reach
    authorizations: tuple[str, ...]
    deny: bool
    urgent: bool


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its expression; `window` is its own from/until."""

    rule: Rule
    expression: Expression
    window: Period
    gives: Gives

    @property
    def per_affiliation(self) -> bool:
        """Whether it is tried for each affiliation, or once for the person."""
        return "affiliation" in self.expression.variables


def compiled_rule(rule: Rule, expression: Expression, window: Period) -> CompiledRule:
    """A rule, compiled."""
    own = None if window == (BEGINNING, FOREVER) else window
    reach = _reach(own, rule.lasting.lead or None, rule.lasting.grace or None)
    authorizations = tuple(sorted(set(rule.authorizations)))
    gives = Gives(rule.id, rule.service, reach, authorizations, rule.deny, rule.urgent)
    return CompiledRule(rule, expression, window, gives)


@lru_cache(maxsize=4096)
def _reach(window: Period | None, lead: Duration | None, grace: Duration | None) -> Reach:
    return Reach(window, lead, grace)


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules and mappings of one published bundle. `sequence` grows with every publication."""

    bundle: Bundle
    hash: str
    sequence: int
    schema: Schema
    sources: tuple[str, ...]  # in the order of their precedence
    readers: Mapping[str, Reader]  # by source: of those that speak of fields of their own
    services: Mapping[str, Service]
    mappings: Mapping[str, AccountMapping]
    person_rules: tuple[CompiledRule, ...]
    affiliation_rules: tuple[CompiledRule, ...]
    longest_grace: Duration  # how long after its end a fact can still matter
    person_selection: Selection = field(repr=False)  # of (person)
    affiliation_selection: Selection = field(repr=False)  # of (person, affiliation)
    trust: Trust | None = None  # None: every source is believed in everything, and every service may be told all
    circles: tuple[Circle, ...] = ()
    stale: Mapping[str, Instant] = field(default_factory=dict)  # sources, since when they have been silent too long

    def ended(self, *, spared: bool = False) -> Mapping[str, Instant]:
        """Stale sources whose word counts no more, since when. `spared`: of these, only what nobody is spared."""
        hard = ("end",) if spared else ("end", "suspend")
        found = {}
        for source, since in self.stale.items():
            freshness = self.source(source).freshness if source in self.sources else None
            if freshness is not None and freshness.then in hard:
                found[source] = since
        return found

    def source(self, id_: str) -> Source:
        """A source by its id. Raises KeyError."""
        return {source.id: source for source in self.bundle.sources}[id_]

    @property
    def zone(self) -> ZoneInfo:
        return self.schema.zone

    def told(self, identity: Identity, service: str) -> Mapping[str, Json]:
        """The person as a service may be told of: what its mapping sees."""
        ended = self.ended() if self.stale else {}
        if self.trust is None and not ended:
            return person(identity, self.sources)
        trust = self.trust or Trust(self.sources, {})
        return merge(said(identity, trust, ended), trust, trust.released.get(service))
