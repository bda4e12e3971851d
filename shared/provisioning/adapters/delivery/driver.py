"""Driving a protocol's dialogue to its ending, within bounds of steps and of time."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, TypeVar

from provisioning.core.catalog import Service
from provisioning.core.changed import changed
from provisioning.core.gate import Heard
from provisioning.core.probe import Findings
from provisioning.protocols.dialogue import (
    LONGEST,
    Answer,
    Deposit,
    Dialogue,
    Ending,
    HttpRequest,
    Publish,
    Request,
    Unanswered,
)
from provisioning.protocols.ending import heard
from provisioning.protocols.ldap_message import LdapRequest
from provisioning.protocols.probing import Probing

STEPS: Final = 40  # requests of one dialogue, at most

Call = Callable[[Service, HttpRequest, float], Awaitable[Answer]]
"""Makes one HTTP call within so many seconds. Never raises for what the SP or the network did."""
Send = Callable[[Service, Publish], Awaitable[Answer]]
"""Sends one message: Accepted or Unanswered. Never raises for what the queue did."""

Keep = Callable[[Deposit], Awaitable[Answer]]
"""Keeps what is too large for a message: Deposited or Unanswered. Never raises for what the storage did."""

Ask = Callable[[Service, LdapRequest, float], Awaitable[Answer]]
"""Asks a directory within so many seconds. Never raises for what the directory or the network did."""

Together = Callable[[Service], AbstractContextManager[None]]
"""Says that a dialogue may begin: until the end of the context, a transport may wait for what it says."""

Result = TypeVar("Result")


async def no_directory(service: Service, _request: LdapRequest, _within: float) -> Answer:
    """Where LDAP is not installed."""
    return Unanswered(f"there is no way to the directory of {service.id!r} here", sent=False)


async def no_storage(_deposit: Deposit) -> Answer:
    """Where nothing can be kept for an SP to fetch."""
    return Unanswered("the message is too large, and there is no storage here", sent=False)


def nobody_else(_service: Service) -> AbstractContextManager[None]:
    """Where every request goes by itself."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Courier:
    """Carries dialogues over the transports that it is given."""

    call: Call
    send: Send
    ask: Ask = no_directory
    together: Together = nobody_else
    keep: Keep = no_storage

    def take_part(self, service: Service) -> AbstractContextManager[None]:
        """Say that a dialogue may begin, so that others' requests can wait for its own and be sent with them."""
        return self.together(service)

    async def converse(self, service: Service, dialogue: Dialogue) -> Ending:
        """Drive a dialogue to its ending, which also says what was heard of the SP's health.

        Beyond 40 requests or 45 seconds nothing is sent any more: the dialogue hears that its request never left,
        which is true, and comes to the ending that it has for this. Raises RuntimeError if it will not end even so:
        a defect of the protocol.
        """
        ending, health = await self._drive(service, dialogue)
        return ending if ending.heard is health else changed(ending, heard=health)

    async def probe(self, service: Service, probing: Probing) -> Findings:
        """Drive a dialogue that only asks what the SP is like, within the same bounds, to what it found out."""
        return await self.drive(service, probing)

    async def drive(self, service: Service, dialogue: Generator[Request, Answer, Result]) -> Result:
        """Drive any dialogue, within the same bounds, to what comes of it."""
        result, _ = await self._drive(service, dialogue)
        return result

    async def _drive(self, service: Service, dialogue: Generator[Request, Answer, Result]) -> tuple[Result, Heard]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + LONGEST
        health = Heard.WELL
        try:
            request = next(dialogue)
            for step in range(2 * STEPS):
                left = deadline - clock()
                if step >= STEPS:
                    answer: Answer = Unanswered(f"stopped after {STEPS} requests", sent=False)
                elif left <= 0:
                    answer = Unanswered(f"stopped after {LONGEST} seconds", sent=False)
                else:
                    answer = await self._carry(service, request, left)
                    # A word that we are too fast counts, whatever came after; of all else the last answer does.
                    health = health if health is Heard.THROTTLED else heard(answer)
                request = dialogue.send(answer)
        except StopIteration as stopped:
            result: Result = stopped.value
            return result, health
        finally:
            dialogue.close()
        raise RuntimeError(f"a dialogue of protocol {service.protocol!r} does not end")

    async def _carry(self, service: Service, request: Request, left: float) -> Answer:
        within = min(float(service.timeout), left)
        if isinstance(request, HttpRequest):
            return await self.call(service, request, within)
        if not isinstance(request, Publish | Deposit):
            return await self.ask(service, request, within)
        try:
            async with asyncio.timeout(within):
                return await (self.send(service, request) if isinstance(request, Publish) else self.keep(request))
        except TimeoutError:
            return Unanswered(f"no answer within {within:.0f} s", sent=True)
