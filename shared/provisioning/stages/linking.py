"""Whose a record is: what it claims is compared with what others claim, and the claims go with the identity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from provisioning.core.account import Account
from provisioning.core.identity import MOST_CLOSED, Identity, absorb
from provisioning.core.linking import (
    Answer,
    Claim,
    Claimant,
    Claimed,
    Evidence,
    Linking,
    Past,
    Question,
    question_id,
    reclaimed,
)
from provisioning.core.matching import Doubt, Link, New, Verdict, all_claims, evidence_of, judge
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.record import Record
from provisioning.core.together import LinkTo
from provisioning.ports import Holding, Identities
from provisioning.stages.forward import found_at
from provisioning.stages.message import Log


@dataclass(frozen=True, slots=True)
class Part:
    """An identity to be decided for: as it is stored, and as it is now."""

    stored: Identity
    identity: Identity
    accounts: Mapping[str, Account] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What is written together: identities that are decided for, those that are only written, and what goes along."""

    parts: tuple[Part, ...]
    links: tuple[LinkTo, ...] = ()
    claims: tuple[Claimed, ...] = ()
    questions: tuple[Question, ...] = ()
    merged: tuple[Identity, ...] = ()
    accounts: tuple[Account, ...] = ()
    wake: Instant | None = None  # by then they are looked at again, if whoever changes them dies before the bells ring

    @property
    def is_plain(self) -> bool:
        """Whether it is one identity, with no more than a link that is new."""
        first = not self.links or (len(self.links) == 1 and not self.links[0].was)
        others = (self.claims, self.questions, self.merged, self.accounts)
        return len(self.parts) == 1 and first and not any(others)


@dataclass(frozen=True, slots=True)
class Matching:
    """What matching needs. `apart`: an identity that the record was just taken from; `links`: of the record."""

    identities: Identities
    policy: Policy
    log: Log
    now: Instant
    trace: str
    apart: str = ""


async def match(shell: Matching, part: Part, links: tuple[LinkTo, ...], released: Sequence[Claim] = ()) -> Change:
    """What becomes of an identity whose records claim something: it stays its own, or is somebody's whom we know.

    `released`: what the record in `links` claimed until now, for another identity. Nothing is asked of the table
    unless claims change.
    """
    identity, matchers = part.identity, shell.policy.bundle.matchers
    held, wanted = identity.linking.claims, all_claims(matchers, identity)
    changed = [source for source in {**held, **wanted} if held.get(source, ()) != wanted.get(source, ())]
    if not changed and not released:
        return Change((part,), links)
    involved = [claim for source in changed for claim in (*held.get(source, ()), *wanted.get(source, ()))]
    found = await shell.identities.claimed([*involved, *released])
    for each in found:
        if each.crowded:
            shell.log("claim.crowded", matcher=each.claim.matcher, identity=identity.id, trace=shell.trace)
    evidence = tuple(
        each
        for source in changed
        for each in evidence_of(matchers, identity.records[source], wanted.get(source, ()), found, identity.id)
        if source in identity.records
    )
    verdict, candidate = await _verdict(shell, part, evidence)
    question = await _question(shell, part, verdict, evidence)
    if isinstance(verdict, Link) and candidate is not None and not (question and question.answer is Answer.SEPARATE):
        answered = (replace(question, answer=Answer.LINKED),) if question and question.revision else ()
        return _joined(shell, part, candidate, verdict, _Claims(wanted, found), links, answered)
    before = [*_claimants(identity, held, changed), *_released(links, released)]
    claims = reclaimed(found, before, _claimants(identity, wanted, changed))
    own = replace(part, identity=replace(identity, linking=identity.linking.claiming(wanted)))
    asked = (question,) if question is not None and not question.revision and isinstance(verdict, Doubt) else ()
    return Change((own,), links, claims, asked)


async def another(shell: Matching, part: Part, record: Record, new: str) -> Change:
    """A known key is another person's now: the old identity keeps its history, the new one inherits nothing."""
    stored, linking = part.stored, part.stored.linking
    ended, _ = absorb(stored, replace(record, deleted=True, attributes={}, affiliations=()), shell.now)
    left = {source: claims for source, claims in linking.claims.items() if source != record.source}
    past = Past(shell.now, record.source, record.key, "given to another person", new)
    old = replace(ended, linking=linking.claiming(left).remember([past]))
    begun, _ = absorb(Identity(new), record, shell.now)
    came = Past(shell.now, record.source, record.key, "was another person's", stored.id)
    begun = replace(begun, linking=begun.linking.remember([came]))
    link = LinkTo(record.source, record.key, new, stored.id)
    released = linking.claims.get(record.source, ())
    change = await match(replace(shell, apart=stored.id), Part(Identity(new), begun), (link,), released)
    shell.log("record.reassigned", identity=stored.id, source=record.source, trace=shell.trace)
    return replace(change, parts=(Part(stored, old, part.accounts), *change.parts))


async def _verdict(shell: Matching, part: Part, evidence: Sequence[Evidence]) -> tuple[Verdict, Holding | None]:
    others = {each.identity for each in evidence}
    if not others:
        return New(), None
    holding = await found_at(shell.identities, *others) if len(others) == 1 else None
    candidate = holding.identity if holding is not None else None
    if candidate is not None and candidate.id == part.identity.id:
        return New(), None
    record = part.identity.records[evidence[0].source]
    verdict = judge(shell.policy.bundle.matchers, record, evidence, candidate)
    if isinstance(verdict, Link):
        against = _standing_alone(part, verdict, shell.apart)
        if against:
            return Doubt(tuple(evidence), (against,)), None
    return verdict, holding


def _standing_alone(part: Part, link: Link, apart: str) -> str:
    """Why an identity is not merged without being asked, in words; empty: it may be."""
    if link.identity == apart:
        return "its key was just found to be another person's than that one's"
    if part.stored.revision == 0:
        return ""
    if part.accounts:
        return f"it is known already, and has accounts at {', '.join(sorted(part.accounts))}"
    if len(part.identity.records) > 1:
        return f"it is known already, to {', '.join(sorted(part.identity.records))}"
    return ""


async def _question(shell: Matching, part: Part, verdict: Verdict, evidence: Sequence[Evidence]) -> Question | None:
    """The question about this evidence, as it is stored or to be asked; None: there is none.

    Who is new was never asked about, so nobody looks before it is linked.
    """
    if not evidence or isinstance(verdict, New) or (isinstance(verdict, Link) and part.stored.revision == 0):
        return None
    id_, first = question_id(evidence), evidence[0]
    stored = await shell.identities.question(id_)
    if stored is not None or not isinstance(verdict, Doubt):
        return stored
    identity = part.identity.id
    shell.log("match.question", question=id_, identity=identity, source=first.source, trace=shell.trace)
    return Question(id_, first.source, first.key, identity, verdict.evidence, verdict.against, shell.now)


@dataclass(frozen=True, slots=True)
class _Claims:
    wanted: Mapping[str, tuple[Claim, ...]]
    found: Sequence[Claimed]


def _joined(
    shell: Matching,
    part: Part,
    candidate: Holding,
    verdict: Link,
    claims: _Claims,
    links: tuple[LinkTo, ...],
    questions: tuple[Question, ...],
) -> Change:
    """The one record of an identity that is new, or has nothing yet, goes to another one."""
    into, identity = candidate.identity, part.identity
    if into is None:
        raise AssertionError("a link leads to somebody")  # `judge` says so
    (record,) = identity.records.values()
    origin = identity.id if part.stored.revision else ""
    shell.log("linked", identity=into.id, source=record.source, why=verdict.why, trace=shell.trace)
    came = Past(shell.now, record.source, record.key, verdict.why, origin)
    linking = into.linking.claiming({**into.linking.claims, **claims.wanted}).remember([came])
    closed = tuple(sorted((*into.closed, *identity.closed), key=lambda each: each.affiliation.end)[-MOST_CLOSED:])
    joined = replace(into, records={**into.records, record.source: record}, closed=closed, linking=linking)
    after = [(claim, Claimant(record.source, record.key, into.id)) for claim in claims.wanted.get(record.source, ())]
    before = [(each.claim, Claimant(record.source, record.key, "")) for each in claims.found]
    written = reclaimed(claims.found, before, after)
    moved = tuple(link._replace(identity=into.id) for link in links)
    merged: tuple[Identity, ...] = ()
    fences: tuple[Account, ...] = ()
    if origin:
        moved = (LinkTo(record.source, record.key, into.id, origin),)
        merged = (_forwarding(part.stored, into.id, came, shell.policy.sequence),)
        fences = tuple(
            Account(origin, service, sequence=shell.policy.sequence)
            for service, entitlement in part.stored.entitlements.items()
            if entitlement.turn
        )
    change = Part(into, joined, candidate.accounts)
    return Change((change,), moved, written, questions, merged, fences)


def _forwarding(stored: Identity, into: str, past: Past, sequence: int) -> Identity:
    """An identity that had one record and no account, merged into another one."""
    gone = stored.linking.remember([past._replace(origin=into)])
    linking = Linking(forward=into, past=gone.past)
    return Identity(stored.id, sequence=max(sequence, stored.sequence), revision=stored.revision, linking=linking)


def _claimants(
    identity: Identity, claims: Mapping[str, Sequence[Claim]], sources: Sequence[str]
) -> list[tuple[Claim, Claimant]]:
    return [
        (claim, Claimant(source, identity.records[source].key, identity.id))
        for source in sources
        for claim in claims.get(source, ())
        if source in identity.records
    ]


def _released(links: Sequence[LinkTo], released: Sequence[Claim]) -> list[tuple[Claim, Claimant]]:
    return [(claim, Claimant(link.source, link.key, link.was)) for link in links for claim in released]
