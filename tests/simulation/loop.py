"""An event loop without a clock of its own: ready steps run in an order drawn from the seed, time jumps when all wait.

Handlers run on it unchanged: `asyncio.gather`, tasks and sleeps are the real ones.
"""

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVarTuple, Unpack

Arguments = TypeVarTuple("Arguments")


class SimulatedLoop(asyncio.AbstractEventLoop):
    """`idle` is called when nothing is ready; what it returns is the next instant to jump to, or None to stop."""

    def __init__(self, chance: random.Random, start: float) -> None:
        self._chance = chance
        self._now = start
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = 0
        self.errors: list[dict[str, Any]] = []

    # What tasks and futures ask of a loop.

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_soon(
        self, callback: Callable[[Unpack[Arguments]], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None, **_: Any) -> Any:
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers stay in the heap and are passed over."""

    # What the simulation asks of it.

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin some work; its steps interleave with all other work."""
        self.create_task(work)

    def run(self, pump: Callable[[], float | None], until: float) -> None:
        """Run until an instant. `pump` is called whenever nothing is ready; it may start work."""
        asyncio._set_running_loop(self)
        try:
            while True:
                while self._ready:
                    self._step()
                again = pump()
                if self._ready:
                    continue
                upcoming = self._next(again)
                if upcoming > until:
                    self._now = until
                    return
                self._now = max(self._now, upcoming)
                self._wake()
        finally:
            asyncio._set_running_loop(None)

    def _step(self) -> None:
        ready = self._ready
        index = self._chance.randrange(len(ready)) if len(ready) > 1 else 0
        ready[index], ready[-1] = ready[-1], ready[index]
        handle = ready.pop()
        if not handle.cancelled():
            handle._run()

    def _next(self, again: float | None) -> float:
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        instants = [self._timers[0][0]] if self._timers else []
        if again is not None:
            instants.append(again)
        return min(instants, default=float("inf"))

    def _wake(self) -> None:
        while self._timers and self._timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(self._timers)[2])
