"""`make bench-delivery`: accounts from doorbells to settled, beside a bare client that posts the same bodies.

The stage, the protocol, the mapping, the courier and its transport are the real ones; state and queues are in memory.
The SP is a process of its own. Engine and bare client take turns, a portion of the people at a time, with the same
number of requests under way. What the bare client sends was recorded from a second engine that did the same, untimed.
A ratio is that within one portion; of rates and ratios the median over the portions is told.
"""

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from provisioning.adapters.delivery.bulk import Bulking
from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.delivery.sign import Signing
from provisioning.adapters.memory.bells import MemoryBells
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.account import Condition
from provisioning.core.catalog import Bundle, Service
from provisioning.core.wire import canonical, digest_of
from provisioning.protocols.dialogue import Answer, HttpRequest, Publish, Unanswered
from provisioning.stages.decide import Decide
from provisioning.stages.deliver import Deliver, deliver
from provisioning.stages.evaluate import Evaluate, evaluate
from provisioning.stages.message import Message
from provisioning.stages.receive import Receive, receive

REPORT: Final = Path("build/bench/delivery.json")
BATCH: Final = 10  # doorbells of one invocation, as the queue's mapping gives them
INVOCATIONS: Final = 5  # at once; so 50 requests are under way, in both
PORTIONS: Final = 10
BAR: Final = 0.5  # of the bare client's rate
MEMBER_BATCH: Final = 100
START: Final = 1_800_000_000
Sent = tuple[str, str, Any, dict[str, str]]  # method, path, body, headers


@dataclass
class Row:
    """One kind of operation. Rates are operations a second."""

    what: str
    operations: int
    calls: int
    engine: float
    bare: float
    ratio: float
    engine_cpu: float  # microseconds of this process for one operation
    bare_cpu: float


@dataclass
class Recording:
    """A transport that remembers what it sent, so that the bare client can send the same."""

    call: HttpCaller
    sent: list[Sent] = field(default_factory=list)

    async def __call__(self, service: Service, request: HttpRequest, within: float) -> Answer:
        self.sent.append((request.method, request.path, request.body, dict(request.headers)))
        return await self.call(service, request, within)


def bundle(url: str) -> Bundle:
    """A library with an account as they are, and a wiki whose groups gather."""
    account = {
        "userName": {"value": "person.login", "required": True},
        "name.givenName": "person.given_name",
        "name.familyName": "person.family_name",
        'emails[type eq "work"].value': "person.mail",
        "title": "person.title",
        "displayName": 'person.given_name + " " + person.family_name',
    }
    common = {"protocol": "scim", "endpoint": url, "private": True, "account": account, "secret": "token"}
    attributes = ("login", "given_name", "family_name", "mail", "title")
    return Bundle.model_validate({
        "tenant": {"id": "bench", "person": dict.fromkeys(attributes, "string"), "affiliation": {"type": "string"}},
        "sources": [{"id": "registry"}],
        "services": [
            {"id": "library", **common},
            {"id": "wiki", **common, "groups": {"edit": "editors"}, "create_groups": True,
             "scim": {"member_batch": MEMBER_BATCH}},
        ],
        "rules": [
            {"id": "readers", "service": "library", "who": 'affiliation.type == "student"', "because": "x"},
            {"id": "writers", "service": "wiki", "who": 'affiliation.type in ["staff", "editor"]', "because": "x"},
            {"id": "editors", "service": "wiki", "who": 'affiliation.type == "editor"', "authorizations": ["edit"],
             "because": "x"},
        ],
    })  # fmt: skip


class Engine:
    """The stages on the in-memory adapters, and the real way to an SP."""

    def __init__(self, url: str) -> None:
        self.url, self.now = url, float(START)
        self.store = MemoryStore(self.clock)
        self.bundles = MemoryBundles()
        self.policies = MemoryPolicies(self.bundles, self.clock)
        self.queues = {name: MemoryQueue(self.clock, fifo=True) for name in ("library", "wiki")}
        self.identities = MemoryQueue(self.clock)
        self.bells = MemoryBells(self.identities, self.queues)
        secrets = Secrets(self.secret)
        self.caller = HttpCaller(secrets)
        bulking = Bulking(Signing(self.caller, secrets, lambda: int(self.now)))
        self.courier = Courier(bulking, no_queue, together=bulking.take_part)
        self.made = 0
        self.groups: dict[str, dict[str, str]] = {"library": {}, "wiki": {}}

    async def secret(self, _name: str) -> str:
        return "a-token-of-the-bench"

    def clock(self) -> float:
        return self.now

    def new_identity(self) -> str:
        self.made += 1
        return f"i{self.made}"

    async def publish(self) -> None:
        content = bundle(self.url).model_dump(mode="json", by_alias=True)
        await self.bundles.publish(canonical(content), digest_of(content))

    async def arrive(self, people: Sequence[int], version: int, kind: str, title: str) -> None:
        """Let the registry say so about these people: stored, decided, and rung for."""
        shell = Receive(Decide(self.store, self.policies, self.new_identity, silent), self.store, self.bells)
        for number in people:
            message = Message(f"{number}.{version}", event(number, version, kind, title), "registry")
            assert await receive(shell, [message], int(self.now)) == frozenset()

    def batches(self, service: str) -> list[list[Message]]:
        """The bells that wait for a service, ten to a batch."""
        found = []
        while batch := self.queues[service].receive():
            found.append([Message(item.id, item.body) for item in batch])
            for item in batch:
                self.queues[service].delete(item.receipt)
        return found

    async def pass_on(self) -> None:
        """What evaluate does with the bells that wait in its queue."""
        shell = Evaluate(Decide(self.store, self.policies, self.new_identity, silent), self.bells)
        while batch := self.identities.receive():
            await evaluate(shell, [Message(item.id, item.body) for item in batch], int(self.now))
            for item in batch:
                self.identities.delete(item.receipt)

    async def deliver(self, service: str, batches: Sequence[Sequence[Message]], courier: Courier) -> None:
        """Answer batches, several invocations at once."""
        shell = Deliver(service, self.store, self.policies, courier, self.bells, self.groups[service], silent)
        left = iter(batches)

        async def invocations() -> None:
            for batch in left:
                assert await deliver(shell, batch, int(self.now)) == frozenset()

        await asyncio.gather(*(invocations() for _ in range(INVOCATIONS)))


def event(number: int, version: int, kind: str, title: str) -> str:
    """What the registry publishes of a person."""
    attributes = {
        "login": f"login-{number}", "given_name": f"Given{number}", "family_name": f"Family{number}",
        "mail": f"person{number}@a.edu", "title": title,
    }  # fmt: skip
    data = {"key": f"p{number}", "version": version, "attributes": attributes,
            "affiliations": [{"id": "1", "type": kind}]}  # fmt: skip
    return json.dumps({"specversion": "1.0", "id": f"{number}.{version}", "data": data})


def silent(word: str, **fields: Any) -> None:
    """Lines are not written: what a terminal costs is not the engine's."""
    del word, fields


async def no_queue(_service: Service, _message: Publish) -> Answer:
    return Unanswered("there is no queue here", sent=False)


async def bare(url: str, sent: Sequence[Sent]) -> None:
    """Send these with aiohttp alone, as many at once as the engine does, and read every answer."""
    connector = aiohttp.TCPConnector(limit=BATCH * INVOCATIONS)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        left = iter(sent)

        async def client() -> None:
            for method, path, body, headers in left:
                token = {"authorization": "Bearer a-token-of-the-bench"}
                async with session.request(method, url + path, json=body, headers={**headers, **token}) as response:
                    await response.read()
                    assert response.status < 300

        await asyncio.gather(*(client() for _ in range(BATCH * INVOCATIONS)))


async def timed(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Seconds by the wall and of this process's CPU, with garbage collected before and not meanwhile."""
    gc.collect()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        await work()
        return time.perf_counter() - wall, time.process_time() - cpu
    finally:
        gc.enable()


@asynccontextmanager
async def provider() -> AsyncIterator[str]:
    """The SP's URL, while its process runs."""
    command = [sys.executable, "-m", "tests.bench.delivery_sp"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


async def counts(url: str) -> dict[str, int]:
    """How often the SP was asked for what."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/counts") as response:
        return dict(await response.json(content_type=None))


@asynccontextmanager
async def engines(url: str) -> AsyncIterator[tuple[Engine, Engine]]:
    """One that is timed, and one that records."""
    both = Engine(url), Engine(url)
    for engine in both:
        await engine.publish()
    yield both
    for engine in both:
        await engine.caller.close()


async def accounts(url: str, people: int) -> list[Row]:
    """Creates, then changes."""
    rows = []
    async with engines(url) as (engine, recorder):
        for what, version, method in (("create", 1, "POST"), ("change", 2, "PATCH")):
            found: list[tuple[float, float, float, float]] = []
            before = (await counts(url)).get(f"{method} Users", 0)
            others = 0
            for first in range(0, people, people // PORTIONS):
                some = range(first, min(people, first + people // PORTIONS))
                for each in (engine, recorder):
                    await each.arrive(some, version, "student", f"title {version}")
                recording = Recording(recorder.caller)
                await recorder.deliver("library", recorder.batches("library"), Courier(recording, no_queue))
                others += 2 * len(recording.sent)
                found.append(await _turn(engine, recording.sent, bare_first=len(found) % 2 == 0))
            asked = (await counts(url))[f"{method} Users"] - before - others
            rows.append(_row(what, people, asked, people // PORTIONS, found))
        settled = sum(held["library"].condition is Condition.SETTLED for held in engine.store.accounts.values())
        assert settled == people, f"{settled} of {people} are settled"
    return rows


async def _turn(engine: Engine, sent: Sequence[Sent], *, bare_first: bool) -> tuple[float, float, float, float]:
    """Wall and CPU of the engine, and of the bare client, for one portion."""
    batches = engine.batches("library")

    async def ours() -> None:
        await engine.deliver("library", batches, engine.courier)

    async def theirs() -> None:
        await bare(engine.url, sent)

    if bare_first:
        limit, own = await timed(theirs), await timed(ours)
    else:
        own, limit = await timed(ours), await timed(theirs)
    return (*own, *limit)


def _row(what: str, people: int, asked: int, portion: int, found: Sequence[tuple[float, float, float, float]]) -> Row:
    own, own_cpu, limit, limit_cpu = (statistics.median(times) for times in zip(*found, strict=True))
    ratio = statistics.median(theirs / ours for ours, _, theirs, _ in found)
    return Row(
        what, people, asked, portion / own, portion / limit, ratio, own_cpu / portion * 1e6, limit_cpu / portion * 1e6
    )


async def members(url: str, people: int) -> int:
    """Calls for so many changes of one group's members, from doorbells to settled."""
    async with engines(url) as (engine, _):
        for version, kind in ((1, "staff"), (2, "editor")):
            before = await counts(url)
            await engine.arrive(range(people), version, kind, "title")
            while engine.queues["wiki"].bodies() or engine.identities.bodies():
                upcoming = [at for queue in (engine.identities, engine.queues["wiki"]) if (at := queue.next_at())]
                engine.now = max(engine.now, *upcoming) if not engine.queues["wiki"].bodies() else engine.now
                await engine.pass_on()
                await engine.deliver("wiki", engine.batches("wiki"), engine.courier)
        conditions = {held["wiki"].condition for held in engine.store.accounts.values()}
        assert conditions == {Condition.SETTLED}, conditions
        return (await counts(url))["PATCH Groups"] - before.get("PATCH Groups", 0)


def report(rows: Sequence[Row], people: int, calls: int) -> tuple[str, bool]:
    """The table, and whether every bar is held."""
    lines = ["| | operations | SP calls for each | engine, 1/s | bare aiohttp, 1/s | ratio | CPU µs | bare CPU µs |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    lines += [
        f"| {row.what} | {row.operations:,} | {row.calls / row.operations:.2f} | {row.engine:,.0f} "
        f"| {row.bare:,.0f} | {row.ratio:.0%} | {row.engine_cpu:.0f} | {row.bare_cpu:.0f} |"
        for row in rows
    ]
    most = people // MEMBER_BATCH + 10
    lines.append(f"\n{people:,} changes of one group's members: {calls} calls (at most {most})")
    held = all(row.ratio >= BAR and row.calls == row.operations for row in rows) and calls <= most
    return "\n".join(lines), held


async def run(people: int, of_group: int) -> tuple[list[Row], int]:
    """Everything, against one SP."""
    async with provider() as url:
        return await accounts(url, people), await members(url, of_group)


def main(arguments: Sequence[str]) -> int:
    """Print the table and write the report; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.delivery")
    parser.add_argument("--people", type=int, default=10_000)
    people = parser.parse_args(arguments).people
    rows, calls = asyncio.run(run(people, people))
    text, held = report(rows, people, calls)
    sys.stdout.write(f"{text}\n\n")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {"rows": [asdict(row) for row in rows], "members": {"changes": people, "calls": calls}}
    REPORT.write_text(json.dumps({**content, "bar": BAR, "held": held}, indent=2), encoding="utf-8")
    if not held:
        sys.stdout.write(f"a bar is missed: {BAR:.0%} of the bare client's rate, 1.00 calls for each\n")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
