"""Why a right ends when it does, and when it would end without this rule or that."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from provisioning.core.catalog import Rule
from provisioning.core.eligibility import Match, Timeline, timeline
from provisioning.core.period import FOREVER, Instant
from provisioning.core.policy import CompiledRule
from provisioning.core.wording import ending, lasting, starting


@dataclass(frozen=True, slots=True)
class Without:
    """The end if a rule were not there; None: the right would not be held at all."""

    rule: str
    end: Instant | None


@dataclass(frozen=True, slots=True)
class End:
    """When an unbroken right ends (FOREVER: no end is known), because of what, and what it would be otherwise."""

    at: Instant
    because: tuple[str, ...]
    without: tuple[Without, ...]


def end_of(
    line: Timeline, matches: Sequence[Match], rules: Sequence[CompiledRule], instant: Instant, zone: ZoneInfo
) -> End | None:
    """The end of the right that is held at an instant; None if none is held.

    Only rules that matter are asked: without any other one the end is the same.
    """
    at = _end(line, instant)
    if at is None:
        return None
    compiled = {rule.rule.id: rule for rule in rules}
    last = [match for match in matches if not match.deny and match.end == at and match.active.start < match.active.end]
    denials = [match for match in line.denials if match.active.start == at]
    because = [_why(match, compiled[match.rule], zone) for match in sorted(last, key=lambda match: match.reason)]
    because += [f"rule {match.rule} denies it from {starting(at, zone)}" for match in denials]
    because += [
        f"exclusion {refusal.exclusion} refuses it beside {refusal.kept}"
        for refusal in line.refusals
        if refusal.takes and refusal.period.start == at
    ]
    names = sorted({match.rule for match in matches})
    without = (Without(name, _end(_lacking(line, matches, name), instant)) for name in names)
    return End(at, tuple(dict.fromkeys(because)), tuple(one for one in without if one.end != at))


def _end(line: Timeline, instant: Instant) -> Instant | None:
    """The end of the unbroken segments around an instant."""
    end = None
    for segment in line.segments:
        if segment.start <= instant < segment.end or segment.start == end:
            end = segment.end
    return end


def _lacking(line: Timeline, matches: Sequence[Match], rule: str) -> Timeline:
    return timeline([match for match in matches if match.rule != rule], line.refusals)


def _why(match: Match, compiled: CompiledRule, zone: ZoneInfo) -> str:
    rule: Rule = compiled.rule
    if match.end >= FOREVER:
        return f"rule {rule.id} gives it for {_fact(match)} without an end"
    end = ending(match.active.end, zone)
    own = match.active.end == compiled.window.end
    source = f"rule {rule.id} itself ends {end}" if own else f"{_fact(match)} ends {end}"
    grace = (
        f" plus {lasting(rule.lasting.grace)} of grace of rule {rule.id}" if match.grace_end > match.active.end else ""
    )
    return source + grace


def _fact(match: Match) -> str:
    return "the person" if match.fact == "person" else f"affiliation {match.fact}"
