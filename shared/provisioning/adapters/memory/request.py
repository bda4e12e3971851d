"""One request of an adapter in memory: counted as the real one's would be, and interruptible on both sides."""

from collections import Counter
from collections.abc import Awaitable, Callable
from types import TracebackType

Checkpoint = Callable[[], Awaitable[None]]
"""Awaited before and after the effect of every request. What it raises before, kept the request from arriving;
what it raises after, lost the answer."""

Clock = Callable[[], float]
"""Seconds since 1970."""


async def pass_by() -> None:
    """The checkpoint that does nothing."""


class Request:
    """`async with Request(counter, name, checkpoint):` around the effect of one request."""

    __slots__ = ("_checkpoint", "_name", "_requests")

    def __init__(self, requests: Counter[str], name: str, checkpoint: Checkpoint) -> None:
        self._requests, self._name, self._checkpoint = requests, name, checkpoint

    async def __aenter__(self) -> None:
        if self._checkpoint is not pass_by:
            await self._checkpoint()
        self._requests[self._name] += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._checkpoint is not pass_by:
            await self._checkpoint()
