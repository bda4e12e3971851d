"""Reconcile, killed anywhere or run twice at once: one report, and every account as it should be."""

from typing import Any

from provisioning.core.account import Condition
from provisioning.stages.message import Message
from provisioning.stages.reconcile import reconcile
from tests.delivery.watched import judge
from tests.stages.reconciling import REPAIRS, Rig, new_rig
from tests.stages.tenant import says


async def _scene() -> Rig:
    """Eleven people over several pages and several messages: one drifted, one deleted, a stranger, a foreign one."""
    rig = await new_rig(11, REPAIRS, pages=1)
    library = rig.bench.providers["library"]
    library.most = 5
    rig.bench.judges["library"] = judge(in_order=False)  # who died asks for the same page once more
    rig.bench.users()["login-p3"]["displayName"] = "Eve"
    del library.users[str(rig.bench.account(key="p8").known.remote_id)]
    library.plant("stranger")
    library.plant("guest", externalId="another-engines-mark")
    rig.bench.now += 3600
    rig.order(request="today")
    return rig


EXPECTED: dict[str, Any] = {"settled": 9, "drifted": 1, "missing": 1, "orphan": 1, "foreign": 1}


async def test_killed_at_any_await_it_goes_on_and_tells_and_mends_the_same() -> None:
    deaths = 0
    for at in range(1, 1000):
        rig = await _scene()
        died = await rig.bench.killed(rig.rest(), at)
        deaths += died
        await rig.rest()
        assert len(rig.item.ended) == 1, f"killed at await {at}"
        report = rig.report()
        assert (report["complete"], report["counts"]) == (True, EXPECTED), f"killed at await {at}"
        assert report["done"] == {"repair": 2}, f"killed at await {at}"
        assert rig.item.run is None
        await rig.bench.settle()
        users = rig.bench.users()
        assert len(users) == 13, f"killed at await {at}"
        assert users["login-p3"]["displayName"] == "Name of p3"
        conditions = {rig.bench.account(key=f"p{number}").condition for number in range(1, 12)}
        assert conditions == {Condition.SETTLED}, f"killed at await {at}"
        if not died:
            break
    assert deaths >= 60


async def test_files_of_a_run_are_gone_when_it_has_ended() -> None:
    rig = await _scene()
    await rig.rest()
    assert list(rig.reconciles.files) == ["library/000001/report.json"]


async def test_two_processes_that_do_the_same_step_make_one_report() -> None:
    rig = await _scene()
    for _ in range(40):
        bodies = rig.queue.bodies()
        if not bodies:
            break
        await rig.handle()
        twice = [Message(f"copy-{number}", body) for number, body in enumerate(bodies)]
        assert await reconcile(rig.shell(), twice) == frozenset()
    await rig.rest()
    assert (len(rig.item.ended), rig.report()["counts"]) == (1, EXPECTED)


async def test_a_run_whose_file_is_lost_is_given_up_and_the_next_one_is_begun() -> None:
    rig = await _scene()
    await rig.handle()
    await rig.handle()
    assert rig.item.run is not None
    rig.reconciles.files.clear()
    await rig.rest()
    assert (rig.last.complete, rig.last.problem) == (False, "a file of the run is lost")
    report = await rig.run()
    assert (report["number"], report["counts"]) == (2, EXPECTED)


async def test_a_run_on_which_nobody_works_any_more_gives_way_to_the_next_start() -> None:
    rig = await _scene()
    await rig.handle()
    while rig.queue.bodies():
        for item in rig.queue.receive(10):  # its continuation is lost
            rig.queue.delete(item.receipt)
    report = await rig.run()
    assert (report["number"], report["counts"]) == (2, EXPECTED)


async def test_a_delivery_that_wins_the_account_meanwhile_is_not_disturbed() -> None:
    rig = await _scene()

    async def delivered() -> None:
        await rig.bench.process.receive(says("p3", 2, "student", name="Ann"))
        await rig.bench.process.deliver("library", rig.bench.bell("library", "p3"))

    for _ in range(4):
        await rig.handle()
    await delivered()
    await rig.rest()
    await rig.bench.settle()
    assert rig.bench.users()["login-p3"]["displayName"] == "Ann"
    assert rig.report()["done"] == {"repair": 1, "left": 1}
