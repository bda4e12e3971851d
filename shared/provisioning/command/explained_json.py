"""An explanation in JSON's terms. Instants are RFC 3339 in UTC, or `always` and `open`."""

from typing import Any

from provisioning.core.account import Account
from provisioning.core.explanation import Explained, Explanation, Told, Tried
from provisioning.core.expression import Part
from provisioning.core.period import Period, show


def words(told: Explanation) -> dict[str, Any]:
    """The whole explanation."""
    return {
        "identity": told.identity,
        "now": show(told.now),
        "at": show(told.at),
        "services": [_service(explained) for explained in told.services],
        "failures": list(told.failures),
        "person": [
            {"attribute": word.attribute, "value": word.value, "sources": list(word.sources), "told": list(word.told)}
            for word in told.words
        ],
        "stale": {source: show(since) for source, since in told.stale.items()},
        "linked": [
            {"at": show(each.at), "record": f"{each.source}/{each.key}", "why": each.why, "identity": each.origin}
            for each in told.past
        ],
        "notices": {source: list(notices) for source, notices in told.notices.items()},
    }


def _service(explained: Explained) -> dict[str, Any]:
    because = {rule.rule.id: rule.rule.because for rule in explained.rules}
    end = explained.end
    return {
        "service": explained.service,
        "standing": explained.standing,
        "until": show(explained.until),
        "timeline": [
            {
                **_period(Period(segment.start, segment.end)),
                "phase": segment.phase.value,
                "authorizations": list(segment.authorizations),
                "reasons": [
                    {"rule": reason.rule, "fact": reason.fact, "because": because.get(reason.rule, "")}
                    for reason in segment.reasons
                ],
            }
            for segment in explained.timeline.segments
        ],
        "end": None
        if end is None
        else {
            "at": show(end.at),
            "because": list(end.because),
            "without": [
                {"rule": other.rule, "end": None if other.end is None else show(other.end)} for other in end.without
            ],
        },
        "denied": [
            {"rule": match.rule, "fact": match.fact, "urgent": match.urgent, **_period(match.active)}
            for match in explained.timeline.denials
        ],
        "refused": [
            {
                "exclusion": refusal.exclusion,
                "authorizations": list(refusal.authorizations),
                "beside": refusal.kept,
                "parked": refusal.parked,
                "takes": refusal.takes,
                **_period(refusal.period),
            }
            for refusal in explained.timeline.refusals
        ],
        "course": [{"start": show(change.start), "standing": change.standing} for change in explained.course],
        "rules": [_told(rule) for rule in explained.rules],
        "account": None if explained.account is None else _account(explained.account),
    }


def _told(told: Told) -> dict[str, Any]:
    return {
        "rule": told.rule.id,
        "deny": told.rule.deny,
        "because": told.rule.because,
        "tried": [_tried(tried) for tried in told.tried],
    }


def _tried(tried: Tried) -> dict[str, Any]:
    gives = None if tried.match is None else {**_period(tried.match.active), "grace_end": show(tried.match.grace_end)}
    return {"fact": tried.fact, "holds": tried.holds, "parts": [_part(part) for part in tried.parts], "gives": gives}


def _part(part: Part) -> dict[str, Any]:
    return {"text": part.text, "holds": part.holds, "error": part.error, "facts": dict(part.facts)}


def _period(period: Period) -> dict[str, str]:
    return {"start": show(period.start), "end": show(period.end)}


def _account(account: Account) -> dict[str, Any]:
    return {
        "phase": account.known.phase.value,
        "condition": account.condition.value,
        "remote_id": account.known.remote_id,
        "groups": list(account.known.groups),
        "error": account.error,
        "attempts": account.attempts,
        "due_at": show(account.due_at) if account.due_at is not None else None,
    }
