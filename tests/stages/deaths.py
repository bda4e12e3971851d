"""The death of a process, at whatever await."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Deaths:
    """Kills whatever runs, at one of its awaits: nothing of it goes on, not even its clean-up has an effect."""

    def __init__(self) -> None:
        self._left = 0
        self._dead = asyncio.Event()
        self._buried = False

    async def checkpoint(self) -> None:
        if self._buried:
            raise asyncio.CancelledError
        self._left -= 1
        if self._left == 0 or self._dead.is_set():
            await self.die()
        await asyncio.sleep(0)

    async def die(self) -> None:
        """The end of the process in which this is awaited."""
        self._dead.set()
        await asyncio.get_running_loop().create_future()  # nobody will ever set it

    async def kill(self, work: Coroutine[Any, Any, Any], at: int) -> bool:
        """Whether it died. `at`: which of its awaits is the last, from 1; 0: it lives."""
        self._left = at
        running, death = asyncio.create_task(work), asyncio.create_task(self._dead.wait())
        await asyncio.wait({running, death}, return_when=asyncio.FIRST_COMPLETED)
        died = self._dead.is_set()
        if died:
            self._buried = True
            running.cancel()
            await asyncio.wait({running})
        else:
            death.cancel()
            await running  # raises what the work raised
        self._left, self._buried = 0, False
        self._dead.clear()
        return died
