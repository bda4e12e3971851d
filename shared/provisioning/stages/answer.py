"""An operator's answer to a question of who is who."""

from dataclasses import dataclass, replace

from provisioning.core.bell import Cause
from provisioning.core.errors import ConflictError, InvalidError, TransientError
from provisioning.core.identity import Identity
from provisioning.core.linking import Answer, Question
from provisioning.core.period import Instant
from provisioning.core.together import Together
from provisioning.ports import Bells, Holding
from provisioning.stages.decide import ATTEMPTS, Decide, settle
from provisioning.stages.linking import Matching, Part, answered, found_at


@dataclass(frozen=True, slots=True)
class Answering:
    """What answering needs."""

    decide: Decide
    bells: Bells


async def open_question(shell: Answering, id_: str) -> Question:
    """A question that waits for an answer. Raises InvalidError if there is none."""
    question = await shell.decide.identities.question(id_)
    if question is None:
        raise InvalidError(f"there is no question {id_!r}", right="an id that `provision match` lists")
    if question.answer is not Answer.OPEN:
        raise InvalidError(f"question {id_} was answered: {question.answer}", right="one that is open")
    return question


async def separate(shell: Answering, id_: str) -> Question:
    """They are two people: the same evidence is not asked about again. Raises InvalidError, ConflictError."""
    question = replace(await open_question(shell, id_), answer=Answer.SEPARATE)
    # Loses to somebody else's answer.
    await shell.decide.identities.put_together(Together(questions=(question,)))
    return question


async def link(shell: Answering, id_: str, identity: str, now: Instant) -> str:
    """They are one person, `identity`; returns whose the record is then. Decided, stored and rung like a link.

    The one of the two that has one record and no account goes to the other one. Raises InvalidError if neither can,
    TransientError if others keep writing them.
    """
    for _ in range(ATTEMPTS):
        question = await open_question(shell, id_)
        if identity not in question.candidates:
            right = f"one of {', '.join(question.candidates)}"
            raise InvalidError(f"{identity!r} is no candidate of question {id_}", right=right)
        own, other = [await found_at(shell.decide.identities, each) for each in (question.identity, identity)]
        goes, stays = _direction(own, other)
        try:
            return await _link(shell, question, goes, stays, now)
        except ConflictError:  # one of them was written since our read
            continue
    raise TransientError(f"the persons of question {id_} are being written by others")


async def _link(shell: Answering, question: Question, goes: Holding, stays: Holding, now: Instant) -> str:
    if goes.identity is None or stays.identity is None:
        raise InvalidError(f"nobody is there whom question {question.id} is about", right="--separate")
    sequences = goes.identity.sequence, stays.identity.sequence
    policy = await shell.decide.policies.current(at_least=max(sequences))
    trace = f"answer-{question.id}"
    matching = Matching(shell.decide.identities, policy, shell.decide.log, now, trace)
    change = await answered(matching, question, Part(goes.identity, goes.identity), stays)
    bells = await settle(shell.decide, policy, change, now, Cause.COMMAND, trace)
    if bells:
        await shell.bells.ring(bells, now)
    return stays.identity.id


def _direction(own: Holding, other: Holding) -> tuple[Holding, Holding]:
    """Who goes, and to whom."""
    if _can_go(own):
        return own, other
    if _can_go(other):
        return other, own
    right = "--separate; two persons who both have accounts, or several records, are not merged yet"
    raise InvalidError("both have accounts or several records", right=right)


def _can_go(holding: Holding) -> bool:
    identity: Identity | None = holding.identity
    return identity is not None and len(identity.records) == 1 and not holding.accounts
