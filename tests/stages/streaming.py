"""The stream of the table in memory, and a subscriber who knows nothing but the events."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

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


@dataclass
class Stream:
    """Every write of a store, as the table's stream shows it."""

    changes: list[Change] = field(default_factory=list)

    def watch(self, store: MemoryStore) -> None:
        """Hear of every write of identities and accounts from now on."""
        target: Any = store  # its methods are replaced
        put_identity, put_account = store.put_identity, store.put_account

        async def identity(item: Identity, link: tuple[str, str] | None = None) -> None:
            old = store.identities.get(item.id)
            await put_identity(item, link)
            self.add(item.id, IDENTITY, old, store.identities[item.id])

        async def account(item: Account) -> None:
            old = store.accounts.get(item.identity, {}).get(item.service)
            await put_account(item)
            self.add(item.identity, item.service, old, store.accounts[item.identity][item.service])

        target.put_identity, target.put_account = identity, account

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
