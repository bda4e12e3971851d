"""How far the extraction of a source has come: the item that its `poll` function keeps.

One process at a time works on a source: it holds the lease, which it renews while it lives. Every write of the item is
conditional on the revision that was read, and files are named by it, so that a process which lost its lease cannot
move anything, nor change what another has put away.

A snapshot is **read**, page by page, into sorted parts; then **compared** with the keys of the last complete run, or,
where there is none, with those that are **recalled** from the table; then what differs is **sent**. Each step is
remembered when what it covers is durable. Absence is believed only of a run that is complete, and only if no more are
missing than may be: otherwise what changed is sent, the run is held, and nobody is removed.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from provisioning.core.errors import InvalidError
from provisioning.core.period import Instant
from provisioning.core.source import Evidence, Page
from provisioning.core.source_options import Absence

HEARD = 20  # starts that are known again if they are repeated
MOST_PARTS = 2000  # of one run: all are in its item


class Step(StrEnum):
    """What is done next for a run."""

    READ = "read"
    RECALL = "recall"
    COMPARE = "compare"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class Part:
    """A sorted file of a run. `first` and `last`: its lines' keys, escaped, so that parts in order need no merge."""

    name: str
    rows: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a comparison found. `absent`: known and not shown; `due`: of those, missing for as many runs as it takes.

    `doubled`: keys that were shown twice with different content: nothing is concluded about them.
    """

    rows: int = 0
    new: int = 0
    changed: int = 0
    absent: int = 0
    due: int = 0
    doubled: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """What one part was made from. `spoiled`: subjects that could not be read; `unknown`: of those, without a key."""

    pages: int
    spoiled: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison made: see `Run`."""

    found: Found
    keys: tuple[Part, ...]
    differences: tuple[Part, ...]
    absences: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A snapshot under way. `observed`: microseconds since 1970 at which it began. `begun`: where changes begin then.

    `position`: of the page that comes next; `spool`: what was read; `volatile`: another process must begin again.
    `known`: keys beside the last complete run's, see `core.recalled`; `recalled`: of the page that comes next.
    `keys`: the comparison's new list of keys; `differences`, then `absences`, is what to send; `sent`: parts of that.
    `problem`: why absence proves nothing. `held`: why a person must look before absences are sent.
    """

    number: int
    observed: int
    step: Step = Step.READ
    begun: str | None = None
    position: str | None = None
    volatile: bool = False
    pages: int = 0
    spoiled: int = 0
    unknown: int = 0
    expected: int | None = None
    of: str = ""
    problem: str = ""
    spool: tuple[Part, ...] = ()
    keys: tuple[Part, ...] = ()
    differences: tuple[Part, ...] = ()
    absences: tuple[Part, ...] = ()
    sent: int = 0
    found: Found = Found()
    held: str = ""
    known: tuple[Part, ...] = ()
    recalled: str | None = None

    @property
    def outgoing(self) -> tuple[Part, ...]:
        """What may be sent."""
        return self.differences if self.problem or self.held else (*self.differences, *self.absences)

    @property
    def is_over(self) -> bool:
        """Whether everything that may be sent has been."""
        return self.step is Step.SEND and self.sent >= len(self.outgoing)

    @property
    def waits(self) -> bool:
        """Whether nothing can be done but by a person."""
        return bool(self.held) and self.is_over


@dataclass(frozen=True, slots=True)
class Complete:
    """The last run that was compared and sent. `rows`: subjects shown. `schema` stands for how they are read.

    `of`: the state of the source that it shows, if the source names it: two runs of one state are one evidence.
    """

    number: int
    rows: int
    at: Instant
    keys: tuple[Part, ...]
    schema: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class Polled:
    """The item. `position`: where changes go on. `owner` holds the lease until `leased`.

    `seen`: keys that changes showed, and no run since; `unseen`: that too many were, so that the next run recalls.
    `began`: when the last complete runs began, in microseconds since 1970, the newest last.
    For people: `trouble`: what was wrong with the last run; `fault`: why the last invocation could not do its work.
    """

    source: str
    number: int = 0
    requests: tuple[str, ...] = ()
    position: str | None = None
    looked_at: Instant = 0
    run: Run | None = None
    complete: Complete | None = None
    owner: str = ""
    leased: Instant = 0
    trouble: str = ""
    fault: str = ""
    revision: int = 0
    seen: tuple[Part, ...] = ()
    unseen: bool = False
    began: tuple[int, ...] = ()


def leased(item: Polled, owner: str, until: Instant) -> Polled:
    """The item, with the lease taken or renewed."""
    return replace(item, owner=owner, leased=until)


def is_leased(item: Polled, owner: str, now: Instant) -> bool:
    """Whether somebody else is at work."""
    return item.owner not in ("", owner) and item.leased > now


def given_back(item: Polled, fault: str) -> Polled:
    """The item without a lease, and with what went wrong under it."""
    return replace(item, owner="", leased=0, fault=fault)


def begun(item: Polled, request: str, observed: int, place: str | None) -> Polled:
    """The item with a new run, in place of one that was held. `place`: where changes begin from now on."""
    heard = (*item.requests, request)[-HEARD:] if request else item.requests
    item = given_up(item, "")
    run = Run(item.number + 1, observed, begun=place, known=item.seen)
    return replace(item, number=run.number, requests=heard, run=run, seen=())


def moved(item: Polled, position: str, now: Instant) -> Polled:
    """The item after a page of changes."""
    return replace(item, position=position, looked_at=now)


def given_up(item: Polled, reason: str) -> Polled:
    """The item without its run. What is known beside the last complete run's keys is compared by the next one.

    Who was new in this one may have been sent, and is in no list.
    """
    if item.run is None:
        return replace(item, trouble=reason)
    sent = item.run.step is Step.SEND and item.run.found.new > 0
    unseen = item.unseen or sent or item.run.step is Step.RECALL
    return replace(item, run=None, trouble=reason, seen=(*item.run.known, *item.seen), unseen=unseen)


def read_on(item: Polled, run: Run, page: Page, part: Part | None, read: Read) -> Polled:
    """The item after some pages were read into a part; `page` is the last of them.

    Raises InvalidError if it has more parts than an item can hold.
    """
    spool = run.spool if part is None else (*run.spool, part)
    if len(spool) > MOST_PARTS:
        raise InvalidError(f"more than {MOST_PARTS} parts", f"sources/{item.source}.poll", right="a smaller source")
    after = replace(
        run, position=page.position, volatile=page.restarts, spool=spool, pages=run.pages + read.pages,
        spoiled=run.spoiled + read.spoiled, unknown=run.unknown + read.unknown,
    )  # fmt: skip
    if not page.more:
        evidence = page.evidence or Evidence(problem="the source gave no evidence of completeness")
        step = Step.RECALL if item.complete is None or item.unseen else Step.COMPARE
        after = replace(after, step=step, expected=evidence.expected, of=evidence.of, problem=evidence.problem)
    return replace(item, run=after, unseen=item.unseen and after.step is not Step.RECALL)


def read_again(item: Polled, run: Run) -> Polled:
    """The item with its run at its beginning: what was read is of no use in this process."""
    return replace(item, run=Run(run.number, run.observed, begun=run.begun, known=run.known))


def sent_on(item: Polled, run: Run, parts: int) -> Polled:
    """The item after so many parts of the differences were sent."""
    return replace(item, run=replace(run, sent=parts))


def released(item: Polled, run: Run) -> Polled:
    """The item after a person looked at what was held: who is missing is taken for gone."""
    return replace(item, run=replace(run, held=""))


def missed_since(item: Polled, run: Run, runs: int) -> int:
    """Since when somebody is missing whom neither this run shows nor the complete ones before it, `runs` in all.

    In microseconds since 1970; 0: there were not as many. Who was seen later, by a message of the source's own, was
    missed by fewer, however long ago the list gave them up.
    """
    began = (*item.began, run.observed)[-runs:]
    return began[0] if len(began) == runs else 0


def finished(item: Polled, run: Run, schema: str, now: Instant, absence: Absence) -> Polled:
    """The item after everything was sent. A run that proves nothing is remembered only as trouble."""
    position = item.position if item.position is not None else run.begun
    if run.problem and item.complete is not None:
        # Its keys lack whoever it did not show: the last complete run's stay, and what changed is sent again.
        return replace(given_up(item, f"run {run.number}: {run.problem}"), position=position)
    trouble = f"run {run.number}: {run.problem}" if run.problem else ""
    done = Complete(run.number, run.found.rows, now, run.keys, schema, run.of)
    began = item.began if run.problem else (*item.began, run.observed)[-absence.runs :]
    return replace(item, run=None, complete=done, position=position, trouble=trouble, began=began)
