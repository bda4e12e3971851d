"""Extract: what deliver staged reaches the SP as files, whole, once, and never after what was not said."""

from provisioning.core.extract import LATENCY
from tests.stages.extracting import EVERY_WEEK, PLACE, SERVICE, new_rig
from tests.stages.tenant import DAY, bundle, says


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
