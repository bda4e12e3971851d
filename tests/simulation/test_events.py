"""Events of simulated days: the set of them is that of the committed transitions, and who hears them has the table."""

import asyncio
import os
import random
from collections.abc import Sequence

import pytest

from provisioning.core.event import Refusal
from provisioning.core.occurrence import Change
from provisioning.core.transition import occurrences
from tests.simulation.build import build
from tests.simulation.campus import bundle
from tests.simulation.verdict import judge
from tests.simulation.world import World
from tests.stages.deaths import Deaths
from tests.stages.streaming import Notifier, Rebuilt, Stream

SEEDS = max(1, int(os.environ.get("SEEDS", "2000")) // 100)


def played(seed: int) -> tuple[World, Stream]:
    """A day with all its faults, and the stream of its table."""
    world, stream = build(seed), Stream()
    stream.watch(world.store, world.accepted)
    assert judge(world) == []
    return world, stream


async def told(seed: int, changes: Sequence[Change]) -> Notifier:
    """The stream, read in random batches by processes that die at random; some events are refused at first."""
    chance, deaths = random.Random(seed), Deaths()
    notify = Notifier(deaths.checkpoint)
    await notify.publish(bundle(0))
    await notify.publish(bundle(1))
    left = list(changes)
    while left:
        batch = left[: chance.randint(1, 100)]
        ids = [each.id for change in batch for each in occurrences(change, 0)]
        notify.announcements.refusals = {id_: Refusal("throttled") for id_ in ids if chance.random() < 0.002}
        if await deaths.kill(notify.take(batch), chance.choice([0, 0, 1, 3, 5, 7])):
            continue  # it comes again as it was
        notify.announcements.refusals = {}
        await notify.read(batch)
        left = left[len(batch) :]
    return notify


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_events_of_a_day_are_its_transitions_none_phantom_none_missing(seed: int) -> None:
    world, stream = played(seed)
    notify = asyncio.run(told(seed, stream.changes))
    assert len(stream.changes) > 100
    transitions = {each.id for change in stream.changes for each in occurrences(change, 0)}
    assert {each.id for each in notify.heard} == transitions
    assert not any(event["type"].endswith(".gap") for event in notify.events)

    events = notify.events
    random.Random(seed).shuffle(events)
    heard = Rebuilt().hear(events)
    store = world.store
    assert heard.live == {identity.id: identity.live for identity in store.identities.values()}
    absent = ("absent", "settled")
    assert {item: state for item, state in heard.accounts.items() if state != absent} == {
        (identity, service): (account.known.phase.value, account.condition.value)
        for identity, accounts in store.accounts.items()
        for service, account in accounts.items()
        if (account.known.phase.value, account.condition.value) != absent
    }
    standings = {
        (identity.id, service): entitlement.standing.value
        for identity in store.identities.values()
        for service, entitlement in identity.entitlements.items()
    }
    assert {item: standing for item, standing in heard.standings.items() if standing != "absent"} == {
        item: standing for item, standing in standings.items() if standing != "absent"
    }
    assert len(notify.histories.kept) == len(stream.changes)
