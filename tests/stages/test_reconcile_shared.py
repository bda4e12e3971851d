"""Two engines that share one SP, each with accounts of its own: what one reconciles never touches the other's."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.core.account import Account
from tests.simulation.provider import Provider
from tests.stages.bench import Bench
from tests.stages.reconciling import Rig, of
from tests.stages.tenant import DAY, bundle, says

BOLDEST = {"drifted": "repair", "missing": "repair", "orphan": "adopt", "duplicate": "park"}


class Engine(Bench):
    """One engine. `name`: of its identities."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def new_identity(self) -> str:
        return f"{self.name}-{super().new_identity()}"


async def _two(people: int = 5) -> tuple[Rig, Rig]:
    """Two engines, each as bold as it may be, and their people at one library."""
    rigs = []
    for name in ("a", "b"):
        engine = Engine(name)
        await engine.publish(bundle({"library": {"reconcile": BOLDEST, "adopt": "match"}}))
        rigs.append(Rig(engine))
    one, other = rigs
    other.bench.providers["library"] = one.bench.providers["library"]
    await one.bench.arrive(*(says(f"p{number}", 1, "student") for number in range(people)))
    await other.bench.arrive(*(says(f"q{number}", 1, "student") for number in range(people)))
    return one, other


def _held(rig: Rig, letter: str) -> dict[str, Any]:
    return {name: deepcopy(body) for name, body in rig.bench.users().items() if name.startswith(f"login-{letter}")}


def _accounts(rig: Rig) -> dict[str, Account]:
    return {identity: held["library"] for identity, held in rig.bench.store.accounts.items()}


async def test_the_others_accounts_are_foreign_and_one_settles_by_itself() -> None:
    one, other = await _two()
    for rig in (one, other):
        assert (await rig.mend())["counts"] == {"settled": 5, "foreign": 5}
    assert len(one.bench.users()) == 10


async def test_whatever_happened_to_the_others_accounts_is_the_others_business() -> None:
    one, other = await _two()
    library = one.bench.providers["library"]
    other.bench.users()["login-q1"]["displayName"] = "Eve"
    other.bench.users()["login-q2"]["active"] = False
    del library.users[str(other.bench.account(key="q3").known.remote_id)]
    before = _held(one, "q")
    touched = len(library.touched)
    report = await one.mend()
    assert report["counts"] == {"settled": 5, "foreign": 4}
    assert (_held(one, "q"), len(library.touched)) == (before, touched)
    assert (await other.mend())["counts"] == {"settled": 2, "drifted": 2, "missing": 1, "foreign": 5}
    assert len(one.bench.users()) == 10
    assert other.bench.users()["login-q1"]["displayName"] == "Name of q1"


async def test_after_everybody_of_one_is_gone_its_reconciliation_leaves_the_others_alone() -> None:
    one, other = await _two()
    await one.bench.arrive(*(says(f"p{number}", 2) for number in range(5)))
    one.bench.now += 31 * DAY
    await one.bench.sweep()
    await one.bench.settle()
    before = _held(other, "q")
    assert (await one.mend())["counts"] == {"foreign": 5}
    assert _held(other, "q") == before


_HARMS = st.sampled_from(["rename", "suspend", "delete", "unmark", "remark", "plant", "copy"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_HARMS, st.integers(0, 9)), max_size=8), st.booleans())
async def test_whatever_is_done_at_the_sp_neither_changes_nor_removes_what_is_not_its_own(
    harms: list[tuple[str, int]], halved: bool
) -> None:
    one, _ = await _two()
    library = one.bench.providers["library"]
    library.unique = False
    for number, (harm, which) in enumerate(harms):
        _harm(library, harm, which, number)
    library.most = 3
    mine = {account.known.remote_id for account in _accounts(one).values()}
    identities = {*one.bench.store.identities}
    others = {
        user.id: deepcopy(user.body)
        for user in library.users.values()
        if user.id not in mine and user.body.get("externalId") not in identities and not _is_adoptable(user.body)
    }
    if halved:
        one.bench.steps["library"].append(_half)
    await one.mend()
    await one.mend()
    assert {id_: body for id_, body in _now(one).items() if id_ in others} == others
    assert mine & {*library.users} <= {*_now(one)}
    assert "DELETE" not in {method for _, method, _ in one.bench.calls}


def _harm(library: Provider, harm: str, which: int, number: int) -> None:
    users = list(library.users.values())
    if not users:
        return
    user = users[which % len(users)]
    match harm:
        case "rename":
            user.body["displayName"] = f"Eve {number}"
        case "suspend":
            user.body["active"] = False
        case "delete":
            del library.users[user.id]
        case "unmark":
            user.body.pop("externalId", None)
        case "remark":
            user.body["externalId"] = users[0].body.get("externalId")
        case "plant":
            library.plant(f"stranger-{number}", displayName="Stranger")
        case "copy":
            library.plant(user.body["userName"], externalId=user.body.get("externalId"))


def _is_adoptable(body: dict[str, Any]) -> bool:
    """Whether the operator's own rule lets it be taken over: nobody's, with the match value of one of ours."""
    return body.get("externalId") is None and body["userName"].startswith("login-p")


def _now(rig: Rig) -> dict[str, Any]:
    return {user.id: user.body for user in rig.bench.providers["library"].users.values()}


def _half(provider: Any, request: Any) -> Any:
    answer = provider.answer(request)
    body = json.loads(answer.body)
    half = {**body, "Resources": body["Resources"][: len(body["Resources"]) // 2]}
    return type(answer)(answer.status, answer.headers, json.dumps(half).encode())


async def test_the_report_of_one_tells_nothing_of_the_others_people() -> None:
    one, other = await _two(2)
    report = await one.mend()
    assert len(of(report, "foreign")) == 2
    text = json.dumps(report)
    assert not any(word in text for word in ("Name of q", "login-q", *other.bench.store.identities))
