"""What `provision match` asks of a deployed stack. Answers are carried out in this process, as receive would."""

from typing import Any, Final

from provisioning.command.deployed import deployed
from provisioning.command.records_deployed import receive_shell
from provisioning.core.linking import Question
from provisioning.core.period import show
from provisioning.runtime.entry import clock
from provisioning.stages.answer import Answering, link, open_question, part, separate, unite

MOST: Final = 1000  # questions that are shown


async def questions(stack: str, id_: str) -> list[dict[str, Any]]:
    """The questions that are open, oldest first; or one. Raises InvalidError if there is no such."""
    async with deployed(stack) as ports:
        policy = await ports.policies.current()
        shell = receive_shell(ports, policy)
        found = (
            [await open_question(Answering(shell.decide, shell.bells), id_)]
            if id_
            else await ports.table.questions(MOST)
        )
        return [_words(each) for each in found]


async def answer(stack: str, id_: str, identity: str) -> dict[str, str]:
    """Answer a question: by an identity, or, without one, that they are two people."""
    async with deployed(stack) as ports:
        policy = await ports.policies.current()
        shell = receive_shell(ports, policy)
        answering = Answering(shell.decide, shell.bells)
        if not identity:
            question = await separate(answering, id_)
            return {"question": id_, "answer": f"{question.source}/{question.key} stays {question.identity}"}
        return {"question": id_, "answer": f"one person: {await link(answering, id_, identity, clock())}"}


async def merge(stack: str, goes: str, into: str) -> dict[str, str]:
    """Merge an identity into another one. Raises InvalidError if they cannot be one."""
    async with deployed(stack) as ports:
        shell = receive_shell(ports, await ports.policies.current())
        identity = await unite(Answering(shell.decide, shell.bells), goes, into, clock())
        return {"merged": goes, "answer": f"one person: {identity}"}


async def divide(stack: str, record: str) -> dict[str, str]:
    """Take a record, `SOURCE/KEY`, out of its identity. Raises InvalidError if it is not there, or alone."""
    source, _, key = record.partition("/")
    async with deployed(stack) as ports:
        shell = receive_shell(ports, await ports.policies.current())
        identity = await part(Answering(shell.decide, shell.bells), source, key, clock())
        return {"split": record, "answer": f"a person of its own: {identity}"}


def _words(question: Question) -> dict[str, Any]:
    return {
        "question": question.id,
        "at": show(question.at),
        "record": f"{question.source}/{question.key}",
        "identity": question.identity,
        "evidence": [
            {
                "matcher": each.matcher,
                "tier": each.tier,
                "record": f"{each.other_source}/{each.other_key}",
                "identity": each.identity,
            }
            for each in question.evidence
        ],
        "against": list(question.against),
    }
