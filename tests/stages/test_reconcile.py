"""Reconciliation, on memory: what an SP lists is compared, and what follows is deliver's work."""

import json
from dataclasses import replace
from typing import Any

import pytest

from provisioning.core.account import Condition, Phase
from provisioning.core.bell import Cause
from provisioning.core.gate import Gate
from provisioning.protocols.dialogue import HttpResponse
from tests.stages.reconciling import REPAIRS, Rig, new_rig, of
from tests.stages.tenant import DAY, bundle, says


def user(rig: Rig, key: str = "p1") -> dict[str, Any]:
    return rig.bench.users()[f"login-{key}"]


async def test_accounts_that_are_as_they_should_be_are_settled_and_cost_no_write() -> None:
    rig = await new_rig(3)
    before = dict(rig.bench.store.accounts)
    report = await rig.mend()
    assert (report["complete"], report["counts"], report["accounts"]) == (True, {"settled": 3}, [])
    assert rig.bench.store.accounts == before


async def test_a_value_that_somebody_changed_is_named_and_put_right() -> None:
    rig = await new_rig(3)
    user(rig)["displayName"] = "Eve"
    report = await rig.mend()
    identity = rig.bench.identity().id
    assert of(report, "drifted") == [
        {"remote_id": rig.bench.account().known.remote_id, "identity": identity, "attributes": ["displayName"]}
    ]
    assert "Eve" not in str(report)
    assert (report["attributes"], report["done"]) == ({"displayName": 1}, {"repair": 1})
    assert user(rig)["displayName"] == "Name of p1"
    assert (rig.bench.account().condition, rig.bench.account().intent) == (Condition.SETTLED, None)
    assert (await rig.mend())["counts"] == {"settled": 3}


async def test_who_was_suspended_by_somebody_else_is_active_again() -> None:
    rig = await new_rig(1)
    user(rig)["active"] = False
    report = await rig.mend()
    assert of(report, "drifted")[0]["attributes"] == ["phase"]
    assert user(rig)["active"] is True


async def test_a_mark_that_was_taken_off_is_put_on_again() -> None:
    rig = await new_rig(2)
    del user(rig)["externalId"]
    report = await rig.mend()
    assert of(report, "drifted")[0]["attributes"] == ["mark"]
    assert user(rig)["externalId"] == rig.bench.identity().id


async def test_drift_of_attributes_that_are_not_ours_is_left() -> None:
    rig = await new_rig(1)
    user(rig)["nickName"] = "Annie"
    assert (await rig.mend())["counts"] == {"settled": 1}
    assert user(rig)["nickName"] == "Annie"


@pytest.mark.parametrize("strength", ["create", "fill"])
async def test_what_is_only_given_once_never_drifts(strength: str) -> None:
    account = {"userName": "person.login", "displayName": {"value": "person.name", "strength": strength}}
    rig = await new_rig(1, account=account)
    user(rig)["displayName"] = "Annie"
    assert (await rig.mend())["counts"] == {"settled": 1}
    assert user(rig)["displayName"] == "Annie"


async def test_an_account_that_was_deleted_is_made_again() -> None:
    rig = await new_rig(3)
    library = rig.bench.providers["library"]
    del library.users[str(rig.bench.account().known.remote_id)]
    report = await rig.mend()
    assert [each["identity"] for each in of(report, "missing")] == [rig.bench.identity().id]
    assert sorted(rig.bench.users()) == ["login-p1", "login-p2", "login-p3"]
    assert rig.bench.account().condition is Condition.SETTLED
    assert (await rig.mend())["counts"] == {"settled": 3}


async def test_by_default_everything_is_only_reported() -> None:
    rig = await new_rig(2, {})
    user(rig)["displayName"] = "Eve"
    library = rig.bench.providers["library"]
    del library.users[str(rig.bench.account(key="p2").known.remote_id)]
    library.plant("stranger")
    before = {name: dict(body) for name, body in rig.bench.users().items()}
    accounts = {identity: dict(held) for identity, held in rig.bench.store.accounts.items()}
    report = await rig.mend()
    assert report["counts"] == {"drifted": 1, "missing": 1, "orphan": 1}
    assert (rig.bench.users(), rig.bench.store.accounts, report["done"]) == (before, accounts, {})


async def test_what_is_parked_waits_for_a_person_and_is_not_touched() -> None:
    rig = await new_rig(2, {"drifted": "park", "missing": "park"})
    user(rig)["displayName"] = "Eve"
    del rig.bench.providers["library"].users[str(rig.bench.account(key="p2").known.remote_id)]
    report = await rig.mend()
    assert report["done"] == {"park": 2}
    assert rig.bench.account().condition is Condition.PARKED
    assert rig.bench.account().error == "reconciliation 1: the SP shows other values: displayName"
    assert rig.bench.account(key="p2").error == "reconciliation 1: the SP's list does not show the account"
    assert user(rig)["displayName"] == "Eve"
    await rig.bench.arrive(says("p1", 2, "student", name="Ann"), says("p2", 2, "student", name="Bob"))
    names = {name: body["displayName"] for name, body in rig.bench.users().items()}
    assert names == {"login-p1": "Ann", "login-p2": "Bob"}, "what is wanted next is delivered, after a look"


async def test_a_stranger_is_an_orphan_and_is_never_touched() -> None:
    rig = await new_rig(1, {**REPAIRS, "orphan": "park", "duplicate": "park"})
    planted = rig.bench.providers["library"].plant("stranger", displayName="Stranger")
    before = dict(rig.bench.users()["stranger"])
    report = await rig.mend()
    assert of(report, "orphan") == [{"remote_id": planted}]
    assert rig.bench.users()["stranger"] == before
    assert "Stranger" not in str(report)


async def test_an_account_with_anothers_mark_is_foreign_and_is_never_touched() -> None:
    rig = await new_rig(1, {**REPAIRS, "orphan": "park", "duplicate": "park"})
    planted = rig.bench.providers["library"].plant("guest", externalId="another-engines-mark")
    before = dict(rig.bench.users()["guest"])
    assert of(await rig.mend(), "foreign") == [{"remote_id": planted}]
    assert rig.bench.users()["guest"] == before


async def test_an_account_of_ours_that_was_given_anothers_mark_is_foreign_and_not_missing() -> None:
    rig = await new_rig(1)
    user(rig)["externalId"] = "another-engines-mark"
    report = await rig.mend()
    assert report["counts"] == {"foreign": 1}
    assert of(report, "foreign")[0]["identity"] == rig.bench.identity().id
    assert user(rig)["externalId"] == "another-engines-mark"


async def test_a_second_account_with_our_mark_or_our_name_is_a_duplicate() -> None:
    rig = await new_rig(2, {"duplicate": "park"})
    library, identity = rig.bench.providers["library"], rig.bench.identity().id
    library.unique = False
    marked = library.plant("other", externalId=identity)
    named = library.plant("LOGIN-P2")
    report = await rig.mend()
    found = {each["remote_id"]: each["identity"] for each in of(report, "duplicate")}
    assert found == {marked: identity, named: rig.bench.identity("p2").id}
    assert {rig.bench.account(key=key).condition for key in ("p1", "p2")} == {Condition.PARKED}
    assert len(library.users) == 4


async def test_an_account_with_our_mark_of_which_we_know_nothing_is_an_orphan_and_is_not_removed() -> None:
    rig = await new_rig(1, {**REPAIRS, "orphan": "adopt"})
    await rig.bench.arrive(says("p1", 2))
    rig.bench.now += 31 * DAY
    await rig.bench.sweep()
    await rig.bench.settle()
    assert rig.bench.users() == {}
    rig.bench.providers["library"].plant("login-p1", externalId=rig.bench.identity().id)
    report = await rig.mend()
    assert of(report, "orphan")[0]["identity"] == rig.bench.identity().id
    assert list(rig.bench.users()) == ["login-p1"], "found is not a reason to remove"


async def test_an_orphan_is_adopted_only_by_the_services_own_rule() -> None:
    for adopt, adopted in (("never", False), ("match", True)):
        rig = await new_rig(0, {"orphan": "adopt"}, adopt="never")
        planted = rig.bench.providers["library"].plant("login-p1")
        await rig.bench.arrive(says("p1", 1, "student"))
        assert rig.bench.account().condition is Condition.PARKED
        await _republish(rig, adopt)
        await rig.mend()
        held = rig.bench.account().known.remote_id
        assert (held == planted) is adopted, adopt
        assert ("externalId" in rig.bench.users()["login-p1"]) is adopted


async def _republish(rig: Rig, adopt: str) -> None:
    await rig.bench.publish(bundle({"library": {"reconcile": {"orphan": "adopt"}, "adopt": adopt}}))


async def test_an_account_whose_delivery_is_under_way_is_left_to_it() -> None:
    rig = await new_rig(2)
    user(rig)["displayName"] = "Eve"
    rig.bench.now += 3600
    await rig.bench.process.receive(says("p1", 2, "student", name="Ann"))
    await rig.bench.process.deliver("library", rig.bench.bell("library"))
    user(rig)["displayName"] = "Eve"
    rig.bench.drain()
    rig.order()
    await rig.rest()
    assert rig.report()["counts"] == {"open": 1, "settled": 1}
    assert rig.bench.waiting("library") == []


async def test_several_pages_are_read_and_ours_are_read_by_pages_too() -> None:
    rig = await new_rig(30)
    rig.bench.providers["library"].most = 7
    calls = len(rig.bench.calls)
    before = rig.bench.store.requests.copy()
    report = await rig.run()
    assert report["counts"] == {"settled": 30}
    spent = rig.bench.store.requests - before
    assert len(rig.bench.calls) - calls == 5, "seven on the first page, six on each of the others"
    # One read of accounts for each page, one query for each shard, and what the run itself keeps.
    assert spent["Query"] == 8
    assert spent["BatchGetItem"] == 5 + 1
    assert spent["GetObject"] <= 3
    assert spent["PutItem"] <= 6


async def test_a_list_that_ends_too_early_proves_nobody_missing() -> None:
    rig = await new_rig(12)
    library = rig.bench.providers["library"]
    library.most = 5
    gone = str(rig.bench.account(key="p12").known.remote_id)
    del library.users[gone]
    rig.bench.steps["library"].append(_half)
    report = await rig.mend()
    assert not report["complete"]
    assert report["problem"] == "the list changed while it was read, and the place in it was lost"
    assert report["counts"] == {"settled": 5}
    assert rig.bench.waiting("library") == []
    assert gone not in library.users


def _half(provider: Any, request: Any) -> Any:
    answer = provider.answer(request)
    body = json.loads(answer.body)
    ours = json.dumps({**body, "Resources": body["Resources"][:5]})
    provider.most = 0  # and nothing more
    return HttpResponse(answer.status, answer.headers, ours.encode())


@pytest.mark.parametrize("status", [403, 500, 501])
async def test_an_sp_that_shows_nothing_leads_to_nothing(status: int) -> None:
    rig = await new_rig(3)

    def refuse(provider: Any, request: Any) -> Any:
        return HttpResponse(status)

    rig.bench.steps["library"].extend([refuse] * 20)
    report = await rig.mend()
    assert (report["complete"], report["counts"], report["shown"]) == (False, {}, 0)
    assert str(status) in report["problem"]
    assert rig.bench.account().condition is Condition.SETTLED


async def test_an_empty_list_is_believed_only_in_so_far_as_everybody_is_looked_for() -> None:
    rig = await new_rig(3)

    def nobody(provider: Any, request: Any) -> Any:
        return HttpResponse(200, {}, b'{"totalResults": 0, "Resources": []}')

    rig.bench.steps["library"].append(nobody)
    users = {name: dict(body) for name, body in rig.bench.users().items()}
    report = await rig.mend()
    assert report["counts"] == {"missing": 3}
    assert rig.bench.users() == users
    assert {rig.bench.account(key=f"p{number}").condition for number in (1, 2, 3)} == {Condition.SETTLED}


async def test_a_paused_service_is_not_asked() -> None:
    rig = await new_rig(1)
    calls = len(rig.bench.calls)
    rig.bench.store.gates["library"] = replace(rig.bench.store.gates.get("library", Gate()), paused="maintenance")
    report = await rig.run()
    assert (len(rig.bench.calls), report["complete"]) == (calls, False)
    assert report["problem"] == "the service is paused: maintenance"


async def test_repairs_ring_deliver_and_say_why() -> None:
    rig = await new_rig(2)
    user(rig)["displayName"] = "Eve"
    await rig.run()
    (bell,) = rig.bench.waiting("library")
    assert (bell.identity, bell.cause, bell.service) == (rig.bench.identity().id, Cause.RECONCILIATION, "library")
    account = rig.bench.account()
    assert (account.condition, account.known.phase) == (Condition.UNKNOWN, Phase.ACTIVE)


async def test_one_reconciliation_of_a_service_at_a_time() -> None:
    rig = await new_rig(3)
    rig.bench.now += 3600
    for request in ("one", "two", "one"):
        rig.order(request=request)
    await rig.rest()
    assert [summary.number for summary in rig.item.ended] == [1]
    assert len(rig.bench.said("reconcile.busy")) == 1


async def test_an_attribute_of_which_the_sp_shows_nothing_of_anybody_is_not_written_for_ever() -> None:
    rig = await new_rig(6)
    for body in rig.bench.users().values():
        del body["displayName"]
    report = await rig.mend()
    assert (report["counts"], report["unkept"]) == ({"settled": 6}, ["displayName"])
