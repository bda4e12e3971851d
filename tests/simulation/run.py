"""Running seeds: one by one, in parallel, with or without a safeguard."""

import gc
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from tests.simulation.build import build
from tests.simulation.mutants import MUTANTS, mutant
from tests.simulation.verdict import DEFECT, judge


@dataclass(frozen=True)
class Result:
    """What came of one seed. `invocations` and `faults` tell how much happened."""

    seed: int
    problems: tuple[str, ...]
    invocations: int
    faults: int
    identities: int


def run_seed(seed: int, without: str | None = None) -> Result:
    """Run one seed to its verdict."""
    gc.disable()  # a world is one large heap of live objects: collecting in between finds nothing
    try:
        with mutant(without):
            world = build(seed)
            problems = judge(world)
        return Result(seed, tuple(problems), world.invocations, world.faults.count, len(world.store.identities))
    finally:
        gc.enable()
        if seed % 25 == 0:
            gc.collect()  # the worlds that have ended


def run_seeds(seeds: Sequence[int], without: str | None = None) -> Iterator[Result]:
    """Run many, on all cores, in order."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(partial(run_seed, without=without), seeds, chunksize=10)


def first_noticed(name: str, seeds: Sequence[int]) -> Result | None:
    """The first seed that notices that a safeguard is off, by what became of somebody: a crash alone shows nothing."""
    results = map(partial(run_seed, without=name), seeds)
    return next((each for each in results if any(not told.startswith(DEFECT) for told in each.problems)), None)


def noticed(seeds: Sequence[int]) -> dict[str, Result | None]:
    """For every mutant the first seed that notices it, on all cores."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(MUTANTS, pool.map(first_noticed, MUTANTS, [seeds] * len(MUTANTS)), strict=True))
