"""CPU time that a busy machine does not falsify.

People come in portions. Within one portion all engines take turns, several rounds, and the fastest round of each
counts: whatever slows the machine down for a while slows down all of them, or only rounds that do not count. A ratio
is that within one portion; of times and ratios the median over the portions is told. Garbage is collected between
rounds, not in them.
"""

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROUNDS = 3
_IMPORTS = 9
_ROOT = Path(__file__).parents[2]
# What the functions have loaded by then in any case: pydantic for the bundle, and the standard library's usual.
_LOADED = "import ast, base64, dataclasses, datetime, enum, functools, json, math, re, typing, zoneinfo, pydantic"


@dataclass(slots=True)
class Timed:
    """Seconds of CPU for one identity, portion by portion; `identities`: how many were timed."""

    seconds: list[float] = field(default_factory=list)
    identities: int = 0

    @property
    def microseconds(self) -> float:
        """For one identity."""
        return statistics.median(self.seconds) * 1e6

    def ratio(self, other: "Timed") -> float:
        """How many times slower than another."""
        return statistics.median(mine / its for mine, its in zip(self.seconds, other.seconds, strict=True))


@dataclass(frozen=True, slots=True)
class Bar:
    """What must hold: `value` at most `limit`, or at least if `least`."""

    name: str
    value: float
    limit: float
    least: bool = False

    @property
    def kept(self) -> bool:
        """Whether it does."""
        return self.value >= self.limit if self.least else self.value <= self.limit


def portion(timed: dict[str, Timed], runs: dict[str, tuple[Callable[[Any], object], Sequence[Any]]]) -> None:
    """Time all engines on one portion, each on its identities, in turns."""
    fastest = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, (run, items) in runs.items():
            fastest[name] = min(fastest[name], cpu(run, items))
    for name, (_, items) in runs.items():
        timed[name].seconds.append(fastest[name] / len(items))
        timed[name].identities += len(items)


def cpu(run: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Seconds of this process's CPU for all of some items."""
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        for item in items:
            run(item)
        return time.process_time() - started
    finally:
        gc.enable()


def import_seconds(module: str) -> float:
    """What importing a module adds to what is loaded in any case, with bytecode as in any second process.

    The fastest of fresh processes, on their CPU; one more before them writes the bytecode.
    """
    code = f"{_LOADED}; import time; s = time.process_time(); import {module}; print(time.process_time() - s)"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, 'shared'); {code}"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as bytecode:
        environment["PYTHONPYCACHEPREFIX"] = bytecode
        _, *runs = [
            float(subprocess.run(command, cwd=_ROOT, env=environment, check=True, capture_output=True).stdout)
            for _ in range(_IMPORTS + 1)
        ]
    return min(runs)


def show_bars(bars: Sequence[Bar]) -> None:
    """Print each with its value, and whether it is kept."""
    print(f"\n{'':28}{'':>10}{'bar':>10}")
    for bar in bars:
        sign = "≥" if bar.least else "≤"
        print(f"{bar.name:28}{bar.value:10.2f}{sign:>6}{bar.limit:4g}  {'ok' if bar.kept else 'MISSED'}")
