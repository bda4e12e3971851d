"""`provision extract`: start a batch extract, look at it, release or discard what is held, acknowledge for the SP."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from provisioning.command.options import Json, Stack, print_json
from provisioning.runtime.entry import run

extracts = typer.Typer(no_args_is_help=True, help="Files for SPs: start, look at, release, discard, acknowledge them.")
Service = Annotated[str, typer.Argument(help="A service of protocol extract.")]


@extracts.command()
def start(
    service: Service,
    full: Annotated[bool, typer.Option("--full", help="All rows, also if a delta would do.")] = False,
    stack: Stack = "",
) -> None:
    """Make an extract now, whatever its schedule is."""
    from provisioning.command.extract_deployed import start_extract

    run(start_extract(stack, service, full=full))
    _say(f"an extract of {service} is started: `provision extract status {service}`")


@extracts.command()
def release(service: Service, stack: Stack = "") -> None:
    """Publish the extract that is held because too many rows would go."""
    from provisioning.command.extract_deployed import decide
    from provisioning.stages.extract_orders import Do

    held = run(decide(stack, service, Do.RELEASE))
    _say(f"extract {held.number} of {service} is released: {held.held}")


@extracts.command()
def discard(service: Service, stack: Stack = "") -> None:
    """Give up the extract that is held: it is never published."""
    from provisioning.command.extract_deployed import decide
    from provisioning.stages.extract_orders import Do

    held = run(decide(stack, service, Do.DISCARD))
    _say(f"extract {held.number} of {service} is discarded: {held.held}")


@extracts.command()
def acknowledge(
    service: Service,
    manifest: Annotated[str, typer.Argument(help="The extract's folder, such as 000012-full, or its manifest.")],
    stack: Stack = "",
) -> None:
    """Say for the SP that it took in an extract, so that later ones may be deltas to it."""
    from provisioning.command.extract_deployed import acknowledge_extract

    stored = run(acknowledge_extract(stack, service, manifest))
    _say(f"{stored} is stored: the next extract of {service} may be a delta to this one")


@extracts.command()
def status(service: Service, stack: Stack = "", as_json: Json = False) -> None:
    """Show the extract under way or held, and the last ones: rows, parts, published, acknowledged."""
    from provisioning.command.extract_deployed import state_of

    state = run(state_of(stack, service))
    if as_json:
        print_json(state)
    else:
        _print_state(Console(), state)


def _say(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)


def _print_state(console: Console, state: Mapping[str, Any]) -> None:
    when = f"at {state['schedule']} in the tenant's zone" if state["schedule"] else "on command"
    _say(f"{state['service']}: {state['format']} at {state['place']}, {when}")
    table = Table("extract", "kind", "rows", "deletions", "parts", "published", "acknowledged")
    for made in state["published"]:
        table.add_row(
            made["folder"], made["kind"], str(made["rows"]), "", str(made["parts"]), made["published"],
            made["acknowledged"],
        )  # fmt: skip
    going = state["run"]
    if going is not None:
        counts = [str(going[name]) for name in ("rows", "removed", "parts")]
        table.add_row(going["folder"], going["kind"], *counts, going["standing"], "")
    console.print(table)
    if going is not None and going["because"]:
        _say(f"{going['folder']} is a full one: {going['because']}")
    if going is not None and going["held"]:
        _say(f"{going['folder']} is held: {going['held']}")
    if state["trouble"]:
        _say(state["trouble"])
