"""Whom a source is known to have shown, beside the list of keys of its last complete run.

Who came by changes since that run is in no list; where there is no list, because the run is the first or the file is
lost, nobody is. Who went before the next run would be missed by nobody, and keep what they have. So changes write down
whom they show, and a run without a list recalls whom the table knows.
"""

from dataclasses import replace
from typing import Final

from provisioning.core.polled import Part, Polled, Run, Step

FULL: Final = 20_000  # keys of one file of those whom changes showed, about
MOST: Final = 100  # such files: after these the next run recalls


def recalled_on(item: Polled, run: Run, part: Part | None, position: str | None) -> Polled:
    """The item after some of the table was recalled; None: that was the last of it."""
    known = run.known if part is None else (*run.known, part)
    step = Step.RECALL if position is not None else Step.COMPARE
    return replace(item, run=replace(run, step=step, known=known, recalled=position))


def seen_on(item: Polled, part: Part) -> Polled:
    """The item after changes showed these, in place of the last file if that was not full."""
    seen = (*_full(item.seen), part)
    return replace(item, seen=seen) if len(seen) <= MOST else replace(item, seen=(), unseen=True)


def open_file(item: Polled) -> Part | None:
    """The file of those whom changes showed that has room for more."""
    return item.seen[-1] if item.seen != _full(item.seen) else None


def _full(seen: tuple[Part, ...]) -> tuple[Part, ...]:
    return seen[:-1] if seen and seen[-1].rows < FULL else seen


def forgotten(item: Polled, run: Run) -> Polled:
    """The item when keys are lost that the run was to be compared with: it recalls."""
    lost = item.complete.number if item.complete is not None else run.number
    trouble = f"the keys of run {lost} are lost: run {run.number} is compared with whom the table knows"
    return replace(item, complete=None, trouble=trouble, run=replace(run, step=Step.RECALL, known=(), recalled=None))
