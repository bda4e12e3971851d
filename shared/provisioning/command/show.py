"""What the commands print for people."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from provisioning.core.errors import InvalidError
from provisioning.core.explanation import Explained, Explanation
from provisioning.core.period import show as instant


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


def explanation(console: Console, told: Explanation) -> None:
    """A table of segments for each service, with the reasons in the rules' own words."""
    console.print(f"identity {told.identity} at {instant(told.at)}", highlight=False)
    for explained in told.services:
        _service(console, explained)
    for failure in told.failures:
        console.print(f"not evaluated: {failure}", markup=False, highlight=False)


def _service(console: Console, explained: Explained) -> None:
    table = Table(title=f"{explained.service}: {explained.standing}, {_until(explained)}", title_justify="left")
    for heading in ("from", "until", "phase", "authorizations", "because"):
        table.add_column(heading, overflow="fold")
    for segment in explained.timeline.segments:
        because = [
            f"{explained.because.get(reason.rule, '')} [{reason.rule}, {reason.fact}]" for reason in segment.reasons
        ]
        authorizations = ", ".join(segment.authorizations)
        table.add_row(
            instant(segment.start), instant(segment.end), segment.phase.value, authorizations, "\n".join(because)
        )
    for match in explained.timeline.denials:
        because = [f"{explained.because.get(match.reason.rule, '')} [{match.reason.rule}, {match.reason.fact}]"]
        table.add_row(instant(match.active.start), instant(match.active.end), "denied", "", "\n".join(because))
    console.print(table, markup=False)
    account = explained.account
    if account is not None:
        told = f"account {account.known.remote_id or '(no remote id)'}: {account.known.phase}, {account.condition}"
        waiting = f"; next attempt {instant(account.due_at)}" if account.due_at is not None else ""
        error = f"; {account.error}" if account.error else ""
        console.print(told + error + waiting, markup=False, highlight=False)


def _until(explained: Explained) -> str:
    told = instant(explained.until)
    return "no end known" if told == "open" else f"next change {told}"


def status(console: Console, state: Mapping[str, Any]) -> None:
    """Accounts by service, phase and condition; then what needs a person."""
    bundle = state["bundle"]
    console.print(f"bundle {bundle['hash']}, number {bundle['sequence']}", highlight=False)
    table = Table("service", "phase", "condition", "accounts")
    for service, rows in state["services"].items():
        for row in rows["accounts"]:
            table.add_row(service, row["phase"], row["condition"], str(row["count"]))
    console.print(table)
    for service, rows in state["services"].items():
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
