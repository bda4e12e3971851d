"""`provision source`: how far the extraction of a source has come; begin it, release or discard what is held."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from provisioning.command.options import Json, Stack, print_json
from provisioning.runtime.entry import run

sources = typer.Typer(no_args_is_help=True, help="Sources: list, pause, resume; look at extractions.")
Source = Annotated[str, typer.Argument(help="A source with `poll`.")]


@sources.command()
def snapshot(source: Source, stack: Stack = "") -> None:
    """Begin to read everybody now, whatever the schedule is."""
    from provisioning.command.source_deployed import order
    from provisioning.stages.poll_orders import Do

    run(order(stack, source, Do.SNAPSHOT))
    _say(f"a snapshot of {source} is ordered: `provision source status {source}`")


@sources.command()
def changes(source: Source, stack: Stack = "") -> None:
    """See now what changed."""
    from provisioning.command.source_deployed import order
    from provisioning.stages.poll_orders import Do

    run(order(stack, source, Do.CHANGES))
    _say(f"a look at the changes of {source} is ordered")


@sources.command()
def release(source: Source, stack: Stack = "") -> None:
    """Take those who are missing in the run that is held for gone."""
    from provisioning.command.source_deployed import decide
    from provisioning.stages.poll_orders import Do

    held = run(decide(stack, source, Do.RELEASE))
    _say(f"run {held.number} of {source} is released: {held.found.due} are taken for gone")


@sources.command()
def discard(source: Source, stack: Stack = "") -> None:
    """Give up the run that is held: nobody is taken for gone by it."""
    from provisioning.command.source_deployed import decide
    from provisioning.stages.poll_orders import Do

    held = run(decide(stack, source, Do.DISCARD))
    _say(f"run {held.number} of {source} is discarded: {held.held}")


@sources.command(name="list")
def list_(
    domain: Annotated[str, typer.Option(help="Only those of one domain.")] = "",
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """Show every source: whose word it is, whether it is listened to, when it was last heard."""
    from provisioning.command.intake_deployed import listed

    found = run(listed(stack, domain))
    if as_json:
        print_json(found)
        return
    table = Table("source", "domain", "listened to", "last heard", "stale since")
    for each in found:
        listening = "paused" if each["paused"] else "yes"
        table.add_row(each["source"], each["domain"], listening, each["heard"] or "", each["stale"] or "")
    Console().print(table, markup=False)


@sources.command()
def pause(source: Annotated[str, typer.Argument(help="Any source.")], stack: Stack = "") -> None:
    """Take nothing of what a source says, until `resume`. What it said counts; what it says waits, fourteen days."""
    from provisioning.command.intake_deployed import switch_source

    run(switch_source(stack, source, on=False))
    _say(f"{source} is paused: what it says waits in its queue, fourteen days at most")


@sources.command()
def resume(source: Annotated[str, typer.Argument(help="Any source.")], stack: Stack = "") -> None:
    """Take what a paused source said meanwhile, and go on."""
    from provisioning.command.intake_deployed import switch_source

    run(switch_source(stack, source, on=True))
    _say(f"{source} is resumed")


@sources.command()
def status(source: Source, stack: Stack = "", as_json: Json = False) -> None:
    """Show the last complete run, the one under way or held, with a sample of who is missing."""
    from provisioning.command.source_deployed import state_of

    state = run(state_of(stack, source))
    if as_json:
        print_json(state)
    else:
        _print_state(Console(), state)


def _say(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)


def _print_state(console: Console, state: Mapping[str, Any]) -> None:
    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    say(f"{state['source']} by {state['technology']}; changes {state['changes']}; snapshots {state['snapshots']}")
    complete, going = state["complete"], state["run"]
    say(f"last complete run: {complete['number']}, {complete['rows']} subjects, at {complete['at']}" if complete else
        "no run was complete yet")  # fmt: skip
    if going:
        say(f"run {going['number']}: {going['step']}, {going['pages']} pages read, {going['spoiled']} unreadable")
        if going["problem"]:
            say(f"  nobody is taken for gone: {going['problem']}")
        if going["held"]:
            say(f"  held: {going['held']}")
            for key in going["missing"]:
                say(f"    missing: {key}")
    if state["trouble"]:
        say(f"the last run: {state['trouble']}")
    if state["fault"]:
        say(f"now: {state['fault']}")
