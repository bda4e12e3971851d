"""Asking an API: by the driver that calls SPs, with what goes wrong told as errors of ours.

What a server says of a fault may quote persons, so only statuses are told.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.refusal import NotSentError
from provisioning.adapters.delivery.secrets import read_within
from provisioning.adapters.sources.patience import Sleep, answer_of, time_of
from provisioning.core.account import Json
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.loose_json import read_loose
from provisioning.core.source_http import HttpSource
from provisioning.protocols.dialogue import HttpRequest, HttpResponse
from provisioning.protocols.ending import retry_after

LARGEST_ANSWER: Final = 16 * 1024 * 1024
WHO: Final = "the API"
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_LATER: Final = (408, 425, 429)
_LONGEST_TARGET: Final = 16_384


@dataclass(frozen=True, slots=True)
class Told:
    """An answer. `body`: its JSON, of a 200. `at`: the server's own time, None if it does not say."""

    status: int
    headers: Mapping[str, str]
    body: Json = field(default=None, repr=False)
    at: datetime | None = None

    @property
    def etag(self) -> str:
        """Its entity tag (RFC 9110 8.8.3), empty if it has none that could be sent back."""
        tag = self.headers.get("etag", "").strip()
        return tag if len(tag) <= 200 and tag.isascii() and tag.isprintable() else ""


class Api:
    """One API. `seconds`: for one answer, with all that is waited for at the server's wish."""

    def __init__(self, options: HttpSource, caller: HttpCaller, seconds: int, sleep: Sleep = asyncio.sleep) -> None:
        self.options = options
        self._caller, self._seconds, self._sleep = caller, seconds, sleep
        self._service = Service.model_validate({
            "id": "source", "protocol": "webhook", "endpoint": options.origin, "private": options.private,
            "secret": options.secret if options.header is None else None, "authentication": options.authentication,
            "response": LARGEST_ANSWER, "account": {"key": "''"},
        })  # fmt: skip

    async def ask(self, target: str, bearing: Sequence[int] = (), etag: str = "") -> Told:
        """One GET of a path and query. A status other than 200 comes back only if it is one of `bearing`.

        Raises TransientError for what may pass, InvalidError for what an operator must mend.
        """
        if len(target) > _LONGEST_TARGET:
            raise TransientError(f"{WHO} would be asked for a URL of more than {_LONGEST_TARGET} characters")
        answer = await self._answer(target, {"if-none-match": etag} if etag else {})
        if answer.status == _OK:
            return Told(_OK, answer.headers, _body(answer), time_of(answer))
        if answer.status in bearing:
            return Told(answer.status, answer.headers, at=time_of(answer))
        raise refusal(answer.status, retry_after(answer.headers))

    async def _answer(self, target: str, headers: Mapping[str, str]) -> HttpResponse:
        secret = await self._secret()
        answer = await self._once(target, headers, secret)
        if answer.status == _UNAUTHORIZED and secret is not None:
            fresh = await self._secret(secret)
            if fresh != secret:
                answer = await self._once(target, headers, fresh)
        return answer

    async def _once(self, target: str, headers: Mapping[str, str], secret: str | None) -> HttpResponse:
        sent = {"accept": "application/json"}
        sent |= {name.lower(): value for name, value in self.options.headers.items()} | dict(headers)
        if self.options.header is not None and secret is not None:
            sent[self.options.header.lower()] = secret
        request = HttpRequest("GET", target, headers=sent)
        return await answer_of(self._caller, self._service, request, self._seconds, self._sleep, WHO)

    async def _secret(self, stale: str | None = None) -> str | None:
        """What the API's own header bears; None if it has none. `stale`: what was refused: it is read again."""
        name = self.options.secret
        if self.options.header is None or name is None:
            return None
        try:
            text = await read_within(self._caller.secrets, name, self._seconds, stale)
        except NotSentError as error:
            raise TransientError(f"{WHO}: {error}") from error
        if not text or not text.isascii() or not text.isprintable():
            raise InvalidError("it cannot be borne by a header", f"secret {name}", right="printable ASCII")
        return text


def refusal(status: int, wait: int | None = None) -> InvalidError | TransientError:
    """The error of an answer that is of no use. `wait`: seconds that the server wants to be left alone."""
    said = f"{WHO} answers {status}"
    if status in (401, 403):
        return InvalidError(said, "poll.http.secret", right="a credential that may read")
    if 300 <= status < 400 and status != 304:
        return InvalidError(f"{said}: redirect refused", "poll.http.url", right="the address that it redirects to")
    if status in (404, 410):
        return InvalidError(said, "poll.http.url", right="a URL under which there is a list")
    if (400 <= status < 500 and status not in _LATER) or status == 501:
        return InvalidError(said, "poll.http", right="a query, paging and poll.page that it takes")
    return TransientError(said + (f": again in {wait} s" if wait is not None else ""))


def _body(answer: HttpResponse) -> Json:
    try:
        body: Json = read_loose(answer.body)
    except InvalidError as error:  # half an answer, or another one
        raise TransientError(f"{WHO} answers 200 with what is {error}") from None
    return body
