"""The delivery benchmark's third part: how many calls it takes to change the members of one group.

Everybody has an account already; then a rule gives each of them the same authorization at the same time. Bells of the
group wait in evaluate's queue as they do deployed, and the clock goes on to them.
"""

import itertools
from typing import Any, Final

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.adapters.memory.bells import MemoryBells
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.account import Condition
from provisioning.core.catalog import Bundle, Service
from provisioning.core.wire import canonical, digest_of
from provisioning.protocols.dialogue import Answer, HttpRequest
from provisioning.runtime.log import log
from provisioning.stages.decide import Decide
from provisioning.stages.deliver import Deliver, deliver
from provisioning.stages.evaluate import Evaluate, evaluate
from provisioning.stages.message import Message
from provisioning.stages.receive import Receive, receive
from tests.bench.delivery_engine import TOKEN, no_queue, quiet
from tests.stages.tenant import SOURCE, START, event, rule

BATCH: Final = 100  # member changes that the SP takes at once
ROOM: Final = 10  # calls more than that many changes need
SERVICE: Final = "wiki"


def bundle(url: str) -> Bundle:
    """A tenant with one service, whose one group has every editor."""
    service = {
        "id": SERVICE, "protocol": "scim", "endpoint": url, "private": True, "secret": "token",
        "account": {"userName": "person.login"}, "groups": {"edit": "editors"}, "create_groups": True,
        "scim": {"member_batch": BATCH},
    }  # fmt: skip
    tenant = {"id": "campus", "person": {"login": "string"}, "affiliation": {"type": "string"}}
    editor = rule("editors", SERVICE, 'affiliation.type == "editor"', authorizations=["edit"])
    return Bundle.model_validate({
        "tenant": tenant, "sources": [{"id": SOURCE}], "services": [service],
        "rules": [rule("readers", SERVICE, 'affiliation.type in ["reader", "editor"]'), editor],
    })  # fmt: skip


async def calls(url: str, people: int) -> int:
    """Calls to the group for so many changes of its members, from doorbells to settled."""
    now, asked = float(START), 0

    async def read(_name: str) -> str:
        return TOKEN

    caller = HttpCaller(Secrets(read))

    async def counted(service: Service, request: HttpRequest, within: float) -> Answer:
        nonlocal asked
        asked += request.path.startswith("/Groups/")
        return await caller(service, request, within)

    def clock() -> float:
        return now

    store, bundles = MemoryStore(clock), MemoryBundles()
    identities, queue = MemoryQueue(clock), MemoryQueue(clock, fifo=True)
    bells, policies = MemoryBells(identities, {SERVICE: queue}), MemoryPolicies(bundles, clock)
    content = bundle(url).model_dump(mode="json", by_alias=True)
    await bundles.publish(canonical(content), digest_of(content))
    numbers = itertools.count(1)
    decide = Decide(store, policies, lambda: f"i{next(numbers)}", log)
    shell = Deliver(SERVICE, store, policies, Courier(counted, no_queue), bells, {}, log)

    async def drain() -> None:
        nonlocal now
        while (upcoming := min(filter(None, (identities.next_at(), queue.next_at())), default=None)) is not None:
            now = max(now, upcoming)
            for held, work in ((queue, deliver), (identities, evaluate)):
                stage: Any = shell if held is queue else Evaluate(decide, bells)
                while batch := held.receive():
                    assert not await work(stage, [Message(item.id, item.body) for item in batch], int(now))
                    for item in batch:
                        held.delete(item.receipt)

    with quiet():
        for version, kind in ((1, "reader"), (2, "editor")):
            before = asked
            await _arrive(Receive(decide, store, bells, lambda: int(clock() * 1e6)), people, version, kind)
            await drain()
    await caller.close()
    assert {held[SERVICE].condition for held in store.accounts.values()} == {Condition.SETTLED}
    assert {held[SERVICE].known.groups for held in store.accounts.values()} == {("editors",)}
    return asked - before


async def _arrive(shell: Receive, people: int, version: int, kind: str) -> None:
    for number in range(people):
        attributes, affiliations = {"login": f"s{number}"}, [{"id": "1", "type": kind}]
        data = {"key": f"p{number}", "version": version, "attributes": attributes, "affiliations": affiliations}
        assert not await receive(shell, [Message(f"p{number}.{version}", event(data), SOURCE)], START)
