"""`provision history`: what became of a person, because of what, and what was sent to whom."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from provisioning.command.options import Json, Stack, print_json
from provisioning.core.errors import InvalidError
from provisioning.runtime.entry import clock, run


def history(
    person: Annotated[str, typer.Argument(help="SOURCE/KEY, or an identity's id.")],
    service: Annotated[str | None, typer.Option(help="What concerns one service; without it all.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as a page with a timeline into this file.")] = None,
    erase: Annotated[bool, typer.Option("--erase", help="Forget all of it, for good.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --erase: it is meant.")] = False,
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """Tell what became of a person: what was said, decided and sent to whom, by names; values are not remembered."""
    from provisioning.command import history_deployed as deployed
    from provisioning.command.history_html import page
    from provisioning.command.history_words import print_history, words

    if erase:
        _erase(stack, person, yes=yes, alone=service is None and html is None, as_json=as_json)
        return
    told = run(deployed.history_of(stack, person, service))
    if html is not None:
        html.write_text(page(told, clock()), encoding="utf-8")
        Console().print(f"{html}: written", markup=False, highlight=False, soft_wrap=True)
    elif as_json:
        print_json(words(told))
    else:
        print_history(Console(), told)


def _erase(stack: str, person: str, *, yes: bool, alone: bool, as_json: bool) -> None:
    from provisioning.command.history_deployed import erase

    if not alone:
        raise InvalidError("all of a history is forgotten, or nothing", "--erase", right="without --service, --html")
    if not yes:
        right = "add --yes to forget all of it, for good"
        raise InvalidError(f"the history of {person!r} would be forgotten", "--erase", right=right)
    identity, count = run(erase(stack, person))
    if as_json:
        print_json({"identity": identity, "erased": count})
    else:
        Console().print(f"{count} entries of {identity} are forgotten", markup=False, highlight=False)
