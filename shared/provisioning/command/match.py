"""`provision match`: records that may be one person's: list the questions, and answer them."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from provisioning.command.options import Json, Stack, print_json
from provisioning.core.errors import InvalidError
from provisioning.runtime.entry import run


def match(
    question: Annotated[str, typer.Argument(help="One question; without it all that are open.")] = "",
    link: Annotated[str, typer.Option(help="They are one person: this candidate, by its identity's id.")] = "",
    separate: Annotated[bool, typer.Option("--separate", help="They are two people.")] = False,
    merge: Annotated[str, typer.Option(help="An identity that goes into another one, with its accounts.")] = "",
    into: Annotated[str, typer.Option(help="The identity that it goes into.")] = "",
    split: Annotated[str, typer.Option(help="SOURCE/KEY that is another person: undo its merge, or part it.")] = "",
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """List records that may be somebody's whom we know, with evidence and what speaks against it; answer one.

    Without a question, merge two identities or split one.
    """
    from provisioning.command import match_deployed as deployed

    answers, acts = [bool(link), separate], [bool(merge or into), bool(split)]
    right = "QUESTION with --link IDENTITY or --separate; or --merge IDENTITY --into IDENTITY; or --split SOURCE/KEY"
    if sum(answers + acts) > 1 or (question and any(acts)) or (any(answers) and not question):
        raise InvalidError("which question, and which answer", right=right)
    if bool(merge) != bool(into) or (split and not all(split.partition("/"))):
        raise InvalidError("who goes where", right=right)
    if any(answers + acts):
        if split:
            told = run(deployed.divide(stack, split))
        elif merge:
            told = run(deployed.merge(stack, merge, into))
        else:
            told = run(deployed.answer(stack, question, link))
        _print_answer(told, as_json=as_json)
        return
    found = run(deployed.questions(stack, question))
    if as_json:
        print_json(found)
        return
    console = Console()
    for each in found:
        console.print(_words(each), markup=False, highlight=False, soft_wrap=True)
    if not found:
        console.print("no question is open", markup=False, highlight=False)


def _print_answer(told: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        Console().print(": ".join(told.values()), markup=False, highlight=False, soft_wrap=True)


def _words(question: Mapping[str, Any]) -> str:
    lines = [f"{question['question']}  {question['at']}  {question['record']}, now {question['identity']}"]
    lines += [
        f"  may be {each['identity']}: {each['matcher']} of tier {each['tier']}, as {each['record']}"
        for each in question["evidence"]
    ]
    lines += [f"  against it: {reason}" for reason in question["against"]]
    return "\n".join(lines)
