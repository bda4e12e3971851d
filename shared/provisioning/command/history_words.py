"""A person's history, for machines and for a terminal."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from provisioning.command.history_deployed import Told
from provisioning.core.history import Entry, Said, received
from provisioning.core.period import Instant, show
from provisioning.core.wording import starting


def words(told: Told) -> dict[str, Any]:
    """The history in JSON's terms. Writes that meant nothing to others are left out."""
    return {
        "identity": told.identity,
        "entries": [_entry(entry) for entry in told.entries if not entry.silent],
        "received": {
            service: {path: {"first": show(when.first), "last": show(when.last)} for path, when in paths.items()}
            for service, paths in received(told.entries).items()
        },
    }


def _entry(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"at": show(entry.at), "revision": entry.revision, "sequence": entry.sequence}
    if entry.service:
        found["service"] = entry.service
    found["events"] = [
        {
            "type": each.type.value,
            **({"service": each.service} if each.service else {}),
            "changed": list(each.names),
            "because": list(each.causes),
        }
        for each in entry.said
    ]
    found["released"] = list(entry.released)
    if entry.reason:
        found["reason"] = entry.reason
    return found


def print_history(console: Console, told: Told) -> None:
    """A line for each thing that happened, then what each service ever received."""
    _line(console, f"identity {told.identity} ({told.zone.key})")
    table = Table(
        "when",
        "service",
        "what",
        Column("names", ratio=1, overflow="fold"),
        Column("because", overflow="fold"),
        "bundle",
        expand=True,
        box=SIMPLE,
    )
    for entry in told.entries:
        for row in rows(entry, told.zone):
            table.add_row(*row)
    if table.row_count:
        console.print(table, markup=False)
    else:
        _line(console, "nothing is remembered")
    for line in summary(told):
        _line(console, line)


def rows(entry: Entry, zone: ZoneInfo) -> Iterator[tuple[str, str, str, str, str, str]]:
    """When, service, what, names, because of what, and by which bundle: of each thing that a write meant."""
    for each in entry.said:
        because = ", ".join(each.causes) or _reason(entry, each)
        yield (
            starting(entry.at, zone), each.service, each.type.value, ", ".join(each.names), because,
            str(entry.sequence or ""),
        )  # fmt: skip
    if entry.released:
        sent = ", ".join(entry.released)
        yield starting(entry.at, zone), entry.service, "sent", sent, "", str(entry.sequence or "")


def _reason(entry: Entry, said: Said) -> str:
    return entry.reason if said.service == entry.service else ""


def summary(told: Told) -> Iterator[str]:
    """What each service ever received, with the first and the last time."""
    for service, paths in received(told.entries).items():
        yield f"{service} received, or may have:"
        for path, when in paths.items():
            yield f"  {path}: {_span(when.first, when.last, told.zone)}"


def _span(first: Instant, last: Instant, zone: ZoneInfo) -> str:
    begun = starting(first, zone)
    return begun if first == last else f"{begun}, and last {starting(last, zone)}"


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
