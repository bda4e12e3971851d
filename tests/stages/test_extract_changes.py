"""Whatever changes while files are made, and whoever dies on the way: a consumer that applies them has what is staged.

Between any two requests accounts change, appear and go; writes end up to two minutes after the instant that they
bear; indexes lag; processes die; acknowledgements are lost.
"""

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from provisioning.adapters.delivery.files import parquet_writer
from provisioning.adapters.memory.files import MemoryExtracts, MemoryFiles
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.account import Account, Condition, Known, Phase
from provisioning.core.extract import LATENCY, manifest_name
from provisioning.core.identity import Identity
from provisioning.core.wire import canonical, digest_of, read_json
from provisioning.stages.extract import Extract, extract
from provisioning.stages.extract_orders import Do, Order, write_order
from provisioning.stages.message import Message
from tests.stages.tenant import START, bundle

PLACE, SERVICE = "s3:///badges", "badges"
DELIVERY = 120  # seconds that a write may end after the instant that it bears
LAG = 30
State = dict[str, tuple[str, str]]  # identity: phase, login


class KilledError(BaseException):
    """The process is dead."""


class World:
    """Staged accounts that change while their files are made."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  drawn again from the same seed
        self.now = float(START)
        self.wild = False  # whether anything happens between requests
        self.store = MemoryStore(self.clock, lambda: self.random.uniform(0, LAG), self.checkpoint)
        self.queue = MemoryQueue(self.clock, visibility=360)
        self.files = MemoryFiles(self.checkpoint)
        self.extracts = MemoryExtracts(self.store, self.queue, self.checkpoint)
        self.bundles = MemoryBundles()
        self.since: dict[str, float] = {}  # identity: since when it is in the population without a break

    def clock(self) -> float:
        return self.now

    def say(self, word: str, **fields: Any) -> None:
        pass

    async def checkpoint(self) -> None:
        if not self.wild:
            return
        self.wild = False
        self.now += self.random.choice([0, 0, 1, 5])
        for _ in range(self.random.choice([0, 0, 1, 3])):
            await self.change()
        self.wild = True
        if self.random.random() < 0.02:
            raise KilledError

    async def change(self) -> None:
        """An account is staged, or only moves in an index."""
        known = list(self.store.identities)
        if not known or self.random.random() < 0.1:
            identity = f"i{len(known)}"
            await self.store.put_identity(Identity(identity))
            account = Account(identity, SERVICE)
        else:
            identity = self.random.choice(known)
            account = self.store.accounts[identity][SERVICE]
        if account.revision and self.random.random() < 0.2:
            await self.store.put_account(replace(account, condition=self.random.choice(list(Condition))))
            return
        phase = self.random.choice([*Phase, Phase.ACTIVE])
        login = f"{identity}-{self.random.randrange(10**6)}"
        values = {"login": login} if phase is not Phase.ABSENT else {"login": account.known.values.get("login", "")}
        late = self.random.randrange(DELIVERY) if account.revision else 0
        at = max(account.changed_at, int(self.now) - late)
        await self.store.put_account(replace(account, known=Known(phase, values=values, staged=True), changed_at=at))
        if phase is Phase.ACTIVE:
            self.since.setdefault(identity, self.now)
        else:
            self.since.pop(identity, None)

    def staged(self) -> State:
        """What a consumer should have: the population is the active ones."""
        found = ((id_, accounts[SERVICE].known) for id_, accounts in self.store.accounts.items())
        return {id_: ("active", known.values["login"]) for id_, known in found if known.phase is Phase.ACTIVE}

    # Processes.

    async def publish(self, rows: int) -> None:
        options = {"phases": ["active"], "full_every": "P1D", "part_rows": rows, "shrinkage": 1}
        content = bundle({SERVICE: {"protocol": "extract", "endpoint": PLACE, "extract": options}})
        dumped = content.model_dump(mode="json", by_alias=True)
        await self.bundles.publish(canonical(dumped), digest_of(dumped))

    async def make(self) -> None:
        """Start an extract and let the world go on until nothing is left to do."""
        self.queue.send(write_order(Order(Do.START, SERVICE)))
        while True:
            batch = self.queue.receive(1)
            if not batch:
                upcoming = self.queue.next_at()
                if upcoming is None:
                    return
                self.now = max(self.now, upcoming)
            for item in batch:
                policies = MemoryPolicies(self.bundles, self.clock, self.checkpoint)
                shell = Extract(
                    self.store, self.extracts, self.extracts, self.files, policies, parquet_writer, self.say
                )
                try:
                    message = Message(item.id, item.body, again=item.receives > 1)
                    assert await extract(shell, [message], int(self.now)) == frozenset()
                except KilledError:
                    continue
                self.queue.delete(item.receipt)


class Consumer:
    """An SP: it applies what has a manifest, in order, and says so if it does not forget to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.applied = 0
        self.state: State = {}

    def read(self, *, careless: float = 0.0) -> None:
        world = self.world
        folders = sorted({name.split("/")[0] for _, name in world.files.kept})
        for folder in folders:
            body = world.files.kept.get((PLACE, manifest_name(folder)))
            if body is None or int(folder[:6]) <= self.applied:
                continue
            manifest = read_json(body.decode(), folder, 10**6)
            if world.random.random() < careless:
                continue  # it takes in the next one
            rows = list(self.rows(manifest, folder))
            began = datetime.fromisoformat(manifest["watermark"]).timestamp() + LATENCY
            if manifest["kind"] == "full":
                assert len({row["identity"] for row in rows}) == len(rows), "a row stands twice"
                settled = {id_ for id_, at in world.since.items() if at < began - LAG}
                assert settled <= {row["identity"] for row in rows}, "an account that was there all the time is missing"
                self.state = {}
            for row in rows:
                if row["operation"] == "put":
                    self.state[row["identity"]] = (row["phase"], row["login"])
                else:
                    self.state.pop(row["identity"], None)
            self.applied = manifest["number"]
            if world.random.random() >= careless:
                world.files.kept[PLACE, f"{manifest_name(folder)}.ack"] = b"done"

    def rows(self, manifest: dict[str, Any], folder: str) -> Iterator[dict[str, str]]:
        for part in manifest["parts"]:
            yield from csv.DictReader(io.StringIO(self.world.files.kept[PLACE, f"{folder}/{part['name']}"].decode()))


@pytest.mark.parametrize("seed", range(60))
async def test_full_extracts_and_deltas_applied_in_order_give_what_is_staged(seed: int) -> None:
    world = World(seed)
    await world.publish(rows=world.random.choice([3, 10, 1000]))
    for _ in range(world.random.choice([5, 40])):
        await world.change()
    consumer = Consumer(world)
    for _ in range(world.random.randrange(3, 8)):
        world.wild = True
        await world.make()
        world.wild = False
        consumer.read(careless=0.3)
        world.now += world.random.choice([60, 3600, 90_000])
    world.now += LATENCY + LAG
    await world.make()
    consumer.read()
    assert consumer.state == world.staged()
