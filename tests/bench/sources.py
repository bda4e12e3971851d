"""`make bench-sources`: a snapshot of a million unchanged rows of PostgreSQL, beside the bare read of the same rows.

The server, the adapter, the comparison and the item are the real ones; the files of a run lie on this machine's disk in
place of the bucket, and whatever is sent is counted and thrown away. The first load is of receive over the table in
memory, which counts requests as the contract says that the table does. Bare reads ask for the same pages and do nothing
with the rows: by SQLAlchemy, and by the driver beneath it. Each is a process of its own, because a process has only one
peak; its CPU time is what a record costs, whatever the server does on the other core.
"""

import argparse
import asyncio
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no types
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from provisioning.adapters.memory.bells import MemoryBells
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.adapters.memory.polling import MemoryPolls, MemoryRecall
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.store import MemoryStore
from provisioning.adapters.sources.sql import open_sql
from provisioning.core.catalog import Bundle
from provisioning.core.observation import observation
from provisioning.core.wire import canonical, digest_of
from provisioning.stages.decide import Decide
from provisioning.stages.message import Message
from provisioning.stages.poll import Poll, poll
from provisioning.stages.receive import Receive, receive
from tests import postgresql
from tests.bench.measure import Bar, show_bars
from tests.stages.tenant import bundle

ROWS: Final = 1_000_000
PAGE: Final = 5000
LEAST: Final = 0.3  # of the bare read
MOST: Final = 300  # MB at the peak
SOURCE: Final = "personnel"
_OUTPUT: Final = Path("build/bench/sources.json")
_TABLE: Final = """
CREATE TABLE people (
  id text PRIMARY KEY, login text, given text, family text, mail text, unit text, title text, phone text,
  hired date, changed timestamptz
);
INSERT INTO people SELECT
  'p' || lpad(n::text, 8, '0'), 's' || n, 'Zoë', 'van Dijk-' || n, 's' || n || '@campus.edu', 'Department ' || n % 40,
  'Lecturer', '+3120' || lpad(n::text, 7, '0'), date '2020-01-01' + (n % 1000)::int,
  timestamptz '2026-01-01' + make_interval(secs => n)
FROM generate_series(1, {rows}) AS n;
ANALYZE people;
"""
_PAGES: Final = "SELECT * FROM people WHERE id > {after} ORDER BY id LIMIT {most}"


@dataclass(frozen=True, slots=True)
class Result:
    """One process. Seconds by the wall and of CPU; the peak of its memory in MB; messages that it sent."""

    name: str
    rows: int
    wall: float
    cpu: float
    peak: float
    sent: int = 0

    @property
    def rate(self) -> float:
        """Records for one second of CPU: a second per core."""
        return self.rows / self.cpu


class DiskPolls(MemoryPolls):
    """What poll keeps, its files on disk; what is sent is counted."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder, self.count = folder, 0

    def _path(self, name: str) -> Path:
        return self._folder / name.replace("/", "-")

    async def write(self, name: str, body: bytes) -> None:
        self._path(name).write_bytes(body)

    async def read(self, name: str, start: int, most: int) -> bytes | None:
        with self._path(name).open("rb") as file:
            file.seek(start)
            return file.read(most)

    async def drop(self, names: Sequence[str]) -> None:
        for name in names:
            self._path(name).unlink(missing_ok=True)

    async def send(self, bodies: Sequence[str], *, bulk: bool = False) -> None:
        self.count += len(bodies)


def tenant() -> Bundle:
    """One source, polled."""
    sql = {"secret": "database", "select": "people", "key": "id", "private": True}
    reading = {"fields": {"login": "string"}, "attributes": {"login": "fields.login"}}
    source = {"id": SOURCE, "record": reading, "poll": {"page": PAGE, "timeout": 300, "sql": sql}}
    return bundle(sources=[source])


async def snapshots(url: str, rows: int) -> Result:
    """Two snapshots: of the first everybody is sent, of the second, which is measured, nobody."""
    bundles = MemoryBundles()
    dumped = tenant().model_dump(mode="json", by_alias=True)
    await bundles.publish(canonical(dumped), digest_of(dumped))

    async def read(_name: str) -> str:
        return url

    with tempfile.TemporaryDirectory() as folder:
        polls, store = DiskPolls(Path(folder)), MemoryStore()
        shell = Poll(
            source=SOURCE, policies=MemoryPolicies(bundles, time.monotonic), polls=polls, spool=polls,
            recall=MemoryRecall(store), intake=polls, rejections=store,
            open=lambda options: open_sql(options, read), owner=lambda: "bench",
            microseconds=lambda: time.time_ns() // 1000, clock=lambda: 0.0, log=lambda *_, **__: None,
        )  # fmt: skip
        for number in range(2):
            before = polls.count
            wall, cpu = time.perf_counter(), time.process_time()
            order = Message(f"m{number}", '{"do": "snapshot"}')
            assert not await poll(shell, [order], 0)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            complete = polls.items[SOURCE].complete
            assert complete is not None
            assert complete.rows == rows
            assert polls.count - before == (rows if number == 0 else 0)
    return Result("snapshot, unchanged", rows, wall, cpu, _peak(), polls.count)


async def bare_driver(url: str, rows: int) -> Result:
    """The same pages by asyncpg."""
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    statement = _PAGES.format(after="$1", most="$2")

    async def page(after: str) -> Sequence[Any]:
        found: Sequence[Any] = await connection.fetch(statement, after, PAGE)
        return found

    result = await _bare("asyncpg", page, rows)
    await connection.close()
    return result


async def bare_sqlalchemy(url: str, rows: int) -> Result:
    """The same pages by SQLAlchemy."""
    engine, statement = create_async_engine(url), text(_PAGES.format(after=":after", most=":most"))
    async with engine.connect() as connection:

        async def page(after: str) -> Sequence[Any]:
            return (await connection.execute(statement, {"after": after, "most": PAGE})).all()

        result = await _bare("SQLAlchemy", page, rows)
    await engine.dispose()
    return result


async def _bare(name: str, page: Callable[[str], Awaitable[Sequence[Any]]], rows: int) -> Result:
    read, after = 0, ""
    wall, cpu = time.perf_counter(), time.process_time()
    while some := await page(after):
        read, after = read + len(some), some[-1][0]
    assert read == rows
    return Result(f"bare read, {name}", rows, time.perf_counter() - wall, time.process_time() - cpu, _peak())


def _peak() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


PEOPLE: Final = 100_000
_BATCH: Final = 10  # messages of one invocation of receive


async def load(people: int) -> tuple[Result, Counter[str]]:
    """The first load: everybody taken in by receive, deliveries off; with what was asked of table and queues."""
    bundles, store = MemoryBundles(), MemoryStore()
    dumped = tenant().model_dump(mode="json", by_alias=True)
    await bundles.publish(canonical(dumped), digest_of(dumped))
    numbers, queue = itertools.count(1), MemoryQueue(lambda: 0.0)
    bells = MemoryBells(queue, {})
    policies = MemoryPolicies(bundles, lambda: 0.0)
    decide = Decide(store, policies, lambda: f"i{next(numbers)}", lambda *_, **__: None)
    shell = Receive(decide, store, bells, lambda: 1)
    wall, cpu = time.perf_counter(), time.process_time()
    for first in range(0, people, _BATCH):
        bodies = [observation(SOURCE, f"p{n}", 1, {"login": f"s{n}"}) for n in range(first, first + _BATCH)]
        assert not await receive(shell, [Message(f"m{n}", body, SOURCE) for n, body in enumerate(bodies)], 0)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert len(store.identities) == people
    return Result("first load, receive", people, wall, cpu, _peak()), store.requests + bells.requests


WORK: Final[dict[str, Callable[[str, int], Awaitable[Result]]]] = {
    "asyncpg": bare_driver,
    "sqlalchemy": bare_sqlalchemy,
    "snapshot": snapshots,
}


def measure(rows: int) -> dict[str, Result]:
    """All of them, one process after the other, on a server that holds so many rows."""
    with postgresql.running() as server:
        asyncio.run(_fill(server.url, rows))
        results = {}
        for name in WORK:
            command = [sys.executable, "-m", "tests.bench.sources", "--rows", str(rows), "--work", name]
            command += ["--url", server.url]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            results[name] = Result(**json.loads(told.splitlines()[-1]))
        return results


async def _fill(url: str, rows: int) -> None:
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    await connection.execute(_TABLE.format(rows=rows))
    await connection.close()


def bars_of(results: dict[str, Result]) -> list[Bar]:
    """What must hold."""
    snapshot = results["snapshot"]
    return [
        Bar("records a second / bare", snapshot.rate / results["sqlalchemy"].rate, LEAST, least=True),
        Bar("peak memory, MB", snapshot.peak, MOST),
    ]


def main() -> int:
    """Measure, print, write. 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="make bench-sources")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--work", choices=WORK)
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    if given.work:
        print(json.dumps(asdict(asyncio.run(_done(WORK[given.work](given.url, given.rows))))))
        return 0
    results = measure(given.rows)
    print(f"{given.rows:,} rows of ten columns, {PAGE:,} to a page\n")
    print(f"{'':24}{'a CPU second':>14}{'CPU, µs':>10}{'wall, s':>10}{'peak, MB':>10}")
    for each in results.values():
        micro = each.cpu / each.rows * 1e6
        print(f"{each.name:24}{each.rate:14,.0f}{micro:10.2f}{each.wall:10.1f}{each.peak:10.0f}")
    loaded, requests = asyncio.run(load(given.people))
    print(f"{loaded.name:24}{loaded.rate:14,.0f}{loaded.cpu / loaded.rows * 1e6:10.2f}{loaded.wall:10.1f}")
    told = ", ".join(f"{count / loaded.rows:.2f} {name}" for name, count in sorted(requests.items()))
    print(f"  for each of {loaded.rows:,} people: {told}")
    bars = [*bars_of(results), Bar("requests for one person", sum(requests.values()) / loaded.rows, 1.2)]
    driver = results["snapshot"].rate / results["asyncpg"].rate
    show_bars(bars)
    print(f"beside the driver beneath SQLAlchemy: {driver:.2f}")
    _OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "results": {name: asdict(each) for name, each in {**results, "load": loaded}.items()},
        "requests": dict(requests),
        "bars": [{**asdict(bar), "kept": bar.kept} for bar in bars],
    }
    _OUTPUT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if all(bar.kept for bar in bars) else 1


async def _done(work: Awaitable[Result]) -> Result:
    return await work


if __name__ == "__main__":
    sys.exit(main())
