"""What poll needs, and one invocation of it at work."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

from provisioning.core import polled as core
from provisioning.core.catalog import Source
from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.observation import observation
from provisioning.core.period import Instant
from provisioning.core.polled import Polled, Run
from provisioning.core.source import Item, Spoiled
from provisioning.core.source_options import Poll as Options
from provisioning.ports import Extraction, Hearings, Intake, Policies, Polls, Recall, Rejected, Rejections, Spool
from provisioning.stages.message import Log

BUDGET: Final = 480.0  # seconds of one message, after which nothing new is begun
IN_ONE_GO: Final = 300.0  # seconds more for a source that another process would have to read from its beginning
LEASE: Final = 120  # seconds without a sign of life after which whoever holds it is taken for dead
BEAT: Final = 30.0  # seconds between signs of life
PAUSE: Final = 60  # seconds until an order comes again that met another process at work
Open = Callable[[Options], AbstractAsyncContextManager[Extraction]]


@dataclass(frozen=True, slots=True)
class Poll:
    """What poll needs. `owner` gives a name that nobody else has; `microseconds` since 1970; `clock` in seconds."""

    source: str
    policies: Policies
    polls: Polls
    spool: Spool
    recall: Recall
    intake: Intake
    rejections: Rejections
    open: Open
    owner: Callable[[], str]
    microseconds: Callable[[], int]
    clock: Callable[[], float]
    log: Log
    hearings: Hearings | None = None  # for a source whose silence has a limit


@dataclass(slots=True)
class Work:
    """One invocation at work: `item` is as it was stored last. `reading`: this process read what the run has read.

    `schema` stands for how the source's fields are read: when that changes, everybody is sent again. `writing` is held
    while the item is written; `asks`: it is not at its end.
    """

    shell: Poll
    source: Source
    options: Options
    schema: str
    owner: str
    deadline: float
    item: Polled
    reading: bool = False
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    asks: bool = True

    @property
    def has_time(self) -> bool:
        """Whether another step may be begun."""
        return self.shell.clock() < self.deadline

    @property
    def now(self) -> Instant:
        """The instant as it is: an invocation may last for minutes."""
        return self.shell.microseconds() // 1_000_000

    async def save(self, item: Polled) -> None:
        """Store the item, with the lease renewed."""
        await self._put(core.leased(item, self.owner, self.now + LEASE))

    async def hear(self) -> None:
        """The source answered, whether it had anything to say or not."""
        if self.source.freshness is not None and self.shell.hearings is not None:
            await self.shell.hearings.hear(self.source.id, self.now)

    async def leave(self, fault: str = "") -> None:
        """Give the lease back, and say why the work could not be done, if it could not."""
        await self._put(core.given_back(self.item, fault))

    def file(self, run: Run | None, name: str, number: int) -> str:
        """The name of a file that nobody else writes: a process that lost the lease knows an older revision."""
        place = self.source.id if run is None else f"{self.source.id}/{run.number:06d}"
        return f"{place}/{name}-{number:05d}-{self.item.revision}"

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Renew the lease as long as this lasts, however long a source takes to answer."""
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            self.asks = False
            if not self.writing.locked():  # else it is in the middle of a last one, for which the next write waits
                beating.cancel()

    async def _beat(self) -> None:
        with suppress(ConflictError, TransientError):  # what is wrong shows when the work is stored
            while self.asks:
                await asyncio.sleep(BEAT)
                async with self.writing:
                    await self._write(core.leased(self.item, self.owner, self.now + LEASE))

    async def _put(self, item: Polled) -> None:
        async with self.writing:
            await self._write(replace(item, revision=self.item.revision))  # a sign of life may have come in between

    async def _write(self, item: Polled) -> None:
        # Loses to whoever took the lease after ours had run out, and to an operator: they go on, and ours ends here.
        await self.shell.polls.put_polled(item)
        self.item = replace(item, revision=item.revision + 1)


async def send(work: Work, items: Sequence[Item], observed: int) -> None:
    """Send what a source showed."""
    bodies = [observation(work.source.id, item.key, observed, item.fields) for item in items]
    if bodies:
        await work.shell.intake.send(bodies)


async def keep_spoiled(work: Work, spoiled: Sequence[Spoiled]) -> None:
    """Keep what could not be read, under its place and reason: the same again is kept once."""
    for each in spoiled:
        name = f"{each.where}: {each.reason}"
        work.shell.log("rejected", source=work.source.id, message=name, reason=each.reason)
        await work.shell.rejections.keep(Rejected(work.source.id, name, each.reason, each.body, work.now))
