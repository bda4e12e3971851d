"""A conflict of duties that a person must end: what is not in dispute is delivered, and the account is parked."""

from typing import Any

from provisioning.core.account import Condition, Phase
from tests.stages.bench import Bench
from tests.stages.tenant import bundle, says

EXCLUSION: dict[str, Any] = {
    "id": "edit-or-administer",
    "between": [
        {"service": "wiki", "authorizations": ["edit"]},
        {"service": "wiki", "authorizations": ["admin"]},
    ],
    "resolve": "park",
    "because": "Nobody reviews their own pages.",
}


async def disputed(*kinds: str, tags: tuple[str, ...] = (), **changes: Any) -> Bench:
    bench = Bench()
    await bench.publish(bundle(exclusions=[{**EXCLUSION, **changes}]))
    await bench.arrive(says("p1", 1, *kinds, tags=list(tags)))
    return bench


async def test_what_is_held_stays_and_is_kept_up_to_date_and_the_conflict_waits_for_a_person() -> None:
    bench = await disputed("staff")
    assert bench.members() == {"editors": ["login-p1"]}
    await bench.arrive(says("p1", 2, "staff", tags=["admin"], name="Another"))
    account = bench.account("wiki")
    assert (account.condition, account.error) == (
        Condition.PARKED, "edit-or-administer: conflicts with wiki [edit]",
    )  # fmt: skip
    assert bench.members()["editors"] == ["login-p1"]
    assert bench.members().get("administrators", []) == []
    assert bench.users("wiki")["login-p1"]["displayName"] == "Another"
    await bench.arrive(says("p1", 3, tags=["admin"], name="Another"))
    assert bench.account("wiki").condition is Condition.SETTLED
    assert bench.members() == {"editors": [], "administrators": ["login-p1"]}


async def test_an_account_that_would_only_hold_what_is_in_dispute_is_not_made_and_yet_is_listed() -> None:
    between = [{"service": "library"}, {"service": "wiki"}]
    bench = await disputed("student", "staff", between=between)
    assert (bench.users("wiki"), bench.users("library")) == ({}, {})
    for service, other in (("library", "wiki"), ("wiki", "library")):
        account = bench.account(service)
        assert (account.known.phase, account.condition) == (Phase.ABSENT, Condition.PARKED)
        assert account.error == f"edit-or-administer: conflicts with {other}"
    calls = len(bench.calls)
    await bench.deliver("wiki")
    assert len(bench.calls) == calls
    await bench.arrive(says("p1", 2, "staff"))
    assert list(bench.users("wiki")) == ["login-p1"]
    assert bench.account("library").condition is Condition.SETTLED


async def test_an_urgent_deny_deletes_the_account_at_once() -> None:
    bench = Bench()
    rules = bundle().model_dump(mode="json", by_alias=True)["rules"]
    expelled = {"id": "expelled", "service": "library", "who": '"expelled" in person.tags', "deny": True,
                "urgent": True, "because": "so"}  # fmt: skip
    await bench.publish(bundle(rules=[*rules, expelled]))
    await bench.arrive(says("p1", 1, "student", tags=[]))
    assert list(bench.users()) == ["login-p1"]
    await bench.version(2, "student", tags=["expelled"])
    await bench.settle(until=bench.now + 1)
    assert bench.users() == {}
