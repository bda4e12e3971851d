"""Reconciliation through the whole stage, at scim2-server and at an SP that enforces what real ones do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.protocols.dialogue import HttpResponse
from provisioning.protocols.scim_calls import delete, patch, place_of
from tests.delivery.conftest import Provider, no_queue, read_secret
from tests.delivery.grader import Grader
from tests.delivery.scim_sp import Rules, Sp, running
from tests.stages.bench import Process, new_bench
from tests.stages.reconciling import REPAIRS, Rig, of
from tests.stages.tenant import bundle, says

ACCOUNT = {"userName": "person.login", "displayName": "person.name", 'emails[type eq "work"].value': "person.login"}


async def rig_at(url: str, courier: Courier, people: int, **fields: Any) -> Rig:
    """People with an account at this SP."""
    service = {"endpoint": url, "secret": "library", "account": ACCOUNT, "reconcile": REPAIRS, **fields}
    bench = await new_bench(bundle({"library": service}))
    bench.courier = courier
    bench.process = Process(bench)
    await bench.arrive(*(says(f"p{number + 1}", 1, "student") for number in range(people)))
    return Rig(bench)


async def test_at_a_third_partys_server_accounts_are_listed_compared_and_mended(
    provider: Provider, courier: Courier
) -> None:
    rig = await rig_at(provider.url, courier, 7, scim={"page": 3})
    assert (await rig.run())["counts"] == {"settled": 7}
    remote = {key: str(rig.bench.account(key=key).known.remote_id) for key in ("p1", "p2", "p3")}
    held = {user["userName"]: user for user in provider.users}
    assert len(held) == 7
    await change(rig, "PATCH", remote["p1"], [{"op": "replace", "path": "displayName", "value": "Eve"}])
    await change(rig, "PATCH", remote["p2"], [{"op": "replace", "path": "active", "value": False}])
    await change(rig, "DELETE", remote["p3"])
    report = await rig.mend()
    assert report["complete"]
    assert report["counts"] == {"drifted": 2, "missing": 1, "settled": 4}
    assert {tuple(each["attributes"]) for each in of(report, "drifted")} == {("displayName",), ("phase",)}
    held = {user["userName"]: user for user in provider.users}
    assert len(held) == 7
    assert held["login-p1"]["displayName"] == "Name of p1"
    assert held["login-p2"]["active"] is True
    assert (await rig.mend())["counts"] == {"settled": 7}


async def change(rig: Rig, method: str, remote_id: str, operations: list[dict[str, Any]] | None = None) -> None:
    """Somebody else at work."""
    policy = await rig.shell().policies.current()
    place = place_of("Users", remote_id)
    request = delete(place, None) if method == "DELETE" else patch(place, operations or [], None)
    answer = await rig.bench.courier.call(policy.services["library"], request, 10.0)
    assert isinstance(answer, HttpResponse)
    assert answer.status in (200, 204), answer


@asynccontextmanager
async def at_our_sp(rules: Rules, people: int, scim: dict[str, Any]) -> AsyncIterator[tuple[Rig, Sp]]:
    sp = Sp(rules)
    caller = HttpCaller(Secrets(read_secret))
    with running(Grader(sp, removes_values=rules.remove_member == "value")) as url:
        yield await rig_at(url, Courier(caller, no_queue), people, scim=scim), sp
        await caller.close()


@pytest.mark.parametrize(
    ("rules", "scim"),
    [
        (Rules(most=3), {"page": 3}),
        (Rules(most=3), {"page": 100}),
        (Rules(most=3, counted=False), {"page": 3}),
        (Rules(most=3, paging="rewinds"), {"page": 3}),
        (Rules(most=3, paging="cursor"), {"page": 3, "paging": "cursor"}),
        (Rules(most=3, paging="unasked"), {"page": 3}),
        (Rules(most=100, paging="deaf"), {"paging": "none"}),
        (Rules(most=100, one_entry=True), {"single_valued": True}),
    ],
)
async def test_whatever_way_an_sp_has_of_listing_everybody_is_seen(rules: Rules, scim: dict[str, Any]) -> None:
    async with at_our_sp(rules, 10, scim) as (rig, sp):
        assert (await rig.run())["counts"] == {"settled": 10}
        gone = str(rig.bench.account(key="p4").known.remote_id)
        del sp.users[gone]
        sp.users[str(rig.bench.account(key="p5").known.remote_id)]["displayName"] = "Eve"
        sp.plant(None, userName="stranger")
        report = await rig.mend()
        assert (report["complete"], report["counts"]) == (
            True, {"drifted": 1, "missing": 1, "orphan": 1, "settled": 8},
        )  # fmt: skip
        assert (await rig.mend())["counts"] == {"orphan": 1, "settled": 10}


async def test_an_sp_that_always_shows_the_same_page_proves_nobody_missing() -> None:
    async with at_our_sp(Rules(most=3, paging="deaf"), 10, {"page": 3}) as (rig, sp):
        report = await rig.mend()
        assert (report["complete"], report["counts"]) == (False, {"settled": 3})
        assert len(sp.users) == 10


async def test_an_sp_whose_lists_show_little_is_not_written_to_for_ever() -> None:
    async with at_our_sp(Rules(sparse=True), 6, {}) as (rig, _):
        report = await rig.mend()
        assert report["counts"] == {"settled": 6}
        assert report["unkept"] == ['emails[type eq "work"].value']


async def test_what_an_sp_hides_of_the_suspended_is_no_drift() -> None:
    async with at_our_sp(Rules(obfuscates=True), 2, {"hides_suspended": True}) as (rig, _):
        await rig.bench.arrive(says("p1", 2))
        assert (await rig.mend())["counts"] == {"settled": 2}


async def test_who_was_removed_from_an_sp_that_only_deactivates_is_settled() -> None:
    async with at_our_sp(Rules(delete="deactivates"), 2, {"delete": "deactivates"}) as (rig, sp):
        await rig.bench.arrive(says("p1", 2))
        rig.bench.now += 31 * 86400
        await rig.bench.sweep()
        await rig.bench.settle()
        assert len(sp.users) == 2
        assert (await rig.mend())["counts"] == {"settled": 2}
