"""`provision now PERSON`: fetch, decide and deliver one person at once, and print each step with its time."""

import time
from typing import Annotated

import typer
from rich.console import Console

from provisioning.command.options import OwnBundle, Stack
from provisioning.command.own_sources import on_path
from provisioning.runtime.entry import run


def now(
    person: Annotated[str, typer.Argument(help="SOURCE/KEY, or an identity's id.")],
    within: Annotated[int, typer.Option(help="Seconds that deliveries are waited for.")] = 60,
    bundle: OwnBundle = None,
    stack: Stack = "",
) -> None:
    """Fetch one person from the sources that can be asked, decide, ring, and watch until every account is at rest."""
    from provisioning.command.now_deployed import attend

    if bundle is not None:
        on_path(bundle)

    console, began = Console(), time.monotonic()

    def say(text: str) -> None:
        passed = time.monotonic() - began
        console.print(f"{passed:7.2f} s  {text}", markup=False, highlight=False, soft_wrap=True)

    if not run(attend(stack, person, say, within)):
        raise typer.Exit(1)
