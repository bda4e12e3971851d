"""`provision reconcile`: an SP's own list of accounts compared with ours, shown as a table, JSON, or a page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from provisioning.command.options import Json, Stack, print_json
from provisioning.core.errors import InvalidError
from provisioning.runtime.entry import run

SHOWN: Final = 20  # accounts of the table; a report has them all
MEANS: Final[Mapping[str, str]] = {
    "settled": "as they should be",
    "drifted": "ours, with other values than we applied",
    "missing": "ours, and not in the list",
    "duplicate": "beside one of ours, with its mark or its match value",
    "orphan": "nobody's, or with our mark and not known to us",
    "foreign": "with another's mark: never touched",
    "open": "ours, on their way or with a person: not compared",
}
ReportFile = Annotated[Path | None, typer.Option(help="Write it into this file too: .html a page, .json all of it.")]


def reconcile(
    service: Annotated[str, typer.Argument(help="A service with `reconcile` in the bundle.")],
    report: ReportFile = None,
    last: Annotated[bool, typer.Option("--last", help="Show the last one; compare nothing.")] = False,
    start: Annotated[bool, typer.Option("--start", help="Begin one and do not wait for it.")] = False,
    within: Annotated[int, typer.Option(help="Seconds to wait for it.")] = 900,
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """Compare the accounts that an SP lists with ours: what drifted, is missing, or is nobody's. Nothing is removed."""
    from provisioning.command import reconcile_deployed as deployed

    if report is not None and report.suffix not in (".html", ".json"):
        raise InvalidError(f"a report in {report.name!r}", "--report", right="a name that ends in .html or .json")
    if start:
        run(deployed.start(stack, service))
        _say(f"a comparison of {service} is begun: `provision reconcile {service} --last` shows it when it has ended")
        return
    say = _nothing if as_json else _say
    told = run(deployed.last(stack, service) if last else deployed.compare(stack, service, say, within))
    if report is not None:
        report.write_text(_file(report.suffix, told), encoding="utf-8")
    if as_json:
        print_json(told)
        return
    print_report(Console(), told)
    if report is not None:
        _say(f"{report}: written")


def _file(suffix: str, told: Mapping[str, Any]) -> str:
    from provisioning.command.reconcile_html import page

    return page(told) if suffix == ".html" else json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def print_report(console: Console, told: Mapping[str, Any]) -> None:
    """Print for people: what was counted, then the first accounts of which something is to be said."""
    _say(f"{told['service']}, comparison {told['number']}, {told['begun']} to {told['ended']}: {completeness(told)}")
    table = Table("accounts", "", "what they are")
    for kind, meaning in MEANS.items():
        if told["counts"].get(kind):
            table.add_row(kind, str(told["counts"][kind]), meaning)
    console.print(table)
    if told["attributes"]:
        _say("drifted: " + ", ".join(f"{name} {count}" for name, count in told["attributes"].items()))
    if told["unkept"]:
        _say("the SP shows nobody's: " + ", ".join(told["unkept"]))
    if told["done"]:
        _say("done: " + ", ".join(f"{name} {count}" for name, count in told["done"].items()))
    listed = Table("what", "at the SP", "identity", "attributes")
    for each in told["accounts"][:SHOWN]:
        names = ", ".join(each.get("attributes", ()))
        listed.add_row(*map(Text, (each["class"], each["remote_id"], each.get("identity", ""), names)))
    if told["accounts"]:
        console.print(listed)
    more = len(told["accounts"]) - SHOWN
    if more > 0:
        _say(f"and {more} more: --report or --json tells of all")


def completeness(told: Mapping[str, Any]) -> str:
    """What the list proves, in words."""
    if told["complete"]:
        return f"all {told['shown']} accounts"
    return f"{told['shown']} accounts, not all, so nobody is missing ({told['problem']})"


def _say(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)


def _nothing(_text: str) -> None:
    """Machines are told the report alone."""
