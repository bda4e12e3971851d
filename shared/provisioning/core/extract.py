"""Batch extracts: what a service's file is made from, how far it has come, and when a person must look at it first.

Where the row lives. The account item is the row: `known` is what deliver staged, settled by that one write; nothing
is written when a file is made or published. Two walks read rows, both in bounded pages:

- A full extract walks all identities of the tenant, in their own index, where nothing ever moves: every row is read
  exactly once, whatever changes meanwhile. Walking the service's accounts by condition would miss one that moves
  behind the reader, and an SP takes what is missing from a full file for gone. For a million identities that is about
  1,000 Query and 10,000 BatchGetItem, 1 million read units (about $0.13).
- A delta reads an index of staged accounts by `changed_at` (sparse: no account of another protocol is in it), so it
  costs what changed. A change costs one write of the account and two index writes.

The watermark of an extract is its beginning less LATENCY, in which every write of an earlier instant has ended and
shows. A delta holds the rows with `changed_at` in (watermark of the last acknowledged extract, own watermark], as they
are when they are read. So no change is in none; one that falls between a watermark and its reading is in two files.

An account that is gone keeps its item: that is its tombstone, and it outlives every acknowledgement. A row that left
the population, or is gone, is a deletion in a delta. Only what was acknowledged is a base for deltas; if columns or
population are not what they were then, or nothing was acknowledged, the extract is a full one.

One item for each service holds the run under way, and is written once for each part, conditionally: of two processes
that make the same part, one loses and stops. A part's name has its digest in it, so a part that was made twice is two
objects, of which the manifest names one. The manifest is written last; until then there is no extract.

The SP, or its operator, acknowledges by storing an object beside the manifest: its name and `.ack`. `provision extract
acknowledge` stores the same object. The next start looks for the newest one. A delta in LDIF or any other format may
repeat what an SP has; applying it again is harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.extract_rows import Layout, layout_of
from provisioning.core.period import Instant, shift, show

# Seconds after which a write that was begun has ended and shows in every index: deliver is stopped after 120, and
# clocks and indexes lag by less than the rest.
LATENCY: Final = 180
LEASE: Final = 7200  # seconds without a new part after which nobody is at work any more
KEPT: Final = 20  # published extracts that may still be acknowledged; older ones make no better base
HEARD: Final = 20  # starts that are known again if they are repeated
MOST_PARTS: Final = 2000  # of one extract: all are in its item
LEAST: Final = 10  # rows that may always go: of a few, one is a large share


class Kind(StrEnum):
    """Everything, or what changed since another extract."""

    FULL = "full"
    DELTA = "delta"


@dataclass(frozen=True, slots=True)
class Part:
    """One file. `removed`: how many of its rows are deletions. `sha256` in hexadecimal, over the bytes as stored."""

    name: str
    rows: int
    removed: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Published:
    """An extract whose manifest was written, at `at`. `schema` stands for its columns and population."""

    number: int
    kind: Kind
    schema: str
    watermark: Instant
    rows: int
    parts: int = 0
    at: Instant = 0

    @property
    def folder(self) -> str:
        """Where its parts and its manifest lie."""
        return folder_of(self.number, self.kind)


@dataclass(frozen=True, slots=True)
class Run:
    """An extract that is being made. `position`: where its walk stands; `walked`: it has come to the end.

    `since`: the base of a delta. `because`: why it is a full one. `sequence`: of the bundle that it was begun by.
    `held`: why a person must look at it; `released`: a person did.
    """

    number: int
    kind: Kind
    schema: str
    watermark: Instant
    sequence: int
    touched_at: Instant
    since: Published | None = None
    because: str = ""
    position: str | None = None
    parts: tuple[Part, ...] = ()
    walked: bool = False
    held: str = ""
    released: bool = False

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def removed(self) -> int:
        """Deletions of all parts."""
        return sum(part.removed for part in self.parts)

    @property
    def folder(self) -> str:
        """Where its parts and its manifest lie."""
        return folder_of(self.number, self.kind)


@dataclass(frozen=True, slots=True)
class Extracts:
    """The item: the run under way, the last ones that were published, and the one that was acknowledged.

    `requests`: the last starts that were heard. `full`: the last full extract, against which shrinkage is judged.
    `trouble`: why the last run ended without a manifest.
    """

    service: str
    number: int = 0
    requests: tuple[str, ...] = ()
    run: Run | None = None
    published: tuple[Published, ...] = ()
    acknowledged: Published | None = None
    full: Published | None = None
    trouble: str = ""
    revision: int = 0

    @property
    def waiting(self) -> tuple[Published, ...]:
        """What may yet be acknowledged: older ones than the one that was do not matter any more."""
        after = self.acknowledged.number if self.acknowledged is not None else 0
        return tuple(made for made in self.published if made.number > after)


def folder_of(number: int, kind: Kind) -> str:
    """The folder of an extract."""
    return f"{number:06d}-{kind.value}"


def manifest_name(folder: str) -> str:
    """The object that says that an extract is complete."""
    return f"{folder}/manifest.json"


def acknowledgement_name(folder: str) -> str:
    """The object, of any content, by which the SP says that it has taken an extract in."""
    return f"{manifest_name(folder)}.ack"


def is_busy(run: Run, now: Instant) -> bool:
    """Whether somebody is at work on it: not if it is held, nor if nothing came of it for long."""
    return not run.held and run.touched_at + LEASE > now


def begin(
    item: Extracts, service: Service, zone: ZoneInfo, sequence: int, request: str, now: Instant, *, full: bool = False
) -> Extracts:
    """The item with a new run, in place of one that was held or given up."""
    layout = layout_of(service)
    because = "it was asked for" if full else _full_because(item, service, layout, zone, now)
    kind = Kind.FULL if because else Kind.DELTA
    run = Run(
        number=item.number + 1, kind=kind, schema=layout.schema, watermark=now - LATENCY, sequence=sequence,
        touched_at=now, since=item.acknowledged if kind is Kind.DELTA else None, because=because,
    )  # fmt: skip
    heard = (*item.requests, request)[-HEARD:] if request else item.requests
    return replace(item, number=run.number, requests=heard, run=run, trouble="")


def _full_because(item: Extracts, service: Service, layout: Layout, zone: ZoneInfo, now: Instant) -> str:
    options = service.extract
    if options is None or not options.full_every:
        return "every extract of this service is full"
    if item.full is None or item.acknowledged is None:
        return "none was acknowledged"
    if item.acknowledged.schema != layout.schema:
        return "columns or population changed"
    if shift(item.full.watermark, options.full_every, zone) <= now:
        return "it is time for one"
    return ""


def advanced(item: Extracts, run: Run, part: Part | None, position: str | None, now: Instant) -> Extracts:
    """The item after a part, or after pages without a row. No position: the walk is at its end.

    Raises InvalidError if it has more parts than an item can hold.
    """
    parts = run.parts if part is None else (*run.parts, part)
    if len(parts) > MOST_PARTS:
        where = f"services/{item.service}.extract.part_rows"
        raise InvalidError(f"more than {MOST_PARTS} parts", where, right="larger parts")
    after = replace(run, parts=parts, position=position, walked=position is None, touched_at=now)
    return replace(item, run=after)


def shrinkage(item: Extracts, run: Run, service: Service) -> str:
    """Why a person must look before it is published; nothing if it may be.

    Of a full extract, the rows that it has less than the last one count; of a delta, its deletions.
    """
    if item.full is None or service.extract is None or run.released:
        return ""
    had = item.full.rows
    # A delta also deletes rows that came and went between: all of them together are no more than there were.
    gone = had - run.rows if run.kind is Kind.FULL else min(had, run.removed)
    most = max(LEAST, int(service.extract.shrinkage * had))
    if gone <= most:
        return ""
    return (
        f"{gone} of {had} rows would go since extract {item.full.number}, more than the {most} that may go unseen: "
        f"release or discard extract {run.number}"
    )


def held(item: Extracts, run: Run, reason: str) -> Extracts:
    """The item with a run that waits for a person."""
    return replace(item, run=replace(run, held=reason))


def released(item: Extracts, run: Run, now: Instant) -> Extracts:
    """The item after a person looked at what was held, and let it go out."""
    return replace(item, run=replace(run, held="", released=True, touched_at=now))


def given_up(item: Extracts, run: Run, reason: str) -> Extracts:
    """The item without its run, and why: it was discarded, or cannot be made. Its parts lie about, named by nothing."""
    return replace(item, run=None, trouble=f"extract {run.number} was not published: {reason}")


def published(item: Extracts, run: Run, now: Instant) -> Extracts:
    """The item after the manifest was written."""
    made = Published(run.number, run.kind, run.schema, run.watermark, run.rows, len(run.parts), now)
    return replace(
        item,
        run=None,
        published=(*item.published, made)[-KEPT:],
        full=made if run.kind is Kind.FULL else item.full,
    )


def acknowledged(item: Extracts, made: Published) -> Extracts:
    """The item after the SP took in an extract: the base of the next delta."""
    return replace(item, acknowledged=made)


def manifest(run: Run, layout: Layout, service: str) -> Mapping[str, Any]:
    """What a consumer reads first; as JSON. The same run has the same manifest, whoever writes it."""
    since = {"number": run.since.number, "watermark": show(run.since.watermark)} if run.since is not None else None
    return {
        "manifest": 1,
        "service": service,
        "number": run.number,
        "kind": run.kind.value,
        "format": layout.format,
        "schema": {"version": run.schema, "columns": list(layout.columns)},
        "since": since,
        "watermark": show(run.watermark),
        "rows": run.rows,
        "removed": run.removed,
        "parts": [
            {"name": part.name, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256} for part in run.parts
        ],
    }
