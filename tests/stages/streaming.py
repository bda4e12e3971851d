"""The stream of the table in memory, and a subscriber who knows nothing but the events."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from provisioning.adapters.memory.notifying import MemoryAnnouncements, MemoryHistories
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.adapters.memory.request import Checkpoint, pass_by
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.account import Account
from provisioning.core.catalog import Bundle
from provisioning.core.event import Announced
from provisioning.core.identity import Identity
from provisioning.core.occurrence import IDENTITY, Change, Unreadable
from provisioning.core.wire import canonical, digest_of
from provisioning.stages.notify import Notify, notify
from tests.stages.tenant import START, bundle

TOPIC: Final = "topic"
Item = TypeVar("Item")


class _Told(dict[str, Item]):
    """Stored items; tells of each write at the moment of its effect, whatever becomes of the writer."""

    def __init__(self, tell: Callable[[Item], None]) -> None:
        super().__init__()
        self._tell = tell

    def __setitem__(self, key: str, item: Item) -> None:
        super().__setitem__(key, item)
        self._tell(item)


class _Accounts(dict[str, dict[str, Account]]):
    """Accounts by identity and service, each of which is told of."""

    def __init__(self, tell: Callable[[Account], None]) -> None:
        super().__init__()
        self._tell = tell

    def setdefault(self, key: str, default: dict[str, Account] | None = None) -> dict[str, Account]:
        """As a dict does; what is made here is told of, too."""
        return super().setdefault(key, _Told(self._tell))


@dataclass
class Stream:
    """Every write of a store, as the table's stream shows it."""

    changes: list[Change] = field(default_factory=list)
    _newest: dict[tuple[str, str], Identity | Account] = field(default_factory=dict)

    def watch(self, store: MemoryStore, accepted: Callable[[Identity], None] | None = None) -> None:
        """See every write of identities and accounts from the first on. `accepted`: who else sees identities."""

        def identity(item: Identity) -> None:
            if accepted is not None:
                accepted(item)
            self.saw(item)

        store.identities, store.accounts = _Told(identity), _Accounts(self.saw)

    def saw(self, new: Identity | Account) -> None:
        """See one write."""
        item = (new.id, IDENTITY) if isinstance(new, Identity) else (new.identity, new.service)
        old = self._newest.get(item)
        self._newest[item] = new
        self.add(*item, old, new)

    def add(self, identity: str, service: str, old: Identity | Account | None, new: Identity | Account | None) -> None:
        """Show one write."""
        previous = old.revision if old is not None else 0
        revision = new.revision if new is not None else previous + 1
        number = f"{len(self.changes) + 1:021d}"
        at = START + len(self.changes)
        self.changes.append(Change(number, at, identity, service, revision, previous, old, new))


class Notifier:
    """The stage over memory."""

    def __init__(self, checkpoint: Checkpoint = pass_by) -> None:
        self.bundles = MemoryBundles()
        self.store = MemoryStore(checkpoint=checkpoint)  # for what is rejected
        self.histories, self.announcements = MemoryHistories(checkpoint), MemoryAnnouncements(checkpoint)
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.now = START
        self.topics: dict[str, str] = {}

    @property
    def heard(self) -> list[Announced]:
        """What was published to everybody."""
        return self.announcements.heard.get(TOPIC, [])

    @property
    def heard_ids(self) -> list[str]:
        return [each.id for each in self.heard]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(each.body) for each in self.heard]

    async def publish(self, content: Bundle | None = None) -> None:
        """Put a bundle in force."""
        dumped = (content or bundle()).model_dump(mode="json", by_alias=True)
        await self.bundles.publish(canonical(dumped), digest_of(dumped))

    async def take(self, entries: Sequence[Change | Unreadable]) -> str | None:
        """One invocation of a new process."""
        policies = MemoryPolicies(self.bundles, lambda: float(self.now))
        shell = Notify(policies, self.histories, self.announcements, self.store, TOPIC, self.topics, self.say)
        return await notify(shell, entries, self.now)

    async def read(self, entries: Sequence[Change | Unreadable]) -> None:
        """As Lambda reads a stream: from the entry that failed on, until none does."""
        left = list(entries)
        while left:
            failed = await self.take(left)
            if failed is None:
                return
            left = left[[each.number for each in left].index(failed) :]

    def say(self, word: str, **fields: Any) -> None:
        self.lines.append((word, fields))


@dataclass
class Rebuilt:
    """Rebuilds accounts and standings from events alone, in whatever order and however often they come.

    Of each item the newest revision counts.
    """

    accounts: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    standings: dict[tuple[str, str], str] = field(default_factory=dict)
    live: dict[str, bool] = field(default_factory=dict)
    _newest: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def hear(self, events: Iterable[dict[str, Any]]) -> "Rebuilt":
        for event in events:
            data = event["data"]
            kind, _, _ = event["type"].partition(".")
            identity, service = data["identity"], data.get("service", "")
            if data["revision"] < self._newest.get((kind, identity, service), 0):
                continue
            self._newest[kind, identity, service] = data["revision"]
            if kind == "account":
                self.accounts[identity, service] = data["phase"], data["condition"]
            elif kind == "entitlement":
                self.standings[identity, service] = data["standing"]
            else:
                self.live[identity] = data["live"]
        return self
