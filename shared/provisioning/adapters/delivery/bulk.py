"""Requests of dialogues that run at the same time, sent as one where the SP takes bulks or batches."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final

from provisioning.adapters.delivery.driver import Call
from provisioning.core.catalog import Service
from provisioning.core.model import Bulk
from provisioning.protocols.bulked import Bulked, bulked
from provisioning.protocols.dialogue import Answer, HttpRequest, Unanswered

_PATIENCE: Final = 0.25  # share of a call's time for which it waits for others


@dataclass(slots=True)
class _Waiting:
    """A request that waits for company."""

    request: HttpRequest
    until: float
    answer: asyncio.Future[Answer]
    size: int


@dataclass(slots=True)
class _Service:
    """How many dialogues of a service may yet say something, and their requests that wait for the others'."""

    service: Service
    limits: Bulk
    form: Bulked
    parts: int = 0
    waiting: list[_Waiting] = field(default_factory=list)


@dataclass(slots=True)
class Bulking:
    """A transport that gathers what it is given at once, and hands it on to another.

    It waits until everybody who takes part has something to say or is done, so who is alone waits for nobody.
    """

    call: Call
    _services: dict[str, _Service] = field(default_factory=dict)
    _sending: set[asyncio.Task[None]] = field(default_factory=set)

    def take_part(self, service: Service) -> AbstractContextManager[None]:
        """Take part from now until the end of this context."""
        taken = bulked(service)
        if taken is None:
            return nullcontext()
        held = self._services.setdefault(service.id, _Service(service, *taken))
        held.parts += 1
        return self._part(held)

    @contextmanager
    def _part(self, held: _Service) -> Iterator[None]:
        try:
            yield
        finally:
            held.parts -= 1
            self._send_if_complete(held)
            if not held.parts:
                self._services.pop(held.service.id, None)

    async def __call__(self, service: Service, request: HttpRequest, within: float) -> Answer:
        """Make one call, perhaps with others. Each of them has the ending that it would have alone."""
        held = self._services.get(service.id)
        if held is None or not held.form.fits(request):
            return await self.call(service, request, within)
        loop = asyncio.get_running_loop()
        size = held.form.size(len(held.waiting), request)
        beside = all(held.form.is_beside(request, other.request) for other in held.waiting)
        if not beside or not _fits(held, size):
            self._send(held)
        waiting = _Waiting(request, loop.time() + within, loop.create_future(), size)
        held.waiting.append(waiting)
        self._send_if_complete(held)
        loop.call_later(within * _PATIENCE, self._hurry, held, waiting)
        try:
            async with asyncio.timeout(within):
                return await waiting.answer
        except TimeoutError:
            return Unanswered(f"no answer within {within:.0f} s", sent=True)

    def _send_if_complete(self, held: _Service) -> None:
        if held.waiting and (len(held.waiting) >= held.parts or len(held.waiting) >= held.limits.operations):
            self._send(held)

    def _hurry(self, held: _Service, waiting: _Waiting) -> None:
        if waiting in held.waiting:
            self._send(held)

    def _send(self, held: _Service) -> None:
        some, held.waiting = held.waiting, []
        if some:
            task = asyncio.get_running_loop().create_task(self._carry(held.service, held.form, some))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _carry(self, service: Service, form: Bulked, some: list[_Waiting]) -> None:
        requests = [waiting.request for waiting in some]
        left = min(waiting.until for waiting in some) - asyncio.get_running_loop().time()
        told = None
        if len(some) > 1:
            told = form.answers(requests, await self.call(service, form.bulk(requests), left))
        if told is None:
            told = await asyncio.gather(*(self._alone(service, waiting) for waiting in some))
        for waiting, answer in zip(some, told, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def _alone(self, service: Service, waiting: _Waiting) -> Answer:
        left = waiting.until - asyncio.get_running_loop().time()
        return await self.call(service, waiting.request, left)


def _fits(held: _Service, size: int) -> bool:
    return sum(waiting.size for waiting in held.waiting) + size + held.form.overhead <= held.limits.payload
