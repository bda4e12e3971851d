"""What a case showed, for people and for machines, in the form in which cases are written."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rich.console import Console

from provisioning.command.bundle import Folder
from provisioning.core.eligibility import SegmentPhase
from provisioning.core.errors import InvalidError
from provisioning.core.period import BEGINNING, FOREVER, Instant, midnight
from provisioning.core.trial import Answer, Difference, Held, Stretch, Verdict


def differences(console: Console, folder: Folder, zone: ZoneInfo, failed: Sequence[Verdict]) -> None:
    """Each failing case at its place; of its segments, `-` is expected only, `+` is got only."""

    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    for verdict in failed:
        for difference in verdict.differences:
            line(str(_place(folder, verdict, difference)))
            for told in _compared(difference, zone):
                line(f"    {told}")
        if verdict.case.because:
            line(f"    because: {verdict.case.because}")
        for failure in verdict.failures:
            line(f"    not evaluated: {failure}")
    line(f"{len(failed)} {'case fails' if len(failed) == 1 else 'cases fail'}: - is expected, + is what the rules give")


def words(folder: Folder, zone: ZoneInfo, verdict: Verdict) -> dict[str, object]:
    """A failing case in JSON's terms."""
    told = []
    for difference in verdict.differences:
        place = _place(folder, verdict, difference)
        sides = {"expected": _answer(difference.expected, zone), "got": _answer(difference.got, zone)}
        told.append(
            {"service": difference.service, "file": place.where, "line": place.line, "column": place.column, **sides}
        )
    case = verdict.case
    return {
        "case": case.id,
        "because": case.because,
        "at": case.at,
        "differences": told,
        "failures": list(verdict.failures),
    }


def _place(folder: Folder, verdict: Verdict, difference: Difference) -> InvalidError:
    """The difference as an error at the line of what was expected."""
    case, service = verdict.case, difference.service
    name = f"expect.{service}" if service in case.expect else "only"
    at = f" at {case.at}" if isinstance(difference.got, Held) else ""
    return folder.locate(InvalidError(f"{case.id}: {service} is not as expected{at}", f"cases/{case.id}.{name}"))


def _compared(difference: Difference, zone: ZoneInfo) -> Iterable[str]:
    expected, got = difference.expected, difference.got
    if isinstance(expected, Held) or isinstance(got, Held):
        yield f"- {_flow(_answer(expected, zone))}"
        yield f"+ {_flow(_answer(got, zone))}"
        return
    for stretch in sorted({*expected, *got}):
        made = next((other.rules for other in got if other == stretch), ())
        mark = " " if stretch in expected and stretch in got else "-" if stretch in expected else "+"
        yield f"{mark} {_flow(_segment(stretch, zone))}" + (f"  # {', '.join(made)}" if made else "")
    if not got:
        yield "+ []"
    elif not expected:
        yield "- []"


def _answer(answer: Answer, zone: ZoneInfo) -> object:
    if not isinstance(answer, Held):
        return [_segment(stretch, zone) for stretch in answer]
    if answer.authorizations is None or answer.standing not in ("active", "grace"):
        return answer.standing
    return {"standing": answer.standing, "authorizations": list(answer.authorizations)}


def _segment(stretch: Stretch, zone: ZoneInfo) -> dict[str, object]:
    told: dict[str, object] = {}
    if stretch.start > BEGINNING:
        told["from"] = _bound(stretch.start, zone, last=False)
    if stretch.end < FOREVER:
        told["until"] = _bound(stretch.end, zone, last=True)
    if stretch.phase is not SegmentPhase.ACTIVE:
        told["phase"] = stretch.phase.value
    if stretch.authorizations:
        told["authorizations"] = list(stretch.authorizations)
    return told


def _bound(instant: Instant, zone: ZoneInfo, last: bool) -> str:
    """A day where one begins, and otherwise the instant on the zone's clock. `last`: the day before, as `until` is."""
    local = datetime.fromtimestamp(instant, zone)
    if midnight(local.date(), zone) != instant:
        return local.isoformat()
    return (local.date() - timedelta(days=last)).isoformat()


def _flow(value: object) -> str:
    """A value as YAML writes it on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return str(value)
