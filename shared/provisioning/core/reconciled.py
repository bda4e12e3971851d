"""How far the reconciliation of a service has come: the item that its `reconcile` function keeps.

The SP's accounts are **read** page by page, and those that bear a mark of ours are compared at once; what is left is
compared while ours are **walked**, and whoever was not shown is missing, if the list is proven complete. Then what the
service's policy says is **done**, and the report is **written**. Each step is remembered when what it covers is
durable; every write is conditional on the revision that was read, and files bear it in their names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from provisioning.core.period import Instant

LEASE: Final = 3600  # seconds without a sign of life after which nobody is at work any more
HEARD: Final = 20  # starts that are known again if they are repeated
KEPT: Final = 30  # summaries of runs
MOST_PARTS: Final = 2000  # of one run: all are in its item
TROUBLES: Final = 8  # refusals in a row after which the list is taken for what it is
SEVERAL: Final = 5  # accounts that must lack an attribute, all of them, before the SP is taken not to keep it


class Step(StrEnum):
    """What is done next for a run."""

    READ = "read"
    WALK = "walk"
    ACT = "act"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Run:
    """A reconciliation under way. `position`: where the step goes on; `parts`: files of what was found.

    `first`, `total`: accounts that the SP said it has, when the list began and last. `shown`: different ones that it
    showed. `problem`: why the list proves nothing of whom it does not show. `troubles`: refusals in a row; `again`: how
    often the list was begun anew; `barren`: pages in a row that showed nobody new. `expected`, `kept`: by path, how
    many accounts were to show something there and how many did. `acted`: findings of the part at `part` that were
    acted on. `done`: how often what was.
    """

    number: int
    begun: Instant
    touched_at: Instant
    step: Step = Step.READ
    position: str | None = None
    parts: tuple[str, ...] = ()
    pages: int = 0
    shown: int = 0
    first: int | None = None
    total: int | None = None
    problem: str = ""
    troubles: int = 0
    again: int = 0
    barren: int = 0
    expected: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    part: int = 0
    acted: int = 0
    done: Mapping[str, int] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        """Whether who was not shown is not there. A list that changed in number is believed between its two ends."""
        return not self.problem and self.step is not Step.READ

    @property
    def unkept(self) -> frozenset[str]:
        """Paths at which the SP shows nothing of anybody, though several were to have something there."""
        return frozenset(
            path for path, count in self.expected.items() if count >= SEVERAL and not self.kept.get(path, 0)
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """A run that has ended. `counts`: accounts by class; `attributes`: drifts by name; `done`: what was done."""

    number: int
    begun: Instant
    ended: Instant
    complete: bool
    problem: str = ""
    shown: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    attributes: Mapping[str, int] = field(default_factory=dict)
    done: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The item: the run under way, and the last ones that ended, oldest first."""

    service: str
    number: int = 0
    requests: tuple[str, ...] = ()
    run: Run | None = None
    ended: tuple[Summary, ...] = ()
    revision: int = 0


def is_busy(run: Run, now: Instant) -> bool:
    """Whether somebody is at work on it."""
    return run.touched_at + LEASE > now


def begun(item: Reconciled, request: str, now: Instant) -> Reconciled:
    """The item with a new run, in place of one on which nobody works any more."""
    number = item.number + 1
    requests = (*item.requests, request)[-HEARD:]
    return replace(item, number=number, requests=requests, run=Run(number, now, now))


def read_to_the_end(run: Run) -> Run:
    """The run whose list was read: with what the numbers say of it. Without a total, its pages speak for themselves."""
    problem = run.problem
    totals = [count for count in (run.first, run.total) if count is not None]
    if not problem and totals and not min(totals) <= run.shown <= max(totals):
        problem = f"the SP says that it has {totals[-1]} accounts, and showed {run.shown}"
    return replace(run, step=Step.WALK, position=None, problem=problem, troubles=0)


def ended(item: Reconciled, summary: Summary) -> Reconciled:
    """The item after its run."""
    return replace(item, run=None, ended=(*item.ended, summary)[-KEPT:])
