"""Extract: what shrinks too much is held until a person says so; starts do not get in each other's way."""

import pytest

from provisioning.adapters.delivery.files import parquet_writer
from provisioning.adapters.memory.files import MemoryExtracts
from provisioning.core.errors import InvalidError
from provisioning.core.extract import LATENCY, LEASE
from provisioning.core.extract_rows import Layout
from provisioning.core.extract_writer import Writer
from provisioning.stages.extract_orders import Do
from tests.stages.extracting import EVERY_WEEK, PLACE, SERVICE, new_rig, shrunk
from tests.stages.tenant import bundle, says


async def test_a_file_that_shrinks_too_much_is_held_with_a_reason() -> None:
    rig = await shrunk()
    assert len(rig.manifests()) == 1
    (line,) = rig.bench.said("extract.held")
    assert "15 of 30 rows would go since extract 1" in line["reason"]
    assert "release or discard extract 2" in line["reason"]


async def test_what_was_held_is_published_when_a_person_releases_it() -> None:
    rig = await shrunk()
    rig.order(Do.RELEASE, number=2)
    await rig.rest()
    assert [made["rows"] for made in rig.manifests()] == [30, 15]
    assert (await rig.make())["rows"] == 15, "the next one is compared with what was released"


async def test_what_was_held_and_discarded_is_never_published() -> None:
    rig = await shrunk()
    rig.order(Do.DISCARD, number=2)
    rig.order(Do.RELEASE, number=2)
    await rig.rest()
    assert len(rig.manifests()) == 1
    assert rig.item.run is None
    assert rig.item.trouble.startswith("extract 2 was not published: it was discarded: 15 of 30 rows would go")


async def test_the_next_start_takes_the_place_of_what_is_held() -> None:
    rig = await shrunk()
    await rig.bench.arrive(*(says(f"p{number + 1}", 3, "visitor") for number in range(15)))
    made = await rig.make()
    assert (made["number"], made["rows"]) == (3, 30)
    rig.order(Do.RELEASE, number=2)
    await rig.rest()
    assert len(rig.manifests()) == 2


async def test_a_delta_with_too_many_deletions_is_held() -> None:
    rig = await new_rig(30, **EVERY_WEEK)
    rig.acknowledge(await rig.make())
    rig.bench.now += 10
    await rig.bench.arrive(*(says(f"p{number + 1}", 2) for number in range(11)))
    rig.bench.now += LATENCY
    rig.order()
    await rig.rest()
    assert len(rig.manifests()) == 1
    assert "11 of 30 rows would go" in rig.item.run.held if rig.item.run is not None else False


async def test_ten_rows_may_always_go() -> None:
    rig = await new_rig(12)
    await rig.make()
    await rig.bench.arrive(*(says(f"p{number + 1}", 2) for number in range(10)))
    assert (await rig.make())["rows"] == 2


# Starts.


async def test_a_start_while_one_is_under_way_is_passed_over_until_nothing_came_of_that_for_long() -> None:
    rig = await new_rig(6, part_rows=2)
    rig.order(request="one")
    assert await rig.handle()
    for body in rig.queue.bodies():
        assert '"go"' in body
    while batch := rig.queue.receive(1):  # its continuation is lost
        rig.queue.delete(batch[0].receipt)
    rig.order(request="two")
    await rig.rest()
    assert rig.bench.said("extract.busy")
    assert rig.manifests() == []
    rig.bench.now += LEASE
    rig.order(request="three")
    await rig.rest()
    assert [made["number"] for made in rig.manifests()] == [2]


async def test_a_start_that_is_repeated_is_one_start() -> None:
    rig = await new_rig(1)
    rig.order(request="2027-01-15T03:00:00Z")
    await rig.rest()
    rig.order(request="2027-01-15T03:00:00Z")
    await rig.rest()
    assert len(rig.manifests()) == 1


async def test_a_start_that_is_repeated_after_another_one_is_still_one_start() -> None:
    rig = await new_rig(1)
    for request in ("2027-01-15T03:00:00Z", "by hand", "2027-01-15T03:00:00Z"):
        rig.order(request=request)
        await rig.rest()
    assert [made["number"] for made in rig.manifests()] == [1, 2]


async def test_a_full_extract_that_was_asked_for_stays_one_when_it_begins_again() -> None:
    rig = await new_rig(6, part_rows=2, **EVERY_WEEK)
    rig.acknowledge(await rig.make())
    for state, handled in (("state", 2), (None, 1)):  # other columns for a while, then those of before
        rig.order(full=True)
        for _ in range(handled):
            assert await rig.handle()
        options = {"extract": {"part_rows": 2, **EVERY_WEEK, **({"phase": state} if state else {})}}
        await rig.bench.publish(bundle({SERVICE: {"protocol": "extract", "endpoint": PLACE, **options}}))
        rig.bench.now += 60
    await rig.rest()
    assert {made["kind"] for made in rig.manifests()} == {"full"}


async def test_a_run_that_cannot_be_made_ends_with_its_reason_and_the_next_start_is_heard() -> None:
    rig = await new_rig(3, format="parquet")

    def missing(_: Layout) -> Writer:
        raise InvalidError("Parquet is not installed", right="the extra provisioning[parquet]")

    rig.parquet = missing
    rig.order()
    await rig.rest()
    (line,) = rig.bench.said("extract.given-up")
    assert "provisioning[parquet]" in line["reason"]
    assert (rig.item.run, rig.manifests(), rig.failed) == (None, [], False)
    assert "extract 1 was not published: Parquet is not installed" in rig.item.trouble
    rig.parquet = parquet_writer
    assert (await rig.make())["number"] == 2
    assert rig.item.trouble == ""


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"do":"sing"}', '{"do":"start","service":"library"}', '{"do":"start","service":7}',
             '{"do":"start","service":"nothing"}', '{"do":"go","service":"badges","number":9}'],
)  # fmt: skip
async def test_an_order_that_means_nothing_is_dropped(body: str) -> None:
    rig = await new_rig(1)
    rig.queue.send(body)
    await rig.rest()
    assert not rig.failed
    assert rig.files.kept == {}


async def test_what_cannot_be_done_now_comes_again() -> None:
    rig = await new_rig(1)
    rig.extracts = MemoryExtracts(rig.bench.store)  # it has no queue: nobody could go on
    rig.order()
    assert await rig.handle()
    assert rig.failed


# Deaths.
