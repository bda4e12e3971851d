"""What a reconciliation found, as it is kept: by class, by attribute, and account by account. Names, never values."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from provisioning.core.difference import Class, Finding
from provisioning.core.period import Instant, show
from provisioning.core.reconciled import Run, Summary

LISTED: Final = 5000  # accounts that are listed one by one; all are counted
_ORDER: Final = (
    Class.DRIFTED, Class.MISSING, Class.DUPLICATE, Class.ORPHAN, Class.FOREIGN, Class.OPEN, Class.SETTLED,
)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What is counted while the findings pass by."""

    counts: Counter[str] = field(default_factory=Counter)
    attributes: Counter[str] = field(default_factory=Counter)
    listed: dict[Class, list[Finding]] = field(default_factory=dict)

    def take(self, findings: Iterable[Finding], settled: int) -> None:
        """Some findings, and how many accounts beside them are settled."""
        self.counts[Class.SETTLED] += settled
        for finding in findings:
            self.counts[finding.kind] += 1
            self.attributes.update(finding.attributes)
            some = self.listed.setdefault(finding.kind, [])
            if finding.kind is not Class.SETTLED and len(some) < LISTED:
                some.append(finding)


def summary_of(run: Run, tally: Tally, now: Instant) -> Summary:
    """The run in short."""
    counts = {kind.value: tally.counts[kind] for kind in _ORDER if tally.counts[kind]}
    return Summary(
        run.number, run.begun, now, not run.problem, run.problem, run.shown, counts,
        dict(sorted(tally.attributes.items())), dict(run.done),
    )  # fmt: skip


def report_of(service: str, run: Run, tally: Tally, now: Instant) -> Mapping[str, Any]:
    """The report as JSON."""
    summary = summary_of(run, tally, now)
    listed: list[Finding] = []
    for kind in _ORDER:
        listed += tally.listed.get(kind, [])[: max(0, LISTED - len(listed))]
    unlisted = sum(tally.counts.values()) - tally.counts[Class.SETTLED] - len(listed)
    return {
        "service": service,
        **words(summary),
        "unkept": sorted(run.unkept),
        "accounts": [_words(finding) for finding in listed],
        "unlisted": unlisted,
    }


def words(summary: Summary) -> dict[str, Any]:
    """A summary as JSON."""
    return {
        "number": summary.number,
        "begun": show(summary.begun),
        "ended": show(summary.ended),
        "complete": summary.complete,
        "problem": summary.problem,
        "shown": summary.shown,
        "counts": dict(summary.counts),
        "attributes": dict(summary.attributes),
        "done": dict(summary.done),
    }


def _words(finding: Finding) -> dict[str, Any]:
    told: dict[str, Any] = {"class": finding.kind.value, "remote_id": finding.remote_id}
    if finding.identity:
        told["identity"] = finding.identity
    if finding.attributes:
        told["attributes"] = list(finding.attributes)
    return told
