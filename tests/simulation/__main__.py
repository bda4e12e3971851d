"""`python -m tests.simulation`: many seeds, one seed with its story, or the mutants."""

import argparse
import sys

from tests.simulation.build import build
from tests.simulation.run import noticed, run_seeds
from tests.simulation.verdict import judge


def main() -> int:
    """Parse, run, print; status 0 only if nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--story", action="store_true", help="print what happened in the first one")
    parser.add_argument("--mutants", action="store_true", help="switch off one safeguard at a time")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    if given.story:
        return _story(given.first)
    return _mutants(seeds) if given.mutants else _seeds(seeds)


def _seeds(seeds: range) -> int:
    failed = invocations = faults = 0
    for result in run_seeds(seeds):
        invocations, faults = invocations + result.invocations, faults + result.faults
        if result.problems:
            failed += 1
            print(f"seed {result.seed}: {result.problems[0]} ({len(result.problems)} in all)")
            print(f"    python -m tests.simulation --story --first {result.seed}")
    print(f"{len(seeds)} seeds, {invocations} invocations, {faults} faults: {failed} failed")
    return 1 if failed else 0


def _mutants(seeds: range) -> int:
    missed = 0
    for name, result in noticed(seeds).items():
        missed += result is None
        said = "NOT NOTICED" if result is None else f"noticed by seed {result.seed}: {result.problems[0]}"
        print(f"without {name}: {said}")
    return 1 if missed else 0


def _story(seed: int) -> int:
    world = build(seed)
    problems = judge(world)
    print("\n".join([*world.lines, "", *problems]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
