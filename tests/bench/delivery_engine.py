"""The delivery benchmark's engine: the real stage, protocol, driver and HTTP calls over state in memory.

Only what lies before a bell is done untimed: notifications are received and decided, and bells are handed out in
batches of ten, as the queue's mapping does.
"""

import itertools
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, redirect_stdout
from pathlib import Path
from typing import Final

from provisioning.adapters.delivery.driver import Call, Courier
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
from provisioning.protocols.dialogue import Answer, Publish, Unanswered
from provisioning.runtime.log import log
from provisioning.stages.decide import Decide
from provisioning.stages.deliver import Deliver, deliver
from provisioning.stages.message import Message
from provisioning.stages.receive import Receive, receive
from tests.bench.delivery_limit import in_turns
from tests.stages.tenant import SOURCE, START, event, rule

SERVICE: Final = "library"
TOKEN: Final = "a-token-of-the-library"
INVOCATIONS: Final = 5  # of deliver at a time: with batches of ten, as many calls as the driver has connections
Batch = Sequence[Message]
_ATTRIBUTES: Final = ("login", "given", "family", "title", "unit", "phone")
_ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_ACCOUNT: Final = {
    "userName": "person.login",
    "name.givenName": "person.given",
    "name.familyName": "person.family",
    "displayName": "person.given + ' ' + person.family",
    'emails[type eq "work"].value': "person.login + '@campus.edu'",
    'phoneNumbers[type eq "work"].value': "person.phone",
    "title": "person.title",
    f"{_ENTERPRISE}:department": "person.unit",
}


def bundle(url: str) -> Bundle:
    """A tenant with one service, at which every student has an account."""
    service = {
        "id": SERVICE, "protocol": "scim", "endpoint": url, "private": True, "secret": "token", "account": _ACCOUNT,
    }  # fmt: skip
    tenant = {
        "id": "campus", "person": dict.fromkeys(_ATTRIBUTES, "string"), "affiliation": {"type": "string"},
    }  # fmt: skip
    return Bundle.model_validate({
        "tenant": tenant, "sources": [{"id": SOURCE}], "services": [service],
        "rules": [rule("readers", SERVICE, 'affiliation.type == "student"')],
    })  # fmt: skip


def notification(number: int, version: int) -> Message:
    """What the registry says of a person. The second version has another title and another department."""
    attributes = {
        "login": f"s{number:07d}", "given": "Zoë", "family": f"van Dijk-{number}", "phone": f"+3120{number:07d}",
        "title": f"Student, year {version}", "unit": f"Department {number % 40 + version}",
    }  # fmt: skip
    affiliations = [{"id": "study", "type": "student"}]
    content = {"key": f"p{number}", "version": version, "attributes": attributes, "affiliations": affiliations}
    return Message(f"p{number}.{version}", event(content), SOURCE)


class Engine:
    """A tenant's table and queues, and the stages that work on them."""

    def __init__(self, call: Call) -> None:
        self.store = MemoryStore()
        self._bundles = MemoryBundles()
        self._queue = MemoryQueue(lambda: START, fifo=True, visibility=360)
        bells = MemoryBells(MemoryQueue(lambda: START), {SERVICE: self._queue})
        policies = MemoryPolicies(self._bundles, lambda: START)
        numbers = itertools.count(1)
        # As ids are in general: UUIDs, but the same in each run.
        decide = Decide(self.store, policies, lambda: f"00000000-0000-4000-9000-{next(numbers):012x}", log)
        self._receive = Receive(decide, self.store, bells, lambda: START * 1_000_000)
        self._deliver = Deliver(SERVICE, self.store, policies, Courier(call, no_queue), bells, {}, log)

    async def publish(self, content: Bundle) -> None:
        """Put a bundle in force."""
        dumped = content.model_dump(mode="json", by_alias=True)
        await self._bundles.publish(canonical(dumped), digest_of(dumped))

    async def bells(self, people: range, version: int) -> list[Batch]:
        """Receive and decide a version of some people; the bells that this rings, in batches."""
        with quiet():
            for number in people:
                assert not await receive(self._receive, [notification(number, version)], START)
        batches: list[Batch] = []
        while received := self._queue.receive():
            batches.append([Message(item.id, item.body) for item in received])
            for item in received:
                self._queue.delete(item.receipt)
        return batches

    async def deliver(self, batches: Sequence[Batch]) -> None:
        """From doorbells to settled: several invocations at a time."""
        with quiet():
            await in_turns(batches, INVOCATIONS, self._invoke)

    async def _invoke(self, batch: Batch) -> None:
        assert not await deliver(self._deliver, batch, START)

    def settled(self) -> int:
        """How many accounts are as they should be."""
        accounts = (held[SERVICE] for held in self.store.accounts.values())
        return sum(
            account.condition is Condition.SETTLED
            and account.turn == self.store.identities[account.identity].entitlements[SERVICE].turn
            for account in accounts
        )


@asynccontextmanager
async def engine(url: str) -> AsyncIterator[Engine]:
    """An engine that calls the SP at `url` by HTTP, with its bundle in force."""

    async def read(_name: str) -> str:
        return TOKEN

    secrets = Secrets(read)
    caller = HttpCaller(secrets)
    made = Engine(Signing(caller, secrets, lambda: START))
    await made.publish(bundle(url))
    try:
        yield made
    finally:
        await caller.close()


async def no_queue(_service: Service, _message: Publish) -> Answer:
    """No message is sent here."""
    return Unanswered("there is no queue here", sent=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Log lines are made and written as ever, to where nobody reads them."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield
