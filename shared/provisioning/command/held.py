"""`provision held`, `release` and `withdraw`: removals that the brakes hold, and an operator's word on them."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from provisioning.command.options import Json, Stack, print_json
from provisioning.core.errors import InvalidError
from provisioning.runtime.entry import run

Service = Annotated[str, typer.Argument(help="The service.")]
Cause = Annotated[str, typer.Option(help="Only those held for this reason, as `held` shows it.")]
Count = Annotated[int, typer.Option(min=0, help="At most so many of them; 0: none.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


def held(
    service: Annotated[str, typer.Argument(help="One service; without it all.")] = "",
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """List the removals that a service's brake holds, by cause, and how much it lets through now."""
    from provisioning.command import held_deployed as deployed

    found = run(deployed.holds(stack, service))
    if as_json:
        print_json(found)
        return
    console = Console()
    table = Table("service", "cause", "held", "such as")
    for name, each in found.items():
        if each["off"]:
            console.print(f"{name}: no brake: {each['off']}", markup=False, highlight=False, soft_wrap=True)
            continue
        for of in each["shares"]:
            whose = f" of {of['domain']}" if of["domain"] else ""
            counted = f"{of['taken']} of {of['limit']} {of['lane']} removals{whose}"
            told = f"{name}: {counted} went through in {each['window']}"
            console.print(told, markup=False, highlight=False, soft_wrap=True)
        for cause in each["held"]:
            table.add_row(name, cause["cause"], str(cause["count"]), ", ".join(cause["sample"]))
    if table.row_count:
        console.print(table, markup=False)
    else:
        console.print("nothing is held", markup=False, highlight=False)


def release(
    service: Service,
    cause: Cause = "",
    count: Count = 0,
    everything: All = False,
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """Let held removals through, past the brake: all, some, or those of one cause."""
    _answer("released", service, cause, count, everything=everything, stack=stack, as_json=as_json)


def withdraw(
    service: Service,
    cause: Cause = "",
    count: Count = 0,
    everything: All = False,
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """Refuse held removals: these accounts stay as they are until something else is wanted of them."""
    _answer("withdrawn", service, cause, count, everything=everything, stack=stack, as_json=as_json)


def _answer(word: str, service: str, cause: str, count: int, *, everything: bool, stack: str, as_json: bool) -> None:
    from provisioning.command import held_deployed as deployed

    if everything == bool(count):
        raise InvalidError("how many", right="--all, or --count N; both may go with --cause")
    done = run(deployed.answer(stack, word, service, cause, None if everything else count))
    if as_json:
        print_json({"service": service, word: done})
    else:
        Console().print(f"{service}: {done} {word}", markup=False, highlight=False)
