"""A queue as SQS has it: at least once, invisible while in flight, in order by group if FIFO."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from provisioning.adapters.memory.request import Clock
from provisioning.core.errors import PermanentError

REMEMBERED: Final = 300.0  # seconds for which a deduplication id swallows a repetition
LONGEST_DELAY: Final = 900
MOST: Final = 10  # messages of one receive


@dataclass(frozen=True, slots=True)
class Received:
    """A message as handed out. `receives` counts this time too; `receipt` is good until it is handed out again."""

    id: str
    body: str
    receipt: str
    receives: int
    group: str = ""


@dataclass(slots=True)
class _Stored:
    id: str
    body: str
    group: str
    visible_at: float
    receives: int = 0
    in_flight: bool = False

    @property
    def receipt(self) -> str:
        return f"{self.id}#{self.receives}"


@dataclass(slots=True)
class MemoryQueue:
    """One queue. Not a port: a simulator receives from it, as an event source mapping would.

    `arrange` orders what a standard queue could hand out; `copies` says how often it will hand out one message.
    After `most_receives` a message goes to `dead_letters`.
    """

    now: Clock
    fifo: bool = False
    visibility: float = 30.0
    most_receives: int | None = None
    dead_letters: "MemoryQueue | None" = None
    arrange: Callable[[list[str]], list[str]] | None = None
    copies: Callable[[], int] = lambda: 1
    requests: Counter[str] = field(default_factory=Counter)
    _messages: dict[str, _Stored] = field(default_factory=dict)
    _remembered: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)
    _count: int = 0

    def send(self, body: str, *, group: str = "", deduplication: str = "", delay: int = 0) -> str:
        """Take a message; returns its id.

        A deduplication id swallows repetitions within its group, also of what was handled and deleted.
        """
        if self.fifo and (delay or not group or not deduplication):
            raise PermanentError("a FIFO queue wants a group and a deduplication id, and delays no single message")
        if not 0 <= delay <= LONGEST_DELAY:
            raise PermanentError(f"a delay of {delay} s is not between 0 and {LONGEST_DELAY}")
        now = self.now()
        if self.fifo:
            until, known = self._remembered.get((group, deduplication), (0.0, ""))
            if now < until:
                return known
        first = ""
        for _ in range(1 if self.fifo else self.copies()):
            self._count += 1
            message = _Stored(str(self._count), body, group, now + delay)
            self._messages[message.id] = message
            first = first or message.id
        if self.fifo:
            self._remembered[group, deduplication] = (now + REMEMBERED, first)
        return first

    def receive(self, most: int = MOST) -> Sequence[Received]:
        """Up to `most` messages; they are invisible to others for `visibility` seconds unless deleted."""
        now = self.now()
        self._return(now)
        found: list[Received] = []
        for id_ in self._candidates(now):
            message = self._messages[id_]
            if self.most_receives is not None and message.receives >= self.most_receives:
                self._bury(message)
                continue
            if len(found) == most:
                break
            message.receives += 1
            message.in_flight, message.visible_at = True, now + self.visibility
            found.append(Received(message.id, message.body, message.receipt, message.receives, message.group))
        return found

    def delete(self, receipt: str) -> bool:
        """Remove a handled message. Nothing happens (False) if it has been handed out again since, or was deleted."""
        id_ = receipt.partition("#")[0]
        message = self._messages.get(id_)
        if message is None or message.receipt != receipt:
            return False
        if self.fifo and message.visible_at <= self.now():  # FIFO refuses receipts that have run out
            return False
        del self._messages[id_]
        return True

    def change_visibility(self, receipt: str, seconds: float) -> None:
        """Hand the message out again in so many seconds: 0 returns it now."""
        message = self._messages.get(receipt.partition("#")[0])
        if message is not None and message.receipt == receipt:
            message.visible_at = self.now() + seconds

    def next_at(self) -> float | None:
        """When there is next something to receive; in the past if there is now, None if the queue is empty."""
        return min((message.visible_at for message in self._heads()), default=None)

    def bodies(self) -> Sequence[str]:
        """Every message that is not deleted, in the order of arrival, for tests to look at."""
        return [message.body for message in self._messages.values()]

    def __len__(self) -> int:
        return len(self._messages)

    def _return(self, now: float) -> None:
        for message in self._messages.values():
            if message.in_flight and message.visible_at <= now:
                message.in_flight = False

    def _candidates(self, now: float) -> list[str]:
        """What could be handed out now. A group with a message in flight hands out nothing."""
        if not self.fifo:
            visible = [message.id for message in self._messages.values() if message.visible_at <= now]
            return self.arrange(visible) if self.arrange is not None else visible
        blocked = {message.group for message in self._messages.values() if message.in_flight}
        return [message.id for message in self._messages.values() if message.group not in blocked]

    def _heads(self) -> list[_Stored]:
        """The messages that could be next: all of a standard queue, the first of each group of a FIFO queue."""
        if not self.fifo:
            return list(self._messages.values())
        latest: dict[str, _Stored] = {}
        for message in self._messages.values():
            head = latest.get(message.group)
            if head is None or (message.in_flight and message.visible_at > head.visible_at):
                latest[message.group] = message
        return list(latest.values())

    def _bury(self, message: _Stored) -> None:
        del self._messages[message.id]
        if self.dead_letters is not None:
            self.dead_letters.send(message.body, group=message.group, deduplication=message.id)
