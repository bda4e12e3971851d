"""What the commands print for people."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from provisioning.core.errors import InvalidError


def problem(error: InvalidError) -> dict[str, object]:
    """An error in JSON's terms."""
    return {
        "problem": error.problem,
        "file": error.where,
        "line": error.line,
        "column": error.column,
        "right": error.right,
    }


def problems(console: Console, errors: Iterable[InvalidError]) -> None:
    """Every error on a line, with the line of the file and a caret below it."""
    for error in errors:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        picture = _picture(error)
        if picture:
            console.print(picture, markup=False, highlight=False, soft_wrap=True)


def _picture(error: InvalidError) -> str:
    file = Path(error.where)
    if not error.line or not file.is_file():
        return ""
    lines = file.read_text(encoding="utf-8").splitlines()
    if error.line > len(lines):
        return ""
    return f"    {lines[error.line - 1]}\n    {' ' * (error.column - 1)}^"


def _gate(gate: Mapping[str, Any]) -> Iterable[str]:
    if gate["paused"]:
        yield f"paused: {gate['paused']}"
    if gate["maintained_until"]:
        yield f"in maintenance until {gate['maintained_until']}"
    if gate["quarantined_until"]:
        yield f"quarantined until {gate['quarantined_until']}, after {gate['failures']} calls without a usable answer"
    if gate["backlog"]:
        then = " from then on" if gate["maintained_until"] else ""
        yield f"everything that waits for its rate is delivered in {gate['backlog']} s{then}"


def status(console: Console, state: Mapping[str, Any]) -> None:
    """Accounts by service, phase and condition; then what needs a person."""
    bundle = state["bundle"]
    console.print(f"bundle {bundle['hash']}, number {bundle['sequence']}", highlight=False)
    for source, since in state["stale"].items():
        console.print(f"{source} is stale since {since}: it was not heard within its limit", highlight=False)
    table = Table("service", "phase", "condition", "accounts")
    for service, rows in state["services"].items():
        for row in rows["accounts"]:
            table.add_row(service, row["phase"], row["condition"], str(row["count"]))
    console.print(table)
    for service, rows in state["services"].items():
        for line in _gate(rows["gate"]):
            console.print(f"{service}: {line}", markup=False, highlight=False)
        for account in rows["parked"]:
            console.print(
                f"parked at {service}: {account['identity']}: {account['reason']}", markup=False, highlight=False
            )
    for rejected in state["rejected"]:
        console.print(
            f"rejected from {rejected['source']} at {rejected['at']}: {rejected['reason']}",
            markup=False,
            highlight=False,
        )
