"""Records × what others claim → whether it is somebody we know: through matchers that an operator declared, or not.

A match is never guessed: one candidate and nothing that speaks against it, or it is a question for a person.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from provisioning.core.catalog import Bundle
from provisioning.core.errors import InvalidError
from provisioning.core.identity import Identity
from provisioning.core.linking import Claim, Claimed, Evidence
from provisioning.core.matching_options import Matcher
from provisioning.core.normalizers import normalized
from provisioning.core.record import Record
from provisioning.core.wire import digest_of

MOST_CLAIMS: Final = 10  # of one record; the strongest matchers' first
_LONGEST: Final = 200  # characters of a claim's value; of what is longer, a digest stands for the rest


@dataclass(frozen=True, slots=True)
class Link:
    """It is this identity's."""

    identity: str
    why: str


@dataclass(frozen=True, slots=True)
class New:
    """It is nobody's whom we know."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """It may be somebody's whom we know: a person must say. `against`: what speaks against it."""

    evidence: tuple[Evidence, ...]
    against: tuple[str, ...] = field(default=())


Verdict = Link | New | Doubt


def values_of(matcher: Matcher, record: Record) -> list[str]:
    """What a record states under a matcher, normalized, each once."""
    stated = record.attributes.get(matcher.attribute)
    values = [stated] if isinstance(stated, str) else stated if isinstance(stated, list) else []
    found = (normalized(matcher.normalize, value) for value in values if isinstance(value, str))
    return list(dict.fromkeys(_short(value) for value in found if value))


def claims_of(matchers: Sequence[Matcher], record: Record) -> tuple[Claim, ...]:
    """What a record claims, `MOST_CLAIMS` at most. A deleted one claims nothing: its source does not vouch for it."""
    if record.deleted:
        return ()
    own = sorted((each for each in matchers if record.source in each.between), key=lambda each: (each.tier, each.id))
    found = [Claim(matcher.id, value) for matcher in own for value in sorted(values_of(matcher, record)[:MOST_CLAIMS])]
    return tuple(found[:MOST_CLAIMS])


def all_claims(matchers: Sequence[Matcher], identity: Identity) -> dict[str, tuple[Claim, ...]]:
    """What each record of an identity claims, by source; those that claim nothing are left out."""
    found = {source: claims_of(matchers, record) for source, record in identity.records.items()}
    return {source: claims for source, claims in found.items() if claims}


def evidence_of(
    matchers: Sequence[Matcher], record: Record, claims: Iterable[Claim], found: Iterable[Claimed], own: str
) -> tuple[Evidence, ...]:
    """Whose records, of others than `own`, have a value that this one claims, by a matcher strong for both sources."""
    by_id, stated = {matcher.id: matcher for matcher in matchers}, set(claims)
    evidence = []
    for each in found:
        matcher = by_id.get(each.claim.matcher)
        if matcher is None or each.crowded or each.claim not in stated or record.source not in matcher.between:
            continue
        for other in each.claimants:
            if other.identity != own and other.source != record.source and other.source in matcher.between:
                value = digest_of(each.claim.value)
                evidence.append(Evidence(matcher.id, matcher.tier, value, record.source, record.key, *other))
    return tuple(sorted(evidence))


def judge(
    matchers: Sequence[Matcher], record: Record, evidence: Sequence[Evidence], candidate: Identity | None
) -> Verdict:
    """Whose a record is. `candidate`: the one that all the evidence points to, if it points to one.

    Exactly one, live, without anything against it; otherwise nobody, and a question unless nothing pointed anywhere.
    """
    if not evidence:
        return New()
    others = {each.identity for each in evidence}
    if len(others) > 1 or candidate is None:
        return Doubt(tuple(evidence), (f"{len(others)} persons have what it states",))
    if not candidate.live:
        return New()
    against = tuple(contradictions(matchers, record, evidence, candidate))
    if against:
        return Doubt(tuple(evidence), against)
    first = min(evidence, key=lambda each: each.tier)
    return Link(candidate.id, f"{first.matcher}, as {first.other_source}/{first.other_key}")


def contradictions(
    matchers: Sequence[Matcher], record: Record, evidence: Sequence[Evidence], candidate: Identity
) -> list[str]:
    """What speaks against a record being a candidate's, in words."""
    found = []
    same = candidate.records.get(record.source)
    if same is not None:  # also if it is of the same key: then that was given to another person since
        found.append(f"it has a record of {record.source} already, {same.key}")
    used, tier = {each.matcher for each in evidence}, min(each.tier for each in evidence)
    for matcher in matchers:
        if record.source not in matcher.between:
            continue
        for other in candidate.records.values():
            if other.source == record.source or other.source not in matcher.between:
                continue
            if matcher.id in used:
                found += _disagreements(matcher, record, other)
            if matcher.tier < tier and _differ(values_of(matcher, record), values_of(matcher, other)):
                found.append(f"{matcher.id}, which is stronger, differs from {other.source}'s")
    return list(dict.fromkeys(found))


def _disagreements(matcher: Matcher, record: Record, other: Record) -> list[str]:
    return [
        f"{name} differs from {other.source}'s"
        for name in matcher.agree
        if name in record.attributes and name in other.attributes and record.attributes[name] != other.attributes[name]
    ]


def _differ(mine: Sequence[str], theirs: Sequence[str]) -> bool:
    return bool(mine) and bool(theirs) and set(mine).isdisjoint(theirs)


def is_another(when: Sequence[str], known: Record, record: Record) -> bool:
    """Whether a record under a known key is another person's: an attribute that never changes is stated otherwise."""
    before, after = known.attributes, record.attributes
    return any(name in before and name in after and before[name] != after[name] for name in when)


def _short(value: str) -> str:
    if len(value) <= _LONGEST:
        return value
    return f"{value[:_LONGEST]}#{hashlib.sha256(value.encode()).hexdigest()}"


def matching_problems(bundle: Bundle) -> Iterable[InvalidError]:
    """What is wrong with matchers, and with the attributes by which reassigned keys are recognized."""
    person, sources = bundle.tenant.person, {source.id for source in bundle.sources}
    for matcher in bundle.matchers:
        where = f"matchers/{matcher.id}"
        kind = person.get(matcher.attribute)
        if kind not in ("string", "list(string)"):
            none = f"there is no attribute {matcher.attribute!r}"
            told = none if kind is None else f"{matcher.attribute} is of type {kind}"
            yield InvalidError(told, f"{where}.attribute", right=_strings(person))
        if len(set(matcher.between)) < len(matcher.between):
            right = "each source once: none is matched with itself"
            yield InvalidError("a source stands twice", f"{where}.between", right=right)
        for name in matcher.between:
            if name not in sources:
                right = f"one of {', '.join(sorted(sources))}"
                yield InvalidError(f"there is no source {name!r}", f"{where}.between", right=right)
        yield from _undeclared(matcher.agree, person, f"{where}.agree")
    for source in bundle.sources:
        if source.reassigned is not None:
            yield from _undeclared(source.reassigned.when, person, f"sources/{source.id}.reassigned.when")


def _strings(person: Mapping[str, str]) -> str:
    names = ", ".join(sorted(name for name, kind in person.items() if kind in ("string", "list(string)")))
    return f"an attribute of tenant.person that is a string or list(string): {names or 'there is none'}"


def _undeclared(names: Iterable[str], person: Mapping[str, str], where: str) -> Iterable[InvalidError]:
    for name in names:
        if name not in person:
            yield InvalidError(
                f"there is no attribute {name!r}", where, right=f"one of tenant.person: {', '.join(sorted(person))}"
            )
