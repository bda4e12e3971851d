"""Whether a run that was compared shows everybody, and whether a person must look first: absence needs evidence."""

from dataclasses import replace

from provisioning.core.polled import Compared, Found, Polled, Run, Step
from provisioning.core.source_options import Absence


def compared(item: Polled, run: Run, made: Compared, absence: Absence) -> Polled:
    """The item after the comparison, held if too many are missing."""
    problem = run.problem or _incomplete(item, run, made.found)
    after = replace(
        run, step=Step.SEND, found=made.found, keys=made.keys, differences=made.differences,
        absences=made.absences, problem=problem,
    )  # fmt: skip
    if not problem:
        after = replace(after, held=_shrinkage(item, after, absence))
    return replace(item, run=after)


def _incomplete(item: Polled, run: Run, found: Found) -> str:
    """Why a run cannot be everybody, by what was counted; nothing if it may be."""
    had = _had(item, run)
    if item.complete is not None and run.of and run.of == item.complete.of and found.absent:
        return f"{run.of} was read by run {item.complete.number} already: who is missing is not counted twice"
    if had and not found.rows:
        return f"nobody is shown, where {had} were: an empty list proves nothing"
    if run.unknown:
        return f"{run.unknown} entries could not be read, and nobody knows whose they are"
    # A subject that was shown but could not be read is there.
    if run.expected is not None and found.rows + run.spoiled < run.expected:
        return f"{found.rows} subjects are shown where the source counts {run.expected}"
    if found.doubled:
        return f"{found.doubled} keys are shown twice with different content"
    return ""


def _shrinkage(item: Polled, run: Run, absence: Absence) -> str:
    """Why a person must look before anybody is taken for gone."""
    had = _had(item, run)
    most = max(absence.least, int(absence.threshold * had))
    if run.found.absent <= most:
        return ""
    return (
        f"{run.found.absent} of {had} subjects are missing, more than the {most} that may be: "
        f"release or discard run {run.number}"
    )


def _had(item: Polled, run: Run) -> int:
    """How many subjects there were."""
    return item.complete.rows if item.complete is not None else sum(part.rows for part in run.known)
