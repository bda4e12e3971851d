"""What an answer means for the account: the one place that classifies it."""

import calendar
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_tz
from http import HTTPStatus
from typing import Final

from provisioning.core.account import Json, Known
from provisioning.core.errors import InvalidError
from provisioning.core.gate import Heard
from provisioning.core.wire import read_json
from provisioning.protocols.dialogue import Answer, Ending, HttpRequest, HttpResponse, Outcome, Unanswered
from provisioning.protocols.ldap_message import LdapResult

REASON: Final = 200  # characters of a reason, at most
_SAID: Final = 2000  # characters of the SP's own words that are looked at
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ADDRESS: Final = re.compile(r"[^\s\"'<>=]+@[^\s\"'<>]+")
# Bare numbers: to name a status by HTTPStatus takes longer than to compare it.
_OK: Final = 200
_REDIRECT: Final = 300
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
_INTERNAL: Final = 500
# Refusals that say nothing about this account. 401 and 403: the credential is wrong until an operator mends it, so
# the work is tried again with growing spacing; were it parked, every account of the service would need a person
# after a rotation of keys. 404: where the dialogue did not ask for one account, the address of the service is
# wrong. 412: read again and plan again. 408, 425 and 429: the SP did not take the request.
_BUSY: Final = 51  # result codes of RFC 4511
_UNAVAILABLE: Final = 52
_LATER: Final = frozenset({401, 403, 404, 408, 412, 425, 429, 503})


def classify(request: HttpRequest, answer: Answer, known: Known) -> Ending:
    """How a dialogue ends with an answer that it has no better use for.

    2xx is done. A request that never left is transient, one that may have arrived is unknown, and so is a 5xx, unless
    it only asked. 501 is permanent: the SP says that it never will. Other refusals are permanent, also a redirect:
    following one would send people's data and our credential to a place that nobody configured.
    """
    if isinstance(answer, Unanswered):
        doubtful = answer.sent and request.method not in _SAFE
        outcome = Outcome.UNKNOWN if doubtful else Outcome.TRANSIENT
        return Ending(outcome, known, answer.reason, answer.retry_after)
    if not isinstance(answer, HttpResponse):
        return garbage(request, known, "another transport's word")
    status = answer.status
    if _OK <= status < _REDIRECT:
        return Ending(Outcome.DONE, known)
    if status in _LATER:
        return Ending(Outcome.TRANSIENT, known, _reason(request, answer), retry_after(answer.headers))
    if _REDIRECT <= status < _BAD_REQUEST:
        return Ending(Outcome.PERMANENT, known, f"{request.method} answered {status}: redirect refused")
    if status < _INTERNAL or status == HTTPStatus.NOT_IMPLEMENTED:
        return Ending(Outcome.PERMANENT, known, _reason(request, answer))
    doubtful = request.method not in _SAFE
    return Ending(Outcome.UNKNOWN if doubtful else Outcome.TRANSIENT, known, _reason(request, answer))


def heard(answer: Answer) -> Heard:
    """What an answer teaches of the SP's health, whatever it says of the account."""
    if isinstance(answer, Unanswered):
        return Heard.THROTTLED if answer.throttled else Heard.SICK
    if isinstance(answer, LdapResult):
        return Heard.THROTTLED if answer.code == _BUSY else Heard.SICK if answer.code == _UNAVAILABLE else Heard.WELL
    if not isinstance(answer, HttpResponse) or answer.status < _BAD_REQUEST:
        return Heard.WELL
    if answer.status == _TOO_MANY:
        return Heard.THROTTLED
    # 401 and 403: the credential is wrong for everyone, and each call with it may count against us.
    refused = answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    broken = answer.status >= _INTERNAL and answer.status != HTTPStatus.NOT_IMPLEMENTED
    return Heard.SICK if refused or broken else Heard.WELL


def garbage(request: HttpRequest, known: Known, what: str) -> Ending:
    """The ending after a success that cannot be one: who knows what answered, and what it did."""
    outcome = Outcome.TRANSIENT if request.method in _SAFE else Outcome.UNKNOWN
    return Ending(outcome, known, f"{request.method} answered with {what}")


def status_of(answer: Answer) -> int:
    """The HTTP status, or 0 where there is none."""
    return answer.status if isinstance(answer, HttpResponse) else 0


def read_object(answer: Answer) -> dict[str, Json] | None:
    """The JSON object that an answer carries, or None if it carries anything else."""
    if not isinstance(answer, HttpResponse):
        return None
    try:
        value = read_json(answer.body.decode(), "the answer", len(answer.body))
    except (UnicodeDecodeError, InvalidError):
        return None
    return value if isinstance(value, dict) else None


def retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds to wait by Retry-After (RFC 9110 10.2.3), at least 1; None if it is absent or makes no sense.

    A date is measured from the answer's own Date: our clock plays no part. Zero is not believed, because an SP that
    refuses and invites at once would be asked without end.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return max(1, int(text[:9]))
    until, since = _seconds(text), _seconds(headers.get("date", ""))
    return None if until is None or since is None else max(1, until - since)


def discreet(ending: Ending, *private: Mapping[str, Json]) -> Ending:
    """The ending with a reason fit for logs: short, printable, and without the values that were sent.

    An SP may quote what it refuses, so every text of `private`, and whatever looks like an address, is blanked out
    before the reason is cut.
    """
    if not ending.reason:
        return ending
    reason = "".join(character if character.isprintable() else " " for character in ending.reason[:_SAID])
    texts = {text for values in private for text in _texts(values) if len(text) > 2}
    for text in sorted(texts, key=len, reverse=True):
        reason = re.sub(re.escape(text), "…", reason, flags=re.IGNORECASE)
    reason = _ADDRESS.sub("…", reason)
    return replace(ending, reason=reason if len(reason) <= REASON else reason[: REASON - 1] + "…")


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _seconds(date: str) -> int | None:
    """Seconds since 1970 of an HTTP date, or None."""
    try:
        parts = parsedate_tz(date)
        return None if parts is None else calendar.timegm((*parts[:6], 0, 0, 0)) - (parts[9] or 0)
    except (ValueError, OverflowError, IndexError, TypeError):  # the parser was not written for hostile dates
        return None


def _reason(request: HttpRequest, response: HttpResponse) -> str:
    """Method, status, and the SP's own word (RFC 7644 3.12) if it is a JSON object's; never a page of HTML."""
    body = read_object(response) or {}
    said = [body.get("scimType"), body.get("detail")]
    words = " ".join(word if isinstance(word, str) else json.dumps(word) for word in said if word)
    return f"{request.method} answered {response.status}" + (f": {words}" if words else "")
