"""Extract, killed anywhere or run twice at once: one whole file."""

import json
from collections.abc import Awaitable, Callable

import pytest

from provisioning.core.extract import LATENCY
from provisioning.stages.extract import extract
from provisioning.stages.extract_orders import Do
from provisioning.stages.message import Message
from tests.stages.extracting import EVERY_WEEK, Rig, new_rig, shrunk
from tests.stages.tenant import says

Scene = Callable[[], Awaitable[Rig]]


async def _full() -> Rig:
    rig = await new_rig(7, part_rows=3)
    rig.bench.now += LATENCY
    rig.order()
    return rig


async def _delta() -> Rig:
    rig = await new_rig(12, part_rows=3, **EVERY_WEEK)
    rig.acknowledge(await rig.make())
    rig.bench.now += 10
    await rig.bench.arrive(*(says(f"p{number}", 2, "visitor", login=f"new-{number}") for number in range(1, 6)))
    await rig.bench.arrive(says("p6", 2))
    rig.bench.now += LATENCY
    rig.order()
    return rig


async def _released() -> Rig:
    rig = await shrunk()
    rig.order(Do.RELEASE, number=2)
    return rig


@pytest.mark.parametrize("prepare", [_full, _delta, _released])
async def test_killed_at_any_await_it_goes_on_and_publishes_one_whole_file(prepare: Scene) -> None:
    undisturbed = await prepare()
    await undisturbed.rest()
    manifests = undisturbed.manifests()
    expected = undisturbed.rows(manifests[-1])
    deaths = 0
    for at in range(1, 400):
        rig = await prepare()
        died = await rig.bench.killed(rig.rest(), at)
        deaths += died
        for made in rig.manifests():
            rig.rows(made)  # whatever has a manifest is whole, also before the next message
        await rig.rest()
        assert len(rig.manifests()) == len(manifests), f"killed at await {at}"
        made = rig.manifests()[-1]
        assert rig.rows(made) == expected, f"killed at await {at}"
        assert made["number"] == manifests[-1]["number"]
        assert rig.item.run is None
        if not died:
            break
    assert deaths >= 20


async def test_two_processes_that_make_the_same_part_publish_one_file() -> None:
    rig = await new_rig(7, part_rows=3)
    rig.bench.now += LATENCY
    rig.order()
    for _ in range(6):
        bodies = rig.queue.bodies()
        twice = [Message(f"copy-{number}", body) for number, body in enumerate(bodies)]
        await rig.handle()
        await extract(rig.shell(), twice, int(rig.bench.now))
    await rig.rest()
    (made,) = rig.manifests()
    assert len(rig.logins(made)) == 7
    assert json.dumps(made)
