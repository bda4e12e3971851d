"""Asking a SCIM server: by the driver that calls SPs, with what goes wrong told as errors of ours.

What a server says of a fault may quote persons, so only statuses and the standard's own words (RFC 7644 3.12) are told.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.sources.patience import Sleep, answer_of, time_of
from provisioning.core.account import Json
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source_scim import ScimSource
from provisioning.protocols.dialogue import HttpResponse
from provisioning.protocols.ending import read_object, retry_after
from provisioning.protocols.scim_calls import get
from provisioning.protocols.scim_resource import member

LARGEST_ANSWER: Final = 16 * 1024 * 1024
_WORDS: Final = frozenset({
    "invalidFilter", "tooMany", "invalidSyntax", "invalidPath", "invalidValue", "invalidVers", "sensitive",
    "invalidCursor", "expiredCursor", "invalidCount",
})  # fmt: skip
_OK: Final = 200
_REDIRECT: Final = range(300, 400)
_REFUSED: Final = (401, 403)
_LATER: Final = (408, 425, 429)
_NEVER: Final = 501


@dataclass(frozen=True, slots=True)
class Told:
    """An answer. `body`: its JSON object, None if it has none. `word`: scimType, if it is the standard's.

    `at`: the server's own time, None if it does not say.
    """

    status: int
    body: Mapping[str, Json] | None
    word: str = ""
    at: datetime | None = None


class Server:
    """One SCIM server. `seconds`: for one answer, with all that is waited for at the server's wish."""

    def __init__(self, options: ScimSource, caller: HttpCaller, seconds: int, sleep: Sleep = asyncio.sleep) -> None:
        self.options = options
        self._caller, self._seconds, self._sleep = caller, seconds, sleep
        self._service = Service.model_validate({
            "id": "source", "protocol": "scim", "endpoint": options.url, "secret": options.secret,
            "authentication": options.authentication, "private": options.private, "response": LARGEST_ANSWER,
            "account": {"userName": "''"},
        })  # fmt: skip

    async def ask(self, path: str, query: Mapping[str, str], bearing: Sequence[int] = ()) -> Told:
        """One GET. A status other than 200 comes back only if it is one of `bearing`.

        Raises TransientError for what may pass, InvalidError for what an operator must mend.
        """
        request = get(path, query)
        answer = await answer_of(self._caller, self._service, request, self._seconds, self._sleep, "the SCIM server")
        told = Told(answer.status, read_object(answer), _word(answer), time_of(answer))
        if told.status != _OK and told.status not in bearing:
            raise refusal(told, retry_after(answer.headers))
        return told


def refusal(told: Told, wait: int | None = None) -> InvalidError | TransientError:
    """The error of an answer that is of no use. `wait`: seconds that the server wants to be left alone."""
    status = told.status
    said = f"the SCIM server answers {status}" + (f" {told.word}" if told.word else "")
    if status in _REFUSED:
        return InvalidError(said, "poll.scim.secret", right="a credential that may read")
    if status in _REDIRECT:
        return InvalidError(f"{said}: redirect refused", "poll.scim.url", right="the address that it redirects to")
    if status in (404, 410):
        return InvalidError(said, "poll.scim.url", right="a base URL under which the resource is, such as https://…/v2")
    if (400 <= status < 500 and status not in _LATER) or status == _NEVER:
        right = "a filter, attributes, paging and poll.page that it takes"
        return InvalidError(said, "poll.scim", right=right)
    return TransientError(said + (f": again in {wait} s" if wait is not None else ""))


def _word(answer: HttpResponse) -> str:
    word = member(read_object(answer), "scimType") if answer.status != _OK else None
    return word if isinstance(word, str) and word in _WORDS else ""
