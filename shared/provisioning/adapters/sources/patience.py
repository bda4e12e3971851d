"""Asking a server that may say when it will have time (RFC 9110 10.2.3), and what time it has (6.6.1)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from provisioning.adapters.delivery.http import HttpCaller
from provisioning.core.catalog import Service
from provisioning.core.errors import TransientError
from provisioning.protocols.dialogue import HttpRequest, HttpResponse
from provisioning.protocols.ending import retry_after

_TRIES: Final = 4  # of one request that is put off
_PUT_OFF: Final = (429, 503)
Sleep = Callable[[float], Awaitable[object]]


async def answer_of(
    caller: HttpCaller, service: Service, request: HttpRequest, seconds: float, sleep: Sleep, who: str
) -> HttpResponse:
    """The answer, within so many seconds with all that is waited for. Raises TransientError if there is none.

    `who`: of whom the error speaks, such as "the SCIM server".
    """
    clock = asyncio.get_running_loop().time
    left, tries = seconds, 1
    while True:
        begun = clock()
        answer = await caller(service, request, left)
        if not isinstance(answer, HttpResponse):
            wait = getattr(answer, "retry_after", None)  # of the token endpoint
            again = f": again in {wait} s" if wait is not None else ""
            raise TransientError(f"{who}: {getattr(answer, 'reason', 'no answer')}{again}")
        wait = retry_after(answer.headers)
        left -= clock() - begun + (wait or 0)
        if answer.status not in _PUT_OFF or wait is None or left <= 0 or tries == _TRIES:
            return answer
        await sleep(wait)
        tries += 1


def time_of(answer: HttpResponse) -> datetime | None:
    """The server's own time, None if it does not say."""
    try:
        told = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return told.astimezone(UTC) if told.tzinfo is not None else told.replace(tzinfo=UTC)
