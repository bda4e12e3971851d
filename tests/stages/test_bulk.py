"""A batch of deliveries to an SP that takes bulks: one call for what the ten have to say at the same time."""

import json

from provisioning.adapters.delivery.bulk import Bulking
from provisioning.adapters.delivery.driver import Courier
from provisioning.core.account import Condition
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Answer, HttpRequest, HttpResponse
from tests.stages.bench import Bench, decided

TEN = [f"p{number}" for number in range(1, 11)]


async def bulk_bench() -> Bench:
    bench = await decided(people=10, services={"library": {"scim": {"bulk": {"operations": 50, "payload": 90_000}}}})
    library = bench.providers["library"]

    async def call(service: Service, request: HttpRequest, _within: float) -> Answer:
        await bench.checkpoint()
        bench.calls.append((service.id, request.method, request.path))
        if request.path != "/Bulk":
            return library.answer(request)
        results = []
        for each in request.body["Operations"]:
            answer = library.answer(HttpRequest(each["method"], each["path"], {}, {}, each.get("data")))
            shown = {"response": json.loads(answer.body)} if answer.body else {}
            results.append({"bulkId": each["bulkId"], "method": each["method"], "status": str(answer.status), **shown})
        return HttpResponse(200, {}, json.dumps({"Operations": results}).encode())

    bulking = Bulking(call)
    bench.courier = Courier(bulking, bench.courier.send, together=bulking.take_part)
    return bench


async def test_ten_creates_are_one_call_although_each_has_its_own_intent() -> None:
    bench = await bulk_bench()
    assert await bench.deliver("library", *TEN) == frozenset()
    assert bench.calls == [("library", "POST", "/Bulk")]
    assert {bench.account(key=key).condition for key in TEN} == {Condition.SETTLED}
    assert len(bench.users()) == 10


async def test_those_that_have_nothing_to_say_keep_nobody_waiting() -> None:
    bench = await bulk_bench()
    await bench.deliver("library", *TEN[:8])
    await bench.deliver("library", *TEN)
    assert [path for _, _, path in bench.calls] == ["/Bulk", "/Bulk"]
    assert len(bench.users()) == 10


async def test_a_delivery_that_dies_before_the_bulk_is_answered_leaves_no_second_account() -> None:
    for at in range(1, 60):
        bench = await bulk_bench()
        died = await bench.killed(bench.process.deliver("library", *(bench.bell("library", key) for key in TEN)), at)
        await bench.deliver("library", *TEN)
        await bench.settle()
        assert len(bench.providers["library"].users) == 10, at
        assert {bench.account(key=key).condition for key in TEN} == {Condition.SETTLED}, at
        if not died:
            return
    raise AssertionError("more awaits than expected")
