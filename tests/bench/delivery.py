"""`make bench-delivery`: from doorbells to settled, beside a bare client that sends the same and does nothing else.

Both call the same trivial SP in another process. They take turns of some hundred operations in one process; ratios are
those of neighbouring turns, and of all turns the median is told. For both, garbage is collected between turns, not in
them: a collection in one turn would pay for what was left by many.
"""

import argparse
import asyncio
import gc
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from tests.bench import delivery_members
from tests.bench.delivery_engine import INVOCATIONS, engine
from tests.bench.delivery_limit import CONNECTIONS, bare_client, recording
from tests.bench.delivery_sp import Provided, pin, provided
from tests.bench.measure import Bar, show_bars

OPERATIONS: Final = 10_000
TURN: Final = 500
WARM: Final = 200  # operations before the first turn that counts
_OUTPUT: Final = Path("build/bench/delivery.json")


@dataclass(slots=True)
class Turns:
    """What the turns of one of both took for one operation, in seconds: by the wall, and of CPU."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    calls: int = 0
    operations: int = 0

    @property
    def rate(self) -> float:
        """Operations a second."""
        return 1 / statistics.median(self.wall)

    @property
    def microseconds(self) -> float:
        """Of CPU, for one operation."""
        return statistics.median(self.cpu) * 1e6

    async def take(self, provider: Provided, operations: int, work: Awaitable[None]) -> None:
        """One turn: so many operations at this SP, which counts the calls."""
        before = sum(provider.calls().values())
        gc.collect()
        gc.disable()
        wall, cpu = time.perf_counter(), time.process_time()
        await work
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        gc.enable()
        self.wall.append(wall / operations)
        self.cpu.append(cpu / operations)
        self.calls += sum(provider.calls().values()) - before
        self.operations += operations


@dataclass(slots=True)
class Measured:
    """One kind of operation: the engine's turns and the limit's, in pairs."""

    engine: Turns = field(default_factory=Turns)
    limit: Turns = field(default_factory=Turns)

    @property
    def share(self) -> float:
        """The engine's rate as a part of the limit's."""
        return statistics.median(its / mine for mine, its in zip(self.engine.wall, self.limit.wall, strict=True))

    @property
    def cpu(self) -> float:
        """The engine's CPU time for one operation as a multiple of the limit's."""
        return statistics.median(mine / its for mine, its in zip(self.engine.cpu, self.limit.cpu, strict=True))

    @property
    def calls(self) -> float:
        """SP calls for one operation of the engine."""
        return self.engine.calls / self.engine.operations


KINDS: Final[Mapping[str, int]] = {"create": 1, "patch": 2}  # by the version of a person that leads to it


async def measure(operations: int, turn: int = TURN, warm: int = WARM) -> dict[str, Measured]:
    """So many creates and so many PATCHes, in turns. Raises AssertionError if an account is not settled after it."""
    with provided() as provider:
        async with AsyncExitStack() as stack:
            recorder, recorded = await stack.enter_async_context(recording())
            dry = await stack.enter_async_context(engine(recorded))
            ours = await stack.enter_async_context(engine(provider.url))
            send = await stack.enter_async_context(bare_client())
            unmeasured = {kind: Measured() for kind in KINDS}
            measured = {kind: Measured() for kind in KINDS}
            first = 0
            while first < warm + operations:
                counts = measured if first >= warm else unmeasured
                people = range(first, min(first + turn, warm + operations) if first >= warm else warm)
                for kind, version in KINDS.items():
                    await dry.deliver(await dry.bells(people, version))
                    sent, bells = recorder.sent_to(provider.url), await ours.bells(people, version)
                    assert len(sent) == len(people)
                    await counts[kind].engine.take(provider, len(people), ours.deliver(bells))
                    await counts[kind].limit.take(provider, len(people), send(sent))
                    assert ours.settled() == people.stop
                first = people.stop
            return measured


def bars_of(measured: Mapping[str, Measured]) -> list[Bar]:
    """What must hold."""
    rates = [Bar(f"{kind}: rate / limit", one.share, 0.5, least=True) for kind, one in measured.items()]
    # At most: the accounts are settled, so it cannot be less.
    return rates + [Bar(f"{kind}: SP calls / operation", one.calls, 1.0) for kind, one in measured.items()]


def main() -> int:
    """Measure, print, write. 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="make bench-delivery")
    parser.add_argument("--operations", type=int, default=OPERATIONS, help="of each kind")
    operations = max(parser.parse_args().operations, 1)
    pin(0)
    measured = asyncio.run(measure(operations))
    with provided() as provider:
        of_group = asyncio.run(delivery_members.calls(provider.url, operations))
    most = operations // delivery_members.BATCH + delivery_members.ROOM
    bars = [*bars_of(measured), Bar(f"calls for {operations:,} members of one group", of_group, most)]
    _show(measured, bars)
    return 0 if all(bar.kept for bar in bars) else 1


def _show(measured: Mapping[str, Measured], bars: Sequence[Bar]) -> None:
    print(
        f"{INVOCATIONS} invocations of ten bells at a time, beside a bare client with {CONNECTIONS} requests at a time"
    )
    print("state in memory; garbage is collected between turns, for both\n")
    print(f"{'':24}{'a second':>10}{'CPU, µs':>10}{'CPU / limit':>13}{'calls / op':>12}{'operations':>12}")
    for kind, one in measured.items():
        for name, turns, ratio in ((f"{kind}, engine", one.engine, one.cpu), (f"{kind}, limit", one.limit, 1.0)):
            calls = turns.calls / turns.operations
            print(
                f"{name:24}{turns.rate:10,.0f}{turns.microseconds:10.1f}{ratio:13.2f}{calls:12.3f}"
                f"{turns.operations:12,}"
            )
    show_bars(bars)
    report = {
        "invocations": INVOCATIONS,
        "connections": CONNECTIONS,
        "garbage": "collected between turns",
        "kinds": {
            kind: {
                "share": one.share,
                "cpu": one.cpu,
                **{
                    name: {
                        "rate": turns.rate,
                        "microseconds": turns.microseconds,
                        "calls": turns.calls,
                        "operations": turns.operations,
                    }
                    for name, turns in (("engine", one.engine), ("limit", one.limit))
                },
            }
            for kind, one in measured.items()
        },
        "bars": [{**asdict(bar), "kept": bar.kept} for bar in bars],
    }
    _OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    _OUTPUT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
