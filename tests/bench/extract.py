"""`python -m tests.bench.extract --rows 1000000`: a full extract of so many rows, and the memory that it takes.

The stage, the writer and the bookkeeping are the real ones; accounts are unpacked from items as the table returns
them, a page at a time, and parts are checked and thrown away as the bucket takes them. Each format is a process of its
own, because a process has only one peak. `--rows` again with another number shows that the peak does not follow it.
The table, the bucket and their network are not in the figures: what they take is theirs, not this process's memory.
"""

import argparse
import asyncio
import hashlib
import json
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from provisioning.adapters.aws.items import account_item, read_account
from provisioning.adapters.delivery.files import parquet_writer
from provisioning.core.account import Account, Known, Phase
from provisioning.core.catalog import Bundle
from provisioning.core.extract import Extracts
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.publication import compile_bundle
from provisioning.stages.extract import Extract, extract
from provisioning.stages.extract_orders import Do, Order, write_order
from provisioning.stages.message import Message

FORMATS: Final = ("csv", "jsonl", "ldif", "parquet")
MEASURED: Final = ("csv", "parquet")  # unless others are asked for: those are written line by line, as CSV is
REPORT: Final = Path("build/bench/extract.json")
NOW: Final = 1_800_000_000
LIMIT: Final = 512  # MB
_VALUES: Final = ("uid", "mail", "givenName", "sn", "displayName", "telephoneNumber", "ou", "title")


@dataclass(frozen=True)
class Result:
    """What one extract took. `peak` is the process's largest resident memory, `before` that of its imports; in MB."""

    format: str
    rows: int
    parts: int
    megabytes: float
    seconds: float
    before: float
    peak: float


@dataclass
class World:
    """Every port of the stage: so many people who exist only while they are read."""

    policy: Policy
    rows: int
    item: Extracts = field(default_factory=lambda: Extracts("directory"))
    queue: deque[str] = field(default_factory=deque)
    manifest: dict[str, Any] = field(default_factory=dict)
    size: int = 0

    async def current(self, at_least: int = 0) -> Policy:
        return self.policy

    async def walk(self, segment: int, segments: int, start: str | None, most: int) -> tuple[Sequence[str], str | None]:
        first = int(start or 0)
        last = min(self.rows, first + most)
        return [f"{number:032x}" for number in range(first, last)], str(last) if last < self.rows else None

    async def accounts(self, service: str, identities: Sequence[str]) -> Sequence[Account]:
        return [read_account(account_item(self.account(identity), b"")) for identity in identities]

    def account(self, identity: str) -> Account:
        number = int(identity, 16)
        values = {
            "uid": f"user{number}", "mail": f"user{number}@campus.edu", "givenName": "Zoë", "sn": f"Person {number}",
            "displayName": f"Zoë Person {number}", "telephoneNumber": f"+3120{number:07d}",
            "ou": ["arts", "history"], "title": "student, first year",
        }  # fmt: skip
        known = Known(Phase.ACTIVE, values=values, groups=("readers", "printers"), staged=True)
        return Account(identity, "directory", known, changed_at=NOW)

    async def changed(
        self, service: str, after: Instant, until: Instant, start: str | None, most: int
    ) -> tuple[Sequence[str], str | None]:
        return [], None

    async def extracts(self, service: str) -> Extracts:
        return self.item

    async def put_extracts(self, item: Extracts) -> None:
        self.item = replace(item, revision=item.revision + 1)

    async def continue_extract(self, body: str) -> None:
        self.queue.append(body)

    async def put(self, place: str, name: str, body: bytes) -> None:
        if name.endswith("manifest.json"):
            self.manifest = json.loads(body)
        else:
            self.size += len(body)
            assert hashlib.sha256(body).hexdigest()[:12] in name

    async def has(self, place: str, name: str) -> bool:
        return False


def world(rows: int, format_: str) -> World:
    """People of one service."""
    service = {
        "id": "directory", "protocol": "extract", "endpoint": "s3:///directory", "match": "uid",
        "account": dict.fromkeys(_VALUES, "person.login"),
        "extract": {"format": format_, "groups": "memberOf", "base": "ou=people,dc=campus,dc=edu"},
    }  # fmt: skip
    bundle = Bundle.model_validate({
        "tenant": {"id": "campus", "person": {"login": "string"}}, "sources": [{"id": "registry"}],
        "services": [service],
        "rules": [{"id": "all", "service": "directory", "who": "true", "because": "Everybody."}],
    })  # fmt: skip
    return World(replace(compile_bundle(bundle, "bench"), sequence=1), rows)


async def make(all_: World) -> None:
    """One full extract, message by message."""
    shell = Extract(all_, all_, all_, all_, all_, parquet_writer, lambda *_, **__: None)
    all_.queue.append(write_order(Order(Do.START, "directory")))
    while all_.queue:
        assert not await extract(shell, [Message("m", all_.queue.popleft())], NOW)


def measure(rows: int, format_: str) -> Result:
    """Make an extract in this process."""
    all_, before, began = world(rows, format_), _peak(), time.perf_counter()
    asyncio.run(make(all_))
    seconds = time.perf_counter() - began
    assert all_.manifest["rows"] == rows
    return Result(format_, rows, len(all_.manifest["parts"]), all_.size / 1e6, seconds, before, _peak())


def _peak() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1024 if sys.platform != "darwin" else kilobytes / 1024 / 1024


def _elsewhere(rows: int, format_: str) -> Result:
    command = [sys.executable, "-m", "tests.bench.extract", "--rows", str(rows), "--format", format_, "--json"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return Result(**json.loads(answer.stdout))


def main() -> int:
    """Print the table and write the report; 1 if a peak is above the limit."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.extract", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--format", choices=FORMATS, action="append")
    parser.add_argument("--json", action="store_true", help="measure in this process and print only the result")
    given = parser.parse_args()
    if given.json:
        print(json.dumps(asdict(measure(given.rows, given.format[0]))))
        return 0
    print("format        rows parts      MB  seconds   rows/s imports MB  peak MB")
    results = []
    for format_ in given.format or MEASURED:
        result = _elsewhere(given.rows, format_)
        results.append(result)
        print(
            f"{result.format:8} {result.rows:9,} {result.parts:5} {result.megabytes:7.1f} {result.seconds:8.1f} "
            f"{result.rows / result.seconds:8,.0f} {result.before:10.1f} {result.peak:8.1f}"
        )
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
    above = [result.format for result in results if result.peak > LIMIT]
    print(f"above the limit of {LIMIT} MB: {', '.join(above)}" if above else f"all below the limit of {LIMIT} MB")
    return int(bool(above))


if __name__ == "__main__":
    sys.exit(main())
