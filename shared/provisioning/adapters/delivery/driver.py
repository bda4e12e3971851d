"""Driving a protocol's dialogue to its ending, within bounds of steps and of time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from provisioning.core.catalog import Service
from provisioning.core.gate import Heard
from provisioning.protocols.dialogue import (
    LONGEST,
    Answer,
    Dialogue,
    Ending,
    HttpRequest,
    Publish,
    Request,
    Unanswered,
)
from provisioning.protocols.ending import heard
from provisioning.protocols.ldap_message import LdapRequest

STEPS: Final = 40  # requests of one dialogue, at most

Call = Callable[[Service, HttpRequest, float], Awaitable[Answer]]
"""Makes one HTTP call within so many seconds. Never raises for what the SP or the network did."""
Send = Callable[[Service, Publish], Awaitable[Answer]]
"""Sends one message: Accepted or Unanswered. Never raises for what the queue did."""

Ask = Callable[[Service, LdapRequest, float], Awaitable[Answer]]
"""Asks a directory within so many seconds. Never raises for what the directory or the network did."""


async def no_directory(service: Service, _request: LdapRequest, _within: float) -> Answer:
    """Where LDAP is not installed."""
    return Unanswered(f"there is no way to the directory of {service.id!r} here", sent=False)


@dataclass(frozen=True, slots=True)
class Courier:
    """Carries dialogues over the transports that it is given."""

    call: Call
    send: Send
    ask: Ask = no_directory

    async def converse(self, service: Service, dialogue: Dialogue) -> Ending:
        """Drive a dialogue to its ending.

        Beyond 40 requests or 45 seconds nothing is sent any more: the dialogue hears that its request never left,
        which is true, and comes to the ending that it has for this. Raises RuntimeError if it will not end even so:
        a defect of the protocol.
        """
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
            ending: Ending = stopped.value
            return ending if ending.heard is health else replace(ending, heard=health)
        finally:
            dialogue.close()
        raise RuntimeError(f"a dialogue of protocol {service.protocol!r} does not end")

    async def _carry(self, service: Service, request: Request, left: float) -> Answer:
        within = min(float(service.timeout), left)
        if isinstance(request, HttpRequest):
            return await self.call(service, request, within)
        if not isinstance(request, Publish):
            return await self.ask(service, request, within)
        try:
            async with asyncio.timeout(within):
                return await self.send(service, request)
        except TimeoutError:
            return Unanswered(f"no answer within {within:.0f} s", sent=True)
