"""What rules see of a person: merged attributes and affiliations, of all sources or of some."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from provisioning.core.account import Json
from provisioning.core.identity import Identity, affiliations, person
from provisioning.core.merge import for_rules, merge, said
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.record import Affiliation
from provisioning.core.trust import Circle, Trust, is_believed


class View(NamedTuple):
    """`live`: whether any source knows the person. `facts`: affiliations, stated and closed, each with its name."""

    person: dict[str, Json]
    live: bool
    facts: Sequence[tuple[str, Affiliation]]


def view_of_all(policy: Policy, identity: Identity) -> View:
    """What all sources say."""
    if policy.trust is None and not policy.stale:
        attributes = person(identity, policy.sources, live=True)
        return View(attributes, identity.live, list(affiliations(identity, policy.sources)))
    return view_within(policy, identity, frozenset(policy.sources))


def view_within(policy: Policy, identity: Identity, sources: frozenset[str], *, spared: bool = False) -> View:
    """What these sources say, as far as they are believed and fresh; `spared`: or stale, but to be spared."""
    trust = policy.trust or Trust(policy.sources, {})
    ended = policy.ended(spared=spared) if policy.stale else {}
    words = [word for word in said(identity, trust, ended) if word.source in sources]
    facts = [
        (name, _until(affiliation, ended.get(source, affiliation.end)))
        for name, affiliation in _believed(identity, trust)
        if (source := name.partition("/")[0]) in sources
    ]
    return View(merge(for_rules(words), trust), any(word.live for word in words), facts)


def view_for(policy: Policy, identity: Identity, service: str, *, deny: bool) -> View:
    """What a service's rules see: those that give, or those that deny."""
    circle = _circle(policy.circles, service, deny=deny)
    return view_of_all(policy, identity) if circle is None else view_within(policy, identity, circle.sources)


def _until(affiliation: Affiliation, end: Instant) -> Affiliation:
    return affiliation if affiliation.end <= end else replace(affiliation, end=max(end, affiliation.start))


def _circle(circles: Sequence[Circle], service: str, *, deny: bool) -> Circle | None:
    """The widest circle for a service."""
    those = [circle for circle in circles if service in (circle.denies if deny else circle.gives)]
    return max(those, key=lambda circle: len(circle.sources), default=None)


def _believed(identity: Identity, trust: Trust) -> Iterator[tuple[str, Affiliation]]:
    for name, affiliation in affiliations(identity, trust.sources):
        asserts = trust.asserts.get(name.partition("/")[0])
        if asserts is None or is_believed(affiliation, asserts):
            yield name, affiliation
