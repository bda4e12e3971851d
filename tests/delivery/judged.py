"""Every exchange of every test with an SP of SCIM or SPML is judged, and counted for the report of the whole run.

A server that is asked by our clients keeps its calls in a `Recorded`; no test need remember to have it judged.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

# What the judges say, by rule; the first pattern that is found in it counts.
RULES: Final[dict[str, dict[str, str]]] = {
    "SCIM": {
        "content type": "content type|does not accept",
        "filter and its escapes": "filter",
        "Bulk": "bulkId|Bulk",
        "repeated create": "repeated without",
        "Retry-After": "before it was time",
        "versions": "If-Match|not read",
        "paging": "cursor|startIndex|count is|same page",
        "PATCH": "^PATCH",
        "body": "",
    },
    "SPML": {
        "content type": "content type|SOAPAction|does not accept",
        "envelope": "SOAP 1.1 body|requestID",
        "repeated add": "repeated without",
        "form of requests": "",
    },
}


# Statuses that say that nothing was done (RFC 9110 15.4, 15.5, 15.6.2, 15.6.4): what was refused may be sent again.
REFUSALS: Final = frozenset({*range(300, 500), 501, 503})


class Recorded(list[Any]):
    """The calls that one SP was sent. What a test takes out of the list is judged all the same."""

    def __init__(self, standard: str, judge: Callable[[list[Any]], list[str]]) -> None:
        super().__init__()
        self.standard, self.judge = standard, judge
        self.every: list[Any] = []

    def append(self, call: Any) -> None:
        """Keep a call."""
        self.every.append(call)
        super().append(call)

    def forget(self) -> None:
        """None of these were our client's: the test has sent them itself."""
        self.clear()
        self.every.clear()

    def answered(self, call: Any, with_answer: Any) -> None:
        """A call that was kept when it came has been answered."""
        for kept in (self, self.every):
            kept[:] = [with_answer if each is call else each for each in kept]


@dataclass(frozen=True)
class Verdict:
    """Of one SP and one test."""

    standard: str
    requests: int
    faults: tuple[str, ...]


_OPEN: list[Recorded] = []


def recorded(standard: str, judge: Callable[[list[Any]], list[str]]) -> Recorded:
    """Where an SP keeps its calls, which are judged when the test is over."""
    made = Recorded(standard, judge)
    _OPEN.append(made)
    return made


def verdicts() -> list[Verdict]:
    """What the judges say of all that was recorded since this was asked before."""
    judged, _OPEN[:] = [each for each in _OPEN if each.every], []  # what one of them makes a judge fall over ends here
    return [Verdict(each.standard, len(each.every), tuple(each.judge(each.every))) for each in judged]


def rule_of(standard: str, fault: str) -> str:
    """The rule that a fault is against."""
    return next(rule for rule, pattern in RULES[standard].items() if re.search(pattern, fault))


def counted(verdicts: Sequence[Verdict]) -> list[list[Any]]:
    """As plain values, which a worker can hand to the process that prints the report."""
    rules = [[rule_of(each.standard, fault) for fault in each.faults] for each in verdicts]
    return [[each.standard, each.requests, against] for each, against in zip(verdicts, rules, strict=True)]


def report(counts: Sequence[list[Any]]) -> list[str]:
    """The report of a run: requests judged by each standard, and how many were against each rule."""
    requests, against = Counter[str](), Counter[tuple[str, str]]()
    for standard, number, rules in counts:
        requests[standard] += number
        against.update((standard, rule) for rule in rules)
    lines = []
    for standard, number in sorted(requests.items()):
        total = sum(count for (each, _), count in against.items() if each == standard)
        lines.append(f"{standard}: {number} requests judged, {total} against the standard")
        lines.append("  " + ", ".join(f"{rule} {against[standard, rule]}" for rule in RULES[standard]))
    return lines
