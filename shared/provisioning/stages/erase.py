"""What a source said is erased: of one person whom it has withdrawn, or of everybody, once it has left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.bell import Cause
from provisioning.core.erasure import check_erasable, emptied, erased
from provisioning.core.errors import ConflictError, InvalidError, TransientError
from provisioning.core.identity import Identity
from provisioning.core.linking import Answer, Claim, Claimant, Claimed, Question, reclaimed
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.together import LinkTo
from provisioning.ports import Bells, Histories, Holding, Walk
from provisioning.stages.decide import ATTEMPTS, Decide, settle
from provisioning.stages.linking import Change, Part

PAGE: Final = 500  # identities that are looked for at once
QUESTIONS: Final = 1000  # open ones that are looked at
_WAKE: Final = 60


@dataclass(frozen=True, slots=True)
class Erasing:
    """What it needs."""

    decide: Decide
    walk: Walk
    histories: Histories
    bells: Bells


@dataclass(frozen=True, slots=True)
class Erased:
    """Of how many what a source said is gone; and of whom it cannot be yet, with the reason."""

    done: int
    waiting: tuple[tuple[str, str], ...]


async def erase_record(shell: Erasing, source: str, key: str, now: Instant) -> str:
    """Forget what a source said of one person whom it has withdrawn; returns the identity's id.

    Whoever nobody else states is forgotten wholly, with their history; nothing but a meaning-free id is left. Names
    that were reserved stay: nobody inherits them. Raises InvalidError with the reason why it cannot be yet.
    """
    identity = (await shell.decide.identities.links([(source, key)])).get((source, key))
    if identity is None:
        raise InvalidError(f"nobody is known as {source}/{key}", right="SOURCE/KEY of a record")
    await _erase(shell, identity, source, key, now)
    return identity


async def erase_source(shell: Erasing, source: str, now: Instant) -> Erased:
    """Forget all that a source said that is in the bundle no more. Again after an interruption, it goes on.

    Raises InvalidError if the source is in the bundle.
    """
    policy = await shell.decide.policies.current()
    if source in policy.sources:
        right = "a bundle without it, published; then everybody whom it gave anything has lost that in good order"
        raise InvalidError(f"source {source!r} is in the bundle", right=right)
    done, waiting = 0, list[tuple[str, str]]()
    start: str | None = ""
    while start is not None:
        page, start = await shell.walk.walk(0, 1, start or None, PAGE)
        for identity in page:
            held = (await shell.decide.identities.holding(identity)).identity
            record = held.records.get(source) if held is not None else None
            if record is None:
                continue
            try:
                await _erase(shell, identity, source, record.key, now)
            except InvalidError as error:
                waiting.append((identity, str(error)))
            else:
                done += 1
    return Erased(done, tuple(waiting))


async def _erase(shell: Erasing, id_: str, source: str, key: str, now: Instant) -> None:
    for _ in range(ATTEMPTS):
        holding = await shell.decide.identities.holding(id_)
        identity = holding.identity
        if identity is None or source not in identity.records or identity.records[source].key != key:
            raise InvalidError(f"{id_} has no record {source}/{key} now", right="a record that it has")
        policy = await shell.decide.policies.current(at_least=identity.sequence)
        check_erasable(policy, identity, holding.accounts, source)
        try:
            await _write(shell, policy, holding, identity, source, now)
        except ConflictError:  # it was written since our read
            continue
        if len(identity.records) == 1:
            await shell.histories.erase(id_)
        return
    raise TransientError(f"{id_} is being written by others")


async def _write(
    shell: Erasing, policy: Policy, holding: Holding, identity: Identity, source: str, now: Instant
) -> None:
    key, left = identity.records[source].key, erased(identity, source)
    own = [(claim, Claimant(source, key, identity.id)) for claim in identity.linking.claims.get(source, ())]
    links = (LinkTo(source, key, "", identity.id),)
    change = Change(
        (Part(identity, left, dict(holding.accounts)),) if left.records else (),
        links,
        await _claims(shell, own),
        await _questions(shell, source, key),
        () if left.records else (replace(left, sequence=policy.sequence),),
        () if left.records else emptied(holding.accounts),
        now + _WAKE,
    )
    trace = f"erase-{identity.id}"
    bells = await settle(shell.decide, policy, change, now, Cause.COMMAND, trace)
    if bells:
        await shell.bells.ring(bells, now)


async def _claims(shell: Erasing, own: Sequence[tuple[Claim, Claimant]]) -> tuple[Claimed, ...]:
    found = await shell.decide.identities.claimed([claim for claim, _ in own]) if own else ()
    return reclaimed(found, own, ())


async def _questions(shell: Erasing, source: str, key: str) -> tuple[Question, ...]:
    """The open questions about a record, closed, without its key."""
    about = []
    for question in await shell.decide.identities.questions(QUESTIONS):
        keys = {(question.source, question.key), *((each.other_source, each.other_key) for each in question.evidence)}
        if (source, key) in keys:
            about.append(replace(question, key="", evidence=(), against=("erased",), answer=Answer.SEPARATE))
    return tuple(about)
