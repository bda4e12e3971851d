"""A service that requires another: no account before that one's, and none forgotten."""

from provisioning.core.account import Condition
from tests.stages.bench import Bench, new_bench
from tests.stages.steps import refused
from tests.stages.tenant import bundle, rule, says

RULES = [
    rule("readers", "library", 'affiliation.type == "student"'),
    rule("editors", "wiki", 'affiliation.type == "student"'),
]


async def decided_both() -> Bench:
    """Both services are decided for p1, and nothing is delivered; the wiki requires the library."""
    bench = await new_bench(bundle({"wiki": {"requires": ["library"]}}, rules=RULES))
    await bench.process.receive(says("p1", 1, "student"))
    bench.drain()
    return bench


async def test_an_account_waits_without_a_write_until_the_one_that_it_requires_is_there() -> None:
    bench = await decided_both()
    with bench.counted() as costs:
        await bench.deliver("wiki")
    assert (dict(costs), bench.users("wiki")) == ({"BatchGetItem": 1}, {})
    assert bench.said("deliver.waits")[0]["requires"] == ["library"]
    await bench.deliver("library")
    await bench.settle()
    assert list(bench.users("wiki")) == ["login-p1"]


async def test_while_the_required_one_fails_nothing_is_made_and_then_both_are() -> None:
    bench = await decided_both()
    bench.steps["library"].append(refused)
    await bench.deliver("library")
    await bench.deliver("wiki")
    assert bench.users("wiki") == {}
    await bench.settle()
    assert (list(bench.users()), list(bench.users("wiki"))) == (["login-p1"], ["login-p1"])


async def test_who_dies_between_its_write_and_its_rings_leaves_nobody_waiting() -> None:
    bench = await decided_both()
    await bench.deliver("library")
    bench.drain()  # the bell for the wiki is lost with the one who was to ring it
    await bench.deliver("library")  # its message comes again, and finds nothing to do
    await bench.settle()
    assert list(bench.users("wiki")) == ["login-p1"]


async def test_an_account_that_is_there_is_changed_and_removed_whatever_it_requires() -> None:
    bench = await decided_both()
    await bench.deliver("library")
    await bench.settle()
    del bench.store.accounts[bench.identity().id]["library"]
    await bench.version(2, "student", name="Another")
    await bench.deliver("wiki")
    assert bench.users("wiki")["login-p1"]["displayName"] == "Another"
    assert bench.account("wiki").condition is Condition.SETTLED
