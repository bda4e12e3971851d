"""An operator's answer to a question of who is who."""

from dataclasses import dataclass, replace

from provisioning.core.errors import ConflictError, InvalidError, TransientError
from provisioning.core.linking import Answer, Question
from provisioning.core.period import Instant
from provisioning.core.together import Together
from provisioning.ports import Bells
from provisioning.stages.decide import ATTEMPTS, Decide
from provisioning.stages.forward import found_at
from provisioning.stages.merging import divide, merge


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

    Of two of whom one alone has accounts, that one stays. Raises InvalidError if they cannot be one, TransientError
    if others keep writing them.
    """
    for _ in range(ATTEMPTS):
        question = await open_question(shell, id_)
        if identity not in question.candidates:
            right = f"one of {', '.join(question.candidates)}"
            raise InvalidError(f"{identity!r} is no candidate of question {id_}", right=right)
        own, other = [await found_at(shell.decide.identities, each) for each in (question.identity, identity)]
        goes, stays = (other, own) if own.accounts and not other.accounts else (own, other)
        done = (replace(question, answer=Answer.LINKED),)
        try:
            if goes.identity is not None and stays.identity is not None and goes.identity.id == stays.identity.id:
                # Loses to somebody else's answer.
                await shell.decide.identities.put_together(Together(questions=done))
                return goes.identity.id
            return await merge(shell.decide, shell.bells, goes, stays, f"answer to question {id_}", done, now)
        except ConflictError:  # one of them was written since our read
            continue
    raise TransientError(f"the persons of question {id_} are being written by others")


async def unite(shell: Answering, goes: str, stays: str, now: Instant) -> str:
    """Merge one identity into another without having been asked; returns whose all of it is.

    Raises InvalidError if they cannot be one, TransientError if others keep writing them.
    """
    for _ in range(ATTEMPTS):
        one, other = [await found_at(shell.decide.identities, each) for each in (goes, stays)]
        try:
            return await merge(shell.decide, shell.bells, one, other, "merged by an operator", (), now)
        except ConflictError:  # one of them was written since our read
            continue
    raise TransientError(f"{goes} and {stays} are being written by others")


async def part(shell: Answering, source: str, key: str, now: Instant) -> str:
    """Take a record out of its identity; returns whose it is then. Raises InvalidError, TransientError."""
    for _ in range(ATTEMPTS):
        try:
            return await divide(shell.decide, shell.bells, source, key, now)
        except ConflictError:  # one of them was written since our read
            continue
    raise TransientError(f"{source}/{key} is being written by others")
