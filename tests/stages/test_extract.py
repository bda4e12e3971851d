"""Extract: what deliver staged reaches the SP as files, whole, once, and never after what was not said."""

import csv
import hashlib
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from provisioning.adapters.delivery.files import parquet_writer
from provisioning.adapters.memory.files import MemoryExtracts, MemoryFiles
from provisioning.adapters.memory.policies import MemoryPolicies
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.core.errors import InvalidError
from provisioning.core.extract import LATENCY, LEASE, Extracts
from provisioning.core.extract_rows import Layout
from provisioning.core.extract_writer import MakeWriter, Writer
from provisioning.core.wire import read_json
from provisioning.stages.extract import Extract, extract
from provisioning.stages.extract_orders import Do, Order, write_order
from provisioning.stages.message import Message
from tests.stages.bench import VISIBILITY, Bench, new_bench
from tests.stages.tenant import DAY, bundle, says

PLACE = "s3:///badges"
SERVICE = "badges"
EVERY_WEEK: dict[str, Any] = {"full_every": "P7D"}


class Rig:
    """A bench whose badges are an extract, and the process that makes it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.queue = MemoryQueue(bench.clock, visibility=VISIBILITY)
        self.files = MemoryFiles(bench.checkpoint)
        self.extracts = MemoryExtracts(bench.store, self.queue, bench.checkpoint)
        self.failed = False
        self.parquet: MakeWriter = parquet_writer

    def shell(self) -> Extract:
        bench = self.bench
        policies = MemoryPolicies(bench.publishing, bench.clock, bench.checkpoint)
        return Extract(bench.store, self.extracts, self.extracts, self.files, policies, self.parquet, bench.say)

    def order(self, do: Do = Do.START, **fields: Any) -> None:
        self.queue.send(write_order(Order(do, SERVICE, **fields)))

    async def handle(self) -> bool:
        """Take one message; False if there is none now. A message is gone only if its handler says so."""
        batch = self.queue.receive(1)
        for item in batch:
            message = Message(item.id, item.body, again=item.receives > 1)
            self.failed = bool(await extract(self.shell(), [message], int(self.bench.now)))
            if not self.failed:
                self.queue.delete(item.receipt)
        return bool(batch)

    async def rest(self) -> None:
        for _ in range(500):
            if not await self.handle():
                upcoming = self.queue.next_at()
                if upcoming is None:
                    return
                self.bench.now = max(self.bench.now, upcoming)
        raise AssertionError("no rest")

    async def make(self, **fields: Any) -> dict[str, Any]:
        """One extract; its manifest."""
        self.bench.now += LATENCY
        before = len(self.manifests())
        self.order(**fields)
        await self.rest()
        made = self.manifests()[before:]
        assert len(made) == 1, self.bench.lines[-5:]
        return made[0]

    def manifests(self) -> list[dict[str, Any]]:
        found = [read_json(body.decode(), "", 10**6) for (_, name), body in sorted(self.files.kept.items())
                 if name.endswith("/manifest.json")]  # fmt: skip
        return sorted(found, key=lambda manifest: int(manifest["number"]))

    def acknowledge(self, manifest: dict[str, Any]) -> None:
        self.files.kept[PLACE, f"{folder(manifest)}/manifest.json.ack"] = b""

    def rows(self, manifest: dict[str, Any]) -> list[dict[str, str]]:
        """The rows of an extract in CSV, checked as a consumer does."""
        found: list[dict[str, str]] = []
        for part in manifest["parts"]:
            body = self.files.kept[PLACE, f"{folder(manifest)}/{part['name']}"]
            rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
            assert (len(rows), len(body), hashlib.sha256(body).hexdigest()) == (
                part["rows"], part["bytes"], part["sha256"],
            )  # fmt: skip
            assert list(rows[0]) == manifest["schema"]["columns"]
            found += rows
        assert len(found) == manifest["rows"]
        return found

    def logins(self, manifest: dict[str, Any]) -> list[str]:
        return sorted(row["login"] for row in self.rows(manifest))

    @property
    def item(self) -> Extracts:
        return self.extracts.kept[SERVICE]


def folder(manifest: dict[str, Any]) -> str:
    return f"{manifest['number']:06d}-{manifest['kind']}"


async def new_rig(people: int = 3, lifecycle: dict[str, Any] | None = None, **options: Any) -> Rig:
    """People with a badge, staged."""
    service = {"protocol": "extract", "endpoint": PLACE, "extract": options, "lifecycle": lifecycle or {}}
    messages = [says(f"p{number + 1}", 1, "visitor") for number in range(people)]
    return Rig(await new_bench(bundle({SERVICE: service}), messages))


async def test_a_delivery_settles_the_account_when_its_row_is_staged() -> None:
    rig = await new_rig(1)
    account = rig.bench.account(SERVICE)
    assert (account.condition, account.known.staged, account.changed_at) == ("settled", True, int(rig.bench.now))
    assert account.known.values == {"login": "login-p1"}
    assert rig.files.kept == {}


async def test_a_full_extract_has_every_row_and_a_manifest_that_says_so() -> None:
    rig = await new_rig(3)
    made = await rig.make()
    assert rig.logins(made) == ["login-p1", "login-p2", "login-p3"]
    assert {row["phase"] for row in rig.rows(made)} == {"active"}
    assert (made["kind"], made["rows"], made["removed"], made["since"]) == ("full", 3, 0, None)
    assert list(rig.files.kept)[-1][1].endswith("manifest.json"), "the manifest comes last"


async def test_publication_writes_no_account() -> None:
    rig = await new_rig(18, part_rows=5)
    before = dict(rig.bench.store.accounts)
    with rig.bench.counted() as counts:
        made = await rig.make()
    assert rig.bench.store.accounts == before
    parts = len(made["parts"])
    assert parts >= 4
    assert counts["PutItem"] == parts + 2  # begun, a part each, published
    assert counts["BatchGetItem"] <= parts


async def test_parts_have_no_more_rows_than_the_service_says() -> None:
    rig = await new_rig(11, part_rows=4)
    made = await rig.make()
    assert [part["rows"] for part in made["parts"]] == [4, 4, 3]
    assert len(rig.logins(made)) == 11


async def test_only_the_population_is_in_the_file() -> None:
    rig = await new_rig(2, {"retention": "P30D"}, phases=["active"])
    await rig.bench.arrive(says("p1", 2))
    assert rig.bench.account(SERVICE).known.phase == "suspended"
    assert rig.logins(await rig.make()) == ["login-p2"]


async def test_without_an_acknowledgement_every_extract_is_a_full_one() -> None:
    rig = await new_rig(2, **EVERY_WEEK)
    assert [(await rig.make())["kind"] for _ in range(2)] == ["full", "full"]


async def test_a_delta_has_what_changed_since_the_acknowledged_extract_and_deletions() -> None:
    rig = await new_rig(4, **EVERY_WEEK)
    first = await rig.make()
    rig.acknowledge(first)
    rig.bench.now += 10
    await rig.bench.arrive(says("p5", 1, "visitor"), says("p2", 2), says("p3", 2, "visitor", login="new"))
    for _ in range(2):  # until the delta is acknowledged, the next one begins where it did
        made = await rig.make()
        assert (made["kind"], made["since"]["number"], made["removed"]) == ("delta", first["number"], 1)
        found = {(row["operation"], row["login"], row["phase"]) for row in rig.rows(made)}
        assert found == {("put", "login-p5", "active"), ("delete", "login-p2", "absent"), ("put", "new", "active")}
    rig.acknowledge(made)
    assert (await rig.make())["rows"] == 0


async def test_a_row_that_left_the_population_is_deleted_by_a_delta() -> None:
    rig = await new_rig(2, {"retention": "P30D"}, phases=["active"], **EVERY_WEEK)
    rig.acknowledge(await rig.make())
    rig.bench.now += 10
    await rig.bench.arrive(says("p1", 2))
    assert [(row["operation"], row["login"]) for row in rig.rows(await rig.make())] == [("delete", "login-p1")]


async def test_an_older_acknowledgement_does_not_move_the_base_back() -> None:
    rig = await new_rig(1, **EVERY_WEEK)
    first, second = await rig.make(), await rig.make()
    rig.acknowledge(second)
    await rig.make()
    rig.acknowledge(first)
    assert (await rig.make())["since"]["number"] == second["number"]


async def test_a_full_extract_is_due_by_the_calendar_or_when_asked_for() -> None:
    rig = await new_rig(1, **EVERY_WEEK)
    rig.acknowledge(await rig.make())
    assert (await rig.make())["kind"] == "delta"
    assert (await rig.make(full=True))["kind"] == "full"
    rig.bench.now += 7 * DAY
    assert (await rig.make())["kind"] == "full"


async def test_other_columns_make_a_full_extract_necessary() -> None:
    rig = await new_rig(1, **EVERY_WEEK)
    rig.acknowledge(await rig.make())
    assert (await rig.make())["kind"] == "delta"
    service = {"protocol": "extract", "endpoint": PLACE, "extract": {**EVERY_WEEK, "phase": "state"}}
    await rig.bench.publish(bundle({SERVICE: service}))
    rig.bench.now += 60
    made = await rig.make()
    assert (made["kind"], made["schema"]["columns"]) == ("full", ["operation", "identity", "login", "state"])


async def test_a_bundle_with_other_columns_makes_the_extract_that_is_under_way_begin_again() -> None:
    rig = await new_rig(6, part_rows=2)
    rig.bench.now += LATENCY
    rig.order()
    assert await rig.handle()
    assert await rig.handle()
    service = {"protocol": "extract", "endpoint": PLACE, "extract": {"phase": "state"}}
    await rig.bench.publish(bundle({SERVICE: service}))
    await rig.rest()
    (made,) = rig.manifests()
    assert (made["number"], made["schema"]["columns"]) == (2, ["identity", "login", "state"])
    assert len(rig.logins(made)) == 6


# What shrinks is held.


async def shrunk(people: int = 30) -> Rig:
    """A rig with an extract that is held: half of its rows would go."""
    rig = await new_rig(people)
    await rig.make()
    await rig.bench.arrive(*(says(f"p{number + 1}", 2) for number in range(people // 2)))
    rig.bench.now += LATENCY
    rig.order()
    await rig.rest()
    return rig


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
