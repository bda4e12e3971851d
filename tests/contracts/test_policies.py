"""Ports Policies and Publishing."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.policies import PublishedPolicies
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.core.errors import TransientError
from provisioning.ports import Policies, Publishing, Staleness
from tests.contracts.backends import new_bucket, new_table

pytestmark = pytest.mark.asyncio(loop_scope="session")


def bundle(zone: str) -> bytes:
    """A bundle that is told from others by its zone."""
    return json.dumps({
        "tenant": {"id": "campus", "zone": zone, "person": {"login": "string"}},
        "sources": [{"id": "registry"}],
        "services": [
            {"id": "library", "protocol": "queue", "endpoint": "q", "match": "userName",
             "account": {"userName": "person.login"}}
        ],
        "rules": [{"id": "everybody", "service": "library", "who": "true", "because": "Everybody reads."}],
    }).encode()  # fmt: skip


@dataclass
class Rig:
    """One place to publish, and processes that read from it by one clock."""

    publishing: Publishing
    marking: Staleness
    process: Callable[[], tuple[Policies, Callable[[], Counter[str]]]]
    clock: list[float] = field(default_factory=lambda: [1000.0])


@pytest_asyncio.fixture(loop_scope="session")
async def rig(backend: Clients | None) -> Rig:
    clock = [1000.0]
    if backend is None:
        bundles = MemoryBundles()

        def in_memory() -> tuple[Policies, Callable[[], Counter[str]]]:
            made = MemoryPolicies(bundles, lambda: clock[0])
            return made, lambda: Counter(made.requests)

        return Rig(bundles, bundles, in_memory, clock)
    table, bucket = await new_table(backend), await new_bucket(backend)

    def on_aws() -> tuple[PublishedPolicies, Callable[[], Counter[str]]]:
        made = PublishedPolicies(Rows(backend, table), Objects(backend, bucket), lambda: clock[0])
        return made, lambda: Counter(made.requests)

    publishing = on_aws()[0]
    return Rig(publishing, publishing, on_aws, clock)


async def test_no_policy_is_in_force_before_one_is_published(rig: Rig) -> None:
    policies, _ = rig.process()
    with pytest.raises(TransientError, match="sequence 1"):
        await policies.current()


async def test_what_is_published_is_in_force_under_the_next_sequence(rig: Rig) -> None:
    for number, zone in enumerate(["Europe/Amsterdam", "Europe/Athens", "Europe/Amsterdam"], start=1):
        published = await rig.publishing.publish(bundle(zone), f"hash-{zone[-4:]}")
        assert (published.hash, published.sequence) == (f"hash-{zone[-4:]}", number)
        policies, _ = rig.process()
        policy = await policies.current()
        assert (policy.hash, policy.sequence, policy.bundle.tenant.zone) == (published.hash, number, zone)


async def test_of_bundles_published_at_once_each_has_a_sequence_of_its_own(rig: Rig) -> None:
    zones = ["Europe/Amsterdam", "Europe/Athens", "Europe/Rome"]
    published = await asyncio.gather(*(rig.publishing.publish(bundle(zone), zone[-4:]) for zone in zones))
    assert sorted(item.sequence for item in published) == [1, 2, 3]
    last = max(published, key=lambda item: item.sequence)
    policies, _ = rig.process()
    policy = await policies.current()
    assert (policy.hash, policy.sequence) == (last.hash, 3)


async def test_a_process_asks_again_after_a_minute_and_loads_only_what_is_new(rig: Rig) -> None:
    policies, requests = rig.process()
    await rig.publishing.publish(bundle("Europe/Rome"), "one")
    first = await policies.current()
    start = requests()
    await rig.publishing.publish(bundle("Europe/Oslo"), "two")
    rig.clock[0] += 59
    assert await policies.current() is first
    assert requests() == start
    rig.clock[0] += 1
    assert (await policies.current()).hash == "two"
    assert requests() - start == {"GetItem": 1, "GetObject": 1}
    rig.clock[0] += 60
    assert (await policies.current()).sequence == 2
    assert requests() - start == {"GetItem": 2, "GetObject": 1}


async def test_a_process_asks_at_once_for_a_sequence_that_it_has_not_seen(rig: Rig) -> None:
    policies, requests = rig.process()
    await rig.publishing.publish(bundle("Europe/Rome"), "one")
    await policies.current()
    await rig.publishing.publish(bundle("Europe/Oslo"), "two")
    start = requests()
    assert (await policies.current(at_least=2)).sequence == 2
    assert (await policies.current(at_least=1)).sequence == 2
    assert requests() - start == {"GetItem": 1, "GetObject": 1}


async def test_a_sequence_that_nobody_published_is_a_transient_failure(rig: Rig) -> None:
    policies, _ = rig.process()
    await rig.publishing.publish(bundle("Europe/Rome"), "one")
    with pytest.raises(TransientError, match="sequence 2"):
        await policies.current(at_least=2)
    assert (await policies.current()).sequence == 1


async def test_a_batch_that_finds_its_policy_old_reads_it_once(clients: Clients) -> None:
    made = PublishedPolicies(
        Rows(clients, await new_table(clients)), Objects(clients, await new_bucket(clients)), lambda: 0.0
    )
    await made.publish(bundle("Europe/Rome"), "one")
    start = Counter(made.requests)
    found = await asyncio.gather(*(made.current() for _ in range(10)))
    assert len({id(policy) for policy in found}) == 1
    assert made.requests - start == {"GetItem": 1, "GetObject": 1}


@pytest.mark.parametrize("body", [b"{", b'{"of": "a newer engine"}', None])
async def test_a_bundle_that_cannot_be_read_is_a_transient_failure(clients: Clients, body: bytes | None) -> None:
    rows, objects = Rows(clients, await new_table(clients)), Objects(clients, await new_bucket(clients))
    made = PublishedPolicies(rows, objects, lambda: 0.0)
    await rows.put({**keys.CURRENT.attributes(), keys.HASH: {"S": "one"}, keys.SEQUENCE: {"N": "1"}})
    if body is not None:
        await objects.put(keys.bundle_object("one"), body)
    with pytest.raises(TransientError, match="bundle one"):
        await made.current()
