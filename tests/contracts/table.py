"""Contracts as tables, protocol × behaviour and source × behaviour, made of the reports of a test run."""

import re
from collections.abc import Iterable, Sequence

import pytest

_CASE = re.compile(r"test_every_protocol_behaves\[(?P<protocol>\w+)-(?P<behaviour>\w+)\]")
ORDER = ("create", "repeat", "conflict", "adopt", "suspend", "resume", "delete", "vanish", "unknown", "throttle",
         "garbage")  # fmt: skip
_SOURCE = re.compile(r"test_contract\[(?P<protocol>[\w-]+)-(?P<behaviour>\w+)\]")
_WORDS = {"passed": "passed", "failed": "FAILED"}


def source_table(reports: Iterable[pytest.TestReport]) -> Sequence[str]:
    """The lines of the contract of sources; none if it was not run."""
    return contract_table(reports, _SOURCE)


def contract_table(reports: Iterable[pytest.TestReport], of: re.Pattern[str] = _CASE) -> Sequence[str]:
    """Its lines; none if the contract was not run. What a protocol, or a source, cannot have has its reason below."""
    found: dict[tuple[str, str], str] = {}
    reasons: dict[str, int] = {}
    for report in reports:
        case = of.search(report.nodeid)
        if case is None or (report.when != "call" and report.passed):
            continue
        cell = _WORDS.get(report.outcome, "")
        if report.skipped:
            number = reasons.setdefault(_reason(report), len(reasons) + 1)
            cell = f"cannot ({number})"
        found[case["protocol"], case["behaviour"]] = cell
    protocols = sorted({protocol for protocol, _ in found})
    rows = [["", *protocols]] if found else []
    rows += [
        [behaviour, *(found.get((each, behaviour), "-") for each in protocols)]
        for behaviour in sorted({behaviour for _, behaviour in found}, key=_place)
    ]
    wide = max((len(row[0]) for row in rows), default=0) + 2
    lines = [f"{row[0]:<{max(wide, 12)}}" + "".join(f"{cell:<12}" for cell in row[1:]) for row in rows]
    lines = [line.rstrip() for line in lines]
    return [*lines, *(f"({number}) {why}" for why, number in reasons.items())]


def _place(behaviour: str) -> int:
    """Workers report in any order; what is not listed comes last."""
    return ORDER.index(behaviour) if behaviour in ORDER else len(ORDER)


def _reason(report: pytest.TestReport) -> str:
    told = report.longrepr
    return str(told[2] if isinstance(told, tuple) else told).removeprefix("Skipped: ")
