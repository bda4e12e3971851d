"""`make bench-eligibility`: who may have what, measured beside everything else that could say so.

All engines get the same rules and the same identities, in one run, and must give the same answers.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from provisioning.core.expression import compile_selection
from tests.bench import limit, others, ours
from tests.bench.limit import Matching
from tests.bench.measure import Bar, Timed, cpu, import_seconds, portion, show_bars
from tests.bench.people import Sample, samples
from tests.bench.rules import SERVICES, Written, written

PORTION: Final = 2000
FEW: Final = 20  # identities of each portion for what takes a millisecond for one
DECISIONS: Final = 500  # of each portion
_OUTPUT: Final = Path("build/bench/eligibility.json")


def engines(rules: Sequence[Written]) -> dict[str, Matching]:
    """Every way to find the rules that hold, by name."""
    return {
        "limit": limit.straight(rules),
        "limit, by kind": limit.indexed(rules),
        "provisioning": ours.selected(rules),
        "C++": others.in_c(rules),
        "Rust": others.in_rust(rules),
    }


def differences(matching: Mapping[str, Matching], people: Iterable[Sample]) -> Iterator[str]:
    """Where the engines do not agree with the limit, in words."""
    for sample in people:
        wanted = matching["limit"](sample)
        yield from (
            f"{name} gives {found} and not {wanted} for {sample}"
            for name, found in ((name, match(sample)) for name, match in matching.items())
            if found != wanted
        )


def main() -> int:
    """Measure, print, write. 1 if the engines disagree or a bar is missed."""
    parser = argparse.ArgumentParser(prog="make bench-eligibility")
    parser.add_argument("--identities", type=int, default=100_000)
    count = max(parser.parse_args().identities, FEW)
    rules = written()
    matching, deciding = engines(rules), ours.decided(rules)
    timed = {name: Timed() for name in (*matching, "whole decision")}
    people = samples(count)
    first = 0
    while chunk := list(itertools.islice(people, PORTION)):
        quick = {name: match for name, match in matching.items() if name not in ("C++", "Rust")}
        wrong = next(itertools.chain(differences(matching, chunk[:FEW]), differences(quick, chunk)), None)
        if wrong is not None:
            print(f"the engines disagree: {wrong}")
            return 1
        known = [ours.before(deciding, sample, first + number) for number, sample in enumerate(chunk[:DECISIONS])]
        runs = {name: (match, chunk if name in quick else chunk[:FEW]) for name, match in matching.items()}
        portion(timed, {**runs, "whole decision": (lambda one: deciding(one, ours.NOW), known)})
        first += len(chunk)
    bars = _bars(rules, timed)
    _show(rules, timed, bars)
    return 0 if all(bar.kept for bar in bars) else 1


def compiling(rules: Sequence[Written]) -> float:
    """Seconds from the rules' texts to functions; what the data then asks for is compiled when it does."""

    def compiled(variables: Sequence[str]) -> None:
        compile_selection(ours.expressions(rules), variables)

    return min(cpu(compiled, [("person", "affiliation")]) for _ in range(5))


def compiling_later(rules: Sequence[Written], people: Sequence[Sample]) -> float:
    """Seconds of compiling when people are met for the first time."""
    match = ours.selected(rules)
    return cpu(match, people) - cpu(match, people)


def _bars(rules: Sequence[Written], timed: Mapping[str, Timed]) -> list[Bar]:
    mine, best = timed["provisioning"], timed["limit"]
    return [
        Bar("matching / limit", mine.ratio(best), 1.5),
        Bar("C++ / matching", timed["C++"].ratio(mine), 8, least=True),
        Bar("Rust / matching", timed["Rust"].ratio(mine), 15, least=True),
        Bar("whole decision / limit", timed["whole decision"].ratio(best), 4),
        Bar(f"compile {len(rules)} rules, s", compiling(rules), 0.5),
        Bar("import the evaluator, ms", import_seconds("provisioning.core.expression") * 1000, 15),
    ]


def _holding() -> float:
    """How many rules hold for an identity, on average over its first thousand."""
    match, people = limit.straight(written()), list(samples(1000))
    return sum(len(numbers) for sample in people for numbers in match(sample)) / len(people)


def _show(rules: Sequence[Written], timed: Mapping[str, Timed], bars: Sequence[Bar]) -> None:
    later = compiling_later(rules, list(samples(PORTION)))
    best = timed["limit"]
    print(f"{len(rules)} rules, {SERVICES} services; CPU for one identity, for which {_holding():.0f} rules hold\n")
    print(f"{'':24}{'µs':>10}{'/ limit':>10}{'identities':>12}")
    for name, one in timed.items():
        print(f"{name:24}{one.microseconds:10.1f}{one.ratio(best):10.2f}{one.identities:12,}")
    show_bars(bars)
    print(f"\ncompiled when first needed, all of it: {later:.2f} s")
    report = {
        "rules": len(rules),
        "services": SERVICES,
        "engines": {
            name: {"microseconds": one.microseconds, "ratio": one.ratio(best), "identities": one.identities}
            for name, one in timed.items()
        },
        "bars": [{**asdict(bar), "kept": bar.kept} for bar in bars],
        "compiled_later_seconds": later,
    }
    _OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    _OUTPUT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
