"""An explanation for people: a bar of time, a table of segments, and what decided."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from provisioning.command.bar import bar
from provisioning.core.eligibility import EMPTY
from provisioning.core.explanation import Explained, Explanation, Told, Tried
from provisioning.core.expression import Part
from provisioning.core.period import FOREVER, Period
from provisioning.core.wording import ending, starting

_LONGEST: Final = 60  # characters of a value


def print_explanation(console: Console, told: Explanation, zone: ZoneInfo, *, failed: bool) -> None:
    """Each service with its bar, its segments, its end, and the rules that hold; `failed`: also those that do not.

    Without these, services that a person never has are left out too.
    """
    then = "" if told.at == told.now else f", told at {starting(told.now, zone)}"
    _line(console, f"identity {told.identity} at {starting(told.at, zone)} ({zone.key}){then}")
    for explained in told.services:
        if failed or explained.timeline != EMPTY or explained.account is not None:
            _service(console, explained, told, zone, failed=failed)
    for source, since in told.stale.items():
        _line(console, f"{source} is stale since {starting(since, zone)}: it was not heard within its limit")
    for line in (*_words(told), *_past(told, zone)):
        _line(console, line)
    for failure in told.failures:
        _line(console, f"not evaluated: {failure}")


def _words(told: Explanation) -> Iterator[str]:
    """Whose word each value is, where several sources or services make that a question."""
    named = {source for word in told.words for source in word.sources} | set(told.notices)
    for word in told.words if len(named) > 1 else ():
        to = f"told to {', '.join(word.told)}" if word.told else "told to nobody"
        yield f"person.{word.attribute} is {_value(word.value)} by the word of {', '.join(word.sources)}; {to}"
    for source, notices in told.notices.items():
        yield from (f"{source}: {notice}" for notice in notices)


def _past(told: Explanation, zone: ZoneInfo) -> Iterator[str]:
    """How records came to this identity, or left it."""
    for each in told.past:
        other = f", {each.origin}" if each.origin else ""
        yield f"{each.source}/{each.key} at {starting(each.at, zone)}: {each.why}{other}"


def _service(console: Console, explained: Explained, told: Explanation, zone: ZoneInfo, *, failed: bool) -> None:
    until = "no end known" if explained.until >= FOREVER else f"until {ending(explained.until, zone)}"
    _line(console, f"\n{explained.service}: {explained.standing}, {until}")
    for line in bar(explained, told.at, zone, min(console.width, 120)):
        _line(console, line)
    if explained.timeline.segments:
        console.print(_table(explained, zone), markup=False)
    if explained.end is not None:
        _line(console, _end(explained, zone))
    for line in (*_refused(explained, zone), *_rules(explained, zone, failed=failed), *_account(explained)):
        _line(console, line)


def _table(explained: Explained, zone: ZoneInfo) -> Table:
    because = {rule.rule.id: rule.rule.because for rule in explained.rules}
    table = Table("from", "until", "phase", "authorizations", Column("because", ratio=1), expand=True, box=SIMPLE)
    for segment in explained.timeline.segments:
        facts: dict[str, list[str]] = {}
        for reason in segment.reasons:
            facts.setdefault(reason.rule, []).append(reason.fact)
        rows = [f"{because[rule]} [{rule}: {', '.join(found)}]" for rule, found in facts.items()]
        table.add_row(
            *_days(Period(segment.start, segment.end), zone), segment.phase.value,
            ", ".join(segment.authorizations), "\n".join(rows),
        )  # fmt: skip
    return table


def _end(explained: Explained, zone: ZoneInfo) -> str:
    assert explained.end is not None  # noqa: S101  for the type checker: the caller asked
    end = explained.end
    open_ = end.at >= FOREVER
    words = "no end is known" if open_ else f"ends {ending(end.at, zone)}"
    words += f" because {', and '.join(end.because)}" if end.because else ""
    for other in end.without:
        what = "would not be held" if other.end is None else f"would end {ending(other.end, zone)}"
        words += f"; {what} without rule {other.rule}"
    return words


def _refused(explained: Explained, zone: ZoneInfo) -> Iterator[str]:
    for match in explained.timeline.denials:
        urgent = ", urgently" if match.urgent else ""
        yield f"denied{urgent} {_between(match.active, zone)}: {match.rule}, {match.fact}"
    for refusal in explained.timeline.refusals:
        what = ", ".join(refusal.authorizations) or "all of it"
        verb = f"refused {what}" if refusal.takes else f"left until a person decides: {what}"
        parked = ", parked for a person" if refusal.parked else ""
        yield f"{verb} {_between(refusal.period, zone)}: {refusal.exclusion}, beside {refusal.kept}{parked}"


def _rules(explained: Explained, zone: ZoneInfo, *, failed: bool) -> Iterator[str]:
    for told in explained.rules:
        yield from _held(told, zone)
    for told in explained.rules if failed else ():
        yield from _failed(told)


def _held(told: Told, zone: ZoneInfo) -> Iterator[str]:
    for tried in told.tried:
        if tried.match is None:
            continue
        period = tried.match.active
        when = _between(period, zone) if period.start < period.end else "for no time at all"
        word = "holds" if tried.holds else "is taken to hold, because it cannot be evaluated,"
        yield f"+ {told.rule.id} {word} for {tried.fact} {when}: {_parts(tried.parts)}"


def _failed(told: Told) -> Iterator[str]:
    """Facts for which the same part decided are told together."""
    gathered: dict[str, list[str]] = {}
    for tried in told.tried:
        if tried.match is None:
            gathered.setdefault(_parts(_first(tried)), []).append(tried.fact)
    for part, facts in gathered.items():
        yield f"- {told.rule.id} does not hold for {', '.join(facts)}: {part}"
    if not told.tried:
        yield f"- {told.rule.id} is not tried: there is no fact"


def _first(tried: Tried) -> Sequence[Part]:
    return tried.parts[:1]


def _parts(parts: Sequence[Part]) -> str:
    return "; ".join(_part(part) for part in parts)


def _part(part: Part) -> str:
    text = " ".join(part.text.split())
    values = ", ".join(f"{path} = {_value(value)}" for path, value in part.facts)
    holds = f"cannot be evaluated ({part.error})" if part.holds is None else "holds" if part.holds else "is false"
    return f"`{text}` {holds}" + (f" [{values}]" if values else "")


def _value(value: Any) -> str:
    text = "absent" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _account(explained: Explained) -> Iterator[str]:
    account = explained.account
    if account is not None:
        error = f"; {account.error}" if account.error else ""
        waiting = f"; next attempt {starting(account.due_at, ZoneInfo('UTC'))}" if account.due_at is not None else ""
        remote = account.known.remote_id or "(no remote id)"
        yield f"account {remote}: {account.known.phase}, {account.condition}{error}{waiting}"


def _days(period: Period, zone: ZoneInfo) -> tuple[str, str]:
    return starting(period.start, zone), ending(period.end, zone)


def _between(period: Period, zone: ZoneInfo) -> str:
    first, last = _days(period, zone)
    return f"{first} to {last}"


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
