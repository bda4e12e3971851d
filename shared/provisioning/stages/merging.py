"""Two identities become one, or one becomes two again, by an operator's word: written together, decided and rung."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from provisioning.core.account import Account
from provisioning.core.bell import Cause
from provisioning.core.errors import InvalidError
from provisioning.core.identity import Identity
from provisioning.core.linking import Answer, Claim, Claimant, Claimed, Question, question_id, reclaimed
from provisioning.core.matching import evidence_of
from provisioning.core.merging import Moved, Person, came_together, merged, split
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.together import LinkTo
from provisioning.ports import Bells, Holding
from provisioning.stages.decide import Decide, settle
from provisioning.stages.forward import found_at
from provisioning.stages.linking import Change, Part

_WAKE: Final = 60  # seconds after which what was changed is looked at again, if nobody rang for it


async def merge(
    decide: Decide, bells: Bells, goes: Holding, stays: Holding, why: str, questions: tuple[Question, ...], now: Instant
) -> str:
    """Merge two identities as they were read; returns whose all of it is. `questions`: that it answers.

    Raises InvalidError if they cannot be one, ConflictError if others wrote them since.
    """
    one, other = _person(goes), _person(stays)
    policy = await _policy(decide, one.identity, other.identity)
    moved = merged(one, other, policy.services, why, now)
    links = tuple(
        LinkTo(each.source, each.key, other.identity.id, one.identity.id) for each in one.identity.records.values()
    )
    claims = await _claims(decide, one.identity, other.identity.id, tuple(one.identity.linking.claims))
    # Who keeps no account is only written: nothing is decided for whom nobody knows any more.
    parts = [Part(other.identity, moved.joined, moved.of(other))]
    merged_ = () if moved.left.entitlements else (replace(moved.left, sequence=policy.sequence),)
    if not merged_:
        parts.append(Part(one.identity, moved.left, moved.of(one)))
    change = Change(tuple(parts), links, claims, questions, merged_, _decided(moved, policy), now + _WAKE)
    await _carry_out(decide, bells, policy, change, f"merge-{one.identity.id}", now)
    return other.identity.id


async def divide(decide: Decide, bells: Bells, source: str, key: str, now: Instant) -> str:
    """Take a record out of its identity, with all that came with it; returns whose it is then.

    What was merged is as it was before; a record that came from nowhere is of a new identity. They are not matched
    with each other again on the same evidence. Raises InvalidError, and ConflictError if others wrote them since.
    """
    identity = (await decide.identities.links([(source, key)])).get((source, key))
    if identity is None:
        raise InvalidError(f"nobody is known as {source}/{key}", right="SOURCE/KEY of a record")
    stays = _person(await found_at(decide.identities, identity))
    record = stays.identity.records.get(source)
    if record is None or record.key != key:
        raise InvalidError(f"{stays.identity.id} has no record {source}/{key} now", right="a record that it has")
    origin, sources = came_together(stays.identity, record)
    goes = await _origin(decide, origin, stays.identity.id)
    policy = await _policy(decide, stays.identity, goes.identity)
    moved = split(stays, goes, sources, policy.services, now)
    records = [stays.identity.records[each] for each in sources]
    links = tuple(LinkTo(each.source, each.key, goes.identity.id, stays.identity.id) for each in records)
    claims = await _claims(decide, stays.identity, goes.identity.id, sources)
    questions = await _separate(decide, policy, moved, stays.identity, sources, now)
    parts = (
        Part(stays.identity, moved.left, moved.of(stays)),
        Part(goes.identity, moved.joined, moved.of(goes)),
    )
    change = Change(parts, links, claims, questions, (), _decided(moved, policy), now + _WAKE)
    await _carry_out(decide, bells, policy, change, f"split-{stays.identity.id}", now)
    return goes.identity.id


async def _origin(decide: Decide, origin: str, into: str) -> Person:
    """The identity that a record came from, if that still forwards to where the record is; else a new one."""
    holding = await decide.identities.holding(origin) if origin else Holding(None, {})
    if holding.identity is not None and holding.identity.forward == into:
        return _person(holding)
    return Person(Identity(decide.new_identity()), {})


def _person(holding: Holding) -> Person:
    if holding.identity is None:
        raise InvalidError("there is no such person", right="an identity's id")
    return Person(holding.identity, dict(holding.accounts))


async def _policy(decide: Decide, *identities: Identity) -> Policy:
    return await decide.policies.current(at_least=max(each.sequence for each in identities))


def _decided(moved: Moved, policy: Policy) -> tuple[Account, ...]:
    """The accounts that move, as by the bundle that decides: whoever knows an older one does not write them."""
    return tuple(replace(each, sequence=policy.sequence) for each in moved.accounts)


async def _claims(decide: Decide, identity: Identity, to: str, sources: Sequence[str]) -> tuple[Claimed, ...]:
    """The claims of some records of an identity, which are another's from now on."""
    own = identity.linking.claims
    pairs = [(claim, source) for source in sources for claim in own.get(source, ())]
    found = await decide.identities.claimed([claim for claim, _ in pairs]) if pairs else ()

    def by(owner: str) -> list[tuple[Claim, Claimant]]:
        return [(claim, Claimant(source, identity.records[source].key, owner)) for claim, source in pairs]

    return reclaimed(found, by(identity.id), by(to))


async def _separate(
    decide: Decide, policy: Policy, moved: Moved, stays: Identity, sources: Sequence[str], now: Instant
) -> tuple[Question, ...]:
    """What the two have in common, as a question that is answered already: they are two."""
    matchers, rest = policy.bundle.matchers, moved.left.linking.claims
    stated = [
        Claimed(claim, (Claimant(source, stays.records[source].key, stays.id),))
        for source, some in rest.items()
        for claim in some
    ]
    questions = []
    for source in sources:
        record = stays.records[source]
        evidence = evidence_of(matchers, record, stays.linking.claims.get(source, ()), stated, moved.joined.id)
        if evidence:
            asked = await decide.identities.question(question_id(evidence))
            made = Question(
                question_id(evidence), source, record.key, moved.joined.id, evidence, ("an operator split them",), now
            )
            questions.append(replace(asked or made, answer=Answer.SEPARATE))
    return tuple(questions)


async def _carry_out(decide: Decide, bells: Bells, policy: Policy, change: Change, trace: str, now: Instant) -> None:
    rings = await settle(decide, policy, change, now, Cause.COMMAND, trace)
    if rings:
        await bells.ring(rings, now)
