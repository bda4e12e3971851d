"""The rules with engines that somebody could take instead: Google's CEL in C++, and CEL in Rust.

Each rule is compiled once; the data of a fact is handed over once for all rules, which is the fastest way that each of
the two offers. Every rule is an evaluation of its own, because one that fails must not take others with it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import cel
from cel_expr_python import cel as google_cel  # type: ignore[import-untyped]  # ships no marker

from tests.bench.limit import Matching
from tests.bench.people import Sample
from tests.bench.rules import Written

Compiled = tuple[int, Any]


def in_c(rules: Sequence[Written]) -> Matching:
    """With `cel-expr-python`."""
    anything = google_cel.Type.Map(google_cel.Type.STRING, google_cel.Type.DYN)
    environment = google_cel.NewEnv(variables={"person": anything, "affiliation": anything})

    def hold(compiled: list[Compiled], data: dict[str, Any]) -> list[int]:
        activation = environment.Activation(data)
        return [number for number, rule in compiled if rule.eval(activation).value() is True]

    return _matching(rules, environment.compile, hold)


def in_rust(rules: Sequence[Written]) -> Matching:
    """With `common-expression-language`."""

    def hold(compiled: list[Compiled], data: dict[str, Any]) -> list[int]:
        context = cel.Context(variables=data)
        return [number for number, rule in compiled if rule.execute(context) is True]

    return _matching(rules, cel.compile, hold)


def _matching(
    rules: Sequence[Written],
    compile_: Callable[[str], Any],
    hold: Callable[[list[Compiled], dict[str, Any]], list[int]],
) -> Matching:
    compiled = [(number, rule.per_affiliation, compile_(rule.whole.cel)) for number, rule in enumerate(rules)]
    person = [(number, rule) for number, per_affiliation, rule in compiled if not per_affiliation]
    affiliation = [(number, rule) for number, per_affiliation, rule in compiled if per_affiliation]

    def match(sample: Sample) -> list[list[int]]:
        facts = [{"person": sample.person, "affiliation": facts} for facts in sample.affiliations]
        return [hold(person, {"person": sample.person}), *(hold(affiliation, data) for data in facts)]

    return match
