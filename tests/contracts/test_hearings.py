"""Port Hearings, and port Staleness of the bundle in force."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.hearings import GRAIN, StoredHearings
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.unheard import QueuedUnheard
from provisioning.adapters.memory.hearings import MemoryHearings
from provisioning.adapters.memory.unheard import MemoryUnheard
from provisioning.core.errors import ConflictError
from provisioning.ports import Hearings, Unheard
from tests.contracts.backends import new_table
from tests.contracts.boxes import MemoryBox, Pair, SqsBox, memory_pair, sqs_pair
from tests.contracts.test_policies import Rig, bundle, rig

__all__ = ["rig"]  # a fixture

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _hearings(backend: Clients | None) -> tuple[Hearings, Hearings, Counter[str]]:
    """Two processes, and what the first has asked."""
    if backend is None:
        made = MemoryHearings()
        return made, made, made.requests
    table = await new_table(backend)
    rows = Rows(backend, table)
    return StoredHearings(rows), StoredHearings(Rows(backend, table)), rows.requests


async def test_what_was_heard_is_known_to_the_minute(backend: Clients | None) -> None:
    first, second, _ = await _hearings(backend)
    assert await first.heard(["registry", "hr"]) == {}
    await first.hear("registry", 1000)
    await second.hear("registry", 1000 + GRAIN)
    await first.hear("hr", 2000)
    assert await second.heard(["registry", "hr", "nobody"]) == {"registry": 1000 + GRAIN, "hr": 2000}


async def test_a_clock_that_is_behind_takes_nothing_back(backend: Clients | None) -> None:
    first, second, _ = await _hearings(backend)
    await first.hear("registry", 5000)
    await second.hear("registry", 5000 - GRAIN)
    assert await first.heard(["registry"]) == {"registry": 5000}


async def test_a_source_that_speaks_all_the_time_costs_a_request_a_minute(backend: Clients | None) -> None:
    first, _, requests = await _hearings(backend)
    start = requests.copy()
    for second in range(3 * GRAIN):
        await first.hear("registry", 1000 + second)
    assert requests - start == {"UpdateItem": 3}


async def test_whoever_has_messages_in_any_of_its_queues_is_not_heard_yet(backend: Clients | None) -> None:
    pairs = [memory_pair(fifo=False) if backend is None else await sqs_pair(backend, fifo=False) for _ in range(3)]
    unheard = _unheard(backend, {"registry": pairs[:2], "hr": pairs[2:]})
    assert await unheard.unheard(["registry", "hr"]) == frozenset()
    await pairs[1].queue.send("waits")
    assert await unheard.unheard(["registry", "hr", "nobody"]) == {"registry"}
    assert await unheard.unheard(["hr"]) == frozenset()
    (taken,) = await pairs[1].queue.receive()
    assert await unheard.unheard(["registry"]) == {"registry"}, "what is being handled is not heard yet"
    await pairs[1].queue.delete(taken)
    assert await unheard.unheard(["registry"]) == frozenset()


def _unheard(backend: Clients | None, pairs: Mapping[str, Sequence[Pair]]) -> Unheard:
    queues = {source: [pair.queue for pair in some] for source, some in pairs.items()}
    if backend is None:
        return MemoryUnheard({
            source: [each.queue for each in some if isinstance(each, MemoryBox)] for source, some in queues.items()
        })  # fmt: skip
    return QueuedUnheard(
        backend, {source: [each.url for each in some if isinstance(each, SqsBox)] for source, some in queues.items()}
    )


async def test_what_is_stale_is_loaded_with_the_bundle(rig: Rig) -> None:
    await rig.publishing.publish(bundle("Europe/Rome"), "one")
    await rig.marking.mark({"registry": 5}, 1, 2)
    policy = await rig.process()[0].current()
    assert (policy.sequence, policy.hash, policy.stale) == (2, "one", {"registry": 5})
    await rig.publishing.publish(bundle("Europe/Oslo"), "two")
    assert (await rig.process()[0].current()).stale == {"registry": 5}, "another bundle makes nobody speak"


async def test_a_mark_of_another_bundle_is_refused(rig: Rig) -> None:
    await rig.publishing.publish(bundle("Europe/Rome"), "one")
    for sequence in (0, 2):
        with pytest.raises(ConflictError):
            await rig.marking.mark({"registry": 5}, sequence, 3)
    policy = await rig.process()[0].current()
    assert (policy.sequence, policy.stale) == (1, {})
