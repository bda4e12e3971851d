"""Two whole engines side by side: one hears the other's changes as a source, both call one SP, and neither is trusted.

Each has a table, queues and processes of its own; what one publishes is what the stage notify makes of its table's
stream. Only the way between them, SNS and SQS, is a list here; it may repeat, lose and reorder.
"""

import json
import random
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.core.account import Condition
from provisioning.core.catalog import Bundle
from provisioning.stages.message import Message
from tests.stages.bench import Bench
from tests.stages.streaming import Notifier, Stream
from tests.stages.tenant import DAY, bundle, says

TOLD: Final = ["account.created", "account.changed", "account.suspended", "account.resumed", "account.removed"]
# As its operator writes it: one service's accounts of the other engine are the records.
PARTNER: Final[dict[str, Any]] = {
    "id": "partner", "domain": "partner",
    "record": {
        "key": "identity", "version": "revision",
        "fields": {"phase": "string", "login": {"path": "values.userName"}, "name": {"path": "values.displayName"}},
        "deleted": 'fields.phase == "absent"',
        "attributes": {"login": "fields.login", "name": "fields.name"},
        "affiliations": [
            {"id": '"account"', "when": 'fields.phase == "active"', "facts": {"type": '"student"'}},
        ],
    },
    "asserts": {
        "attributes": {"login": ["login-*"]}, "affiliations": {"type": ["student"]}, "supports": {"library": ["*"]},
    },
}  # fmt: skip
OWN: Final[dict[str, Any]] = {
    "id": "registry",
    "asserts": {"attributes": {"login": ["*"], "name": ["*"], "tags": ["*"]}, "affiliations": {}},
}
SUBSCRIBER: Final[dict[str, Any]] = {
    "id": "partner", "types": TOLD, "services": ["library"], "form": "full", "attributes": ["userName", "displayName"],
    "account": "111122223333",
}  # fmt: skip
RECEIVES: Final = {"registry": ["*"], "partner": ["login"]}


class Engine(Bench):
    """One engine, with the stream of its table. `name`: of its identities."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.stream, self.notifier = Stream(), Notifier()
        self.stream.watch(self.store)
        self.notifier.topics = {"partner": "topic of the partner"}
        self._read = 0

    def new_identity(self) -> str:
        return f"{self.name}-{super().new_identity()}"

    async def begin(self, content: Bundle) -> None:
        await self.publish(content)
        await self.notifier.publish(content)

    async def tells(self) -> list[Message]:
        """What its partner's queue receives since the last time."""
        heard = self.notifier.announcements.heard
        before = len(heard.get("topic of the partner", []))
        entries, self._read = self.stream.changes[self._read :], len(self.stream.changes)
        await self.notifier.read(entries)
        told = heard.get("topic of the partner", [])[before:]
        return [Message(each.id, each.body, "partner") for each in told]

    def standings(self) -> dict[str, str]:
        """Accounts at its own library, by userName."""
        return {name: "active" if body["active"] else "suspended" for name, body in self.users().items()}


async def _engine(name: str, *, hears: bool = True) -> Engine:
    engine = Engine(name)
    sources = [OWN, PARTNER] if hears else [{"id": "registry"}]
    services = {each: {"receives": RECEIVES} if hears else {} for each in ("library", "wiki", "badges")}
    await engine.begin(bundle(services, sources=sources, subscribers=[SUBSCRIBER]))
    return engine


async def _two() -> tuple[Engine, Engine]:
    """One that tells, and one that hears."""
    return await _engine("a", hears=False), await _engine("b")


async def _hear(engine: Engine, messages: Iterable[Message]) -> None:
    for message in messages:
        assert not await engine.process.receive(message)
    await engine.settle()


async def test_a_person_of_one_is_a_record_of_the_other_as_far_as_it_is_believed() -> None:
    one, other = await _two()
    await one.arrive(says("p1", 1, "student"))
    await _hear(other, await one.tells())
    assert other.standings() == {"login-p1": "active"}
    (identity,) = other.store.identities.values()
    record = identity.records["partner"]
    assert (record.key, dict(record.attributes)) == (one.identity().id, {"login": "login-p1"})
    assert "Name of p1" not in repr(identity), "the partner is not believed about names"
    assert "displayName" not in other.users()["login-p1"]


async def test_what_happens_to_the_account_of_one_happens_to_the_right_of_the_other() -> None:
    one, other = await _two()
    await one.arrive(says("p1", 1, "student"))
    await _hear(other, await one.tells())
    await one.arrive(says("p1", 2))
    await _hear(other, await one.tells())
    assert (one.standings(), other.standings()) == ({"login-p1": "suspended"}, {"login-p1": "suspended"})
    await one.arrive(says("p1", 3, "student"))
    await _hear(other, await one.tells())
    assert other.standings() == {"login-p1": "active"}
    await one.arrive(says("p1", 4))
    one.now += 31 * DAY
    await one.sweep()
    await one.settle()
    await _hear(other, await one.tells())
    assert one.standings() == {}
    (identity,) = other.store.identities.values()
    assert identity.records["partner"].deleted


@settings(max_examples=30)
@given(st.integers(0, 2**32))
async def test_events_may_come_twice_and_in_any_order(seed: int) -> None:
    one, other = await _two()
    for version, kinds in enumerate((["student"], [], ["student"], ["staff"], ["student", "staff"], []), start=1):
        await one.arrive(says("p1", version, *kinds))
    told = await one.tells()
    assert len(told) > 4
    order = [*told, *told]
    random.Random(seed).shuffle(order)  # noqa: S311  no secret
    await _hear(other, order)
    assert other.standings().get("login-p1", "suspended") == one.standings()["login-p1"]


async def test_an_event_that_was_lost_is_made_good_by_the_next_one() -> None:
    one, other = await _two()
    await one.arrive(says("p1", 1, "student"))
    await one.tells()  # lost
    await one.arrive(says("p1", 2, "student", login="login-new"))
    await _hear(other, await one.tells())
    assert other.standings() == {"login-new": "active"}


async def test_at_a_shared_sp_each_changes_and_removes_what_is_its_own() -> None:
    one, other = await _two()
    other.providers["wiki"] = one.providers["wiki"]
    for number in range(1, 6):
        await one.arrive(says(f"p{number}", 1, "staff"))
        await other.arrive(says(f"q{number}", 1, "staff"))
    assert len(one.users("wiki")) == 10
    others = {name: dict(body) for name, body in one.users("wiki").items() if name.startswith("login-q")}
    for number in range(1, 6):  # a mass removal in the domain of one
        await one.arrive(says(f"p{number}", 2))
    left = one.users("wiki")
    assert {name: dict(body) for name, body in left.items() if name.startswith("login-q")} == others
    assert not any(name.startswith("login-p") and body["active"] for name, body in left.items())


async def test_of_two_who_want_one_name_at_a_shared_sp_the_second_is_parked_and_touches_nothing() -> None:
    one, other = await _two()
    other.providers["wiki"] = one.providers["wiki"]
    await one.arrive(says("p1", 1, "staff"))
    before = dict(one.users("wiki")["login-p1"])
    await other.arrive(says("p1", 1, "staff"))
    assert other.account("wiki").condition is Condition.PARKED
    await other.arrive(says("p1", 2))
    assert one.users("wiki")["login-p1"] == before


async def test_two_that_hear_each_other_come_to_rest() -> None:
    one, other = await _engine("a"), await _engine("b")
    await one.arrive(says("p1", 1, "student"))
    exchanged = 0
    for _ in range(20):
        there, back = await one.tells(), await other.tells()
        await _hear(other, there)
        await _hear(one, back)
        exchanged += len(there) + len(back)
        if not there and not back:
            break
    else:
        raise AssertionError("they never stop")
    # Each tells of its own account once; nobody tells of what it was told by its own word.
    assert exchanged <= 4
    assert (one.standings(), other.standings()) == ({"login-p1": "active"}, {"login-p1": "active"})


_HOSTILE: Final[Sequence[Any]] = [
    "garbage", [], {}, {"data": 5}, {"specversion": "1.0", "data": {"identity": "x"}},
    {"specversion": "1.0", "type": "account.created", "data": {"identity": "b-i1", "revision": -1}},
    {"specversion": "1.0", "type": "provisioning.observed", "data": {"key": "b-i1", "observed": 10**15, "fields": {
        "phase": "active", "values": {"userName": "root", "displayName": "Eve"}}}},
    {"specversion": "1.0", "id": "e", "type": "account.created", "data": {"identity": "b-i1", "revision": 9, "phase":
        "active", "values": {"userName": "admin", "displayName": "Eve", "tags": ["admin"]}}},
    {"specversion": "1.0", "id": "e", "type": "account.removed", "data": {"identity": "b-i1", "revision": 99, "phase":
        "absent"}},
]  # fmt: skip


@pytest.mark.parametrize("told", _HOSTILE)
async def test_a_hostile_partner_changes_nothing_beyond_what_it_may_assert(told: Any) -> None:
    _, other = await _two()
    await other.arrive(says("q1", 1, "staff", tags=["admin"]))
    before = {service: dict(other.users(service)) for service in ("library", "wiki")}
    identity = other.identity("q1")
    await _hear(other, [Message("e", json.dumps(told), "partner")])
    assert {service: dict(other.users(service)) for service in ("library", "wiki")} == before
    assert other.identity("q1") == identity
