"""`provision records --rejected`: what sources said and nobody could understand: list, show, retry, forget."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from provisioning.command.options import Json, OwnBundle, Stack, print_json
from provisioning.command.own_sources import on_path
from provisioning.core.errors import InvalidError
from provisioning.runtime.entry import run


def records(
    source: Annotated[str | None, typer.Argument(help="One source; without it all.")] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Those that could not be understood.")] = False,
    show: Annotated[str, typer.Option(help="Print the body of one, by its id.")] = "",
    retry: Annotated[list[str] | None, typer.Option(help="Take one in again, by its id; `all` for all.")] = None,
    forget: Annotated[list[str] | None, typer.Option(help="Forget one, by its id; `all` for all.")] = None,
    bundle: OwnBundle = None,
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """List records that were rejected, with the reason; show one; take them in again once the cause is mended."""
    from provisioning.command import records_deployed as deployed

    if not rejected:
        raise InvalidError("which records", "--rejected", right="provision records --rejected")
    if bundle is not None:
        on_path(bundle)
    if show:
        typer.echo(run(deployed.body_of(stack, source, show)))
        return
    if retry or forget:
        ids = [*(retry or []), *(forget or [])]
        results = run((deployed.retry if retry else deployed.forget)(stack, source, ids))
        _print(results, as_json=as_json)
        return
    _print(run(deployed.rejected(stack, source)), as_json=as_json)


def _print(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(list(found))
        return
    console = Console()
    for each in found:
        words = f"{each['id']}  {each['source']}  {each['at']}  {each['reason']}"
        words += f"  {each['done']}" if "done" in each else ""
        console.print(words, markup=False, highlight=False, soft_wrap=True)
    if not found:
        console.print("nothing was rejected", markup=False, highlight=False)
