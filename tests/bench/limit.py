"""The limit: the same rules as Python that an engineer would generate for them, who need not be exact.

Every attribute is fetched into a local once; every rule is one `if` with plain operators; what matches is appended by
its number. Absence is None: rules ask for it by `is not None`, any other use of what is absent is wrong and not
noticed. There are no errors, no types, and rules are what the engineer wrote, never what an author typed.

Two of them: `straight` tries every rule, one after the other. `indexed` has a function for each kind of affiliation,
in a dict, with the rules for that kind, and one more for the rules that are for all kinds.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.bench.clause import Clause
from tests.bench.people import Sample
from tests.bench.rules import TYPES, Written

Matching = Callable[[Sample], list[list[int]]]  # of the person, then of each affiliation: the numbers that hold


def straight(rules: Sequence[Written]) -> Matching:
    """Every rule is tried for every fact."""
    person = _function(_numbered(rules, per_affiliation=False), "person")
    affiliation = _function(_numbered(rules, per_affiliation=True), "person, affiliation")

    def match(sample: Sample) -> list[list[int]]:
        return [person(sample.person), *(affiliation(sample.person, facts) for facts in sample.affiliations)]

    return match


def indexed(rules: Sequence[Written]) -> Matching:
    """Only the rules for the kind of an affiliation are tried, and those for all kinds."""
    person = _function(_numbered(rules, per_affiliation=False), "person")
    about = [(number, rule) for number, rule in enumerate(rules) if rule.per_affiliation]
    other = _function([(number, rule.rest) for number, rule in about if not rule.types], "person, affiliation")
    by_type = {
        kind: _function([(number, rule.rest) for number, rule in about if kind in rule.types], "person, affiliation")
        for kind in TYPES
    }

    def match(sample: Sample) -> list[list[int]]:
        found = [person(sample.person)]
        for facts in sample.affiliations:
            matched = other(sample.person, facts)
            matched += by_type[facts["type"]](sample.person, facts)
            matched.sort()
            found.append(matched)
        return found

    return match


def _numbered(rules: Sequence[Written], *, per_affiliation: bool) -> list[tuple[int, Clause]]:
    return [(number, rule.whole) for number, rule in enumerate(rules) if rule.per_affiliation is per_affiliation]


def _function(rules: Iterable[tuple[int, Clause]], arguments: str) -> Callable[..., list[int]]:
    rules = list(rules)
    lines = [f"def match({arguments}):", "    found = []", "    add = found.append"]
    for name in dict.fromkeys(name for _, clause in rules for name in clause.attributes):
        variable, _, attribute = name.partition(".")
        lines.append(f'    {variable}_{attribute} = {variable}.get("{attribute}")')
    for number, clause in rules:
        lines += [f"    if {clause.python}:", f"        add({number})"]
    lines.append("    return found")
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)  # noqa: S102  text of this folder
    function: Callable[..., list[int]] = names["match"]
    return function
