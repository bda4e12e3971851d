"""Events that are signed tokens, through receive: what is believed once has its effect once, and nothing is lost."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from provisioning.adapters.memory.source import MemorySource
from provisioning.adapters.memory.tokens import MemoryKeySets, MemorySeenTokens
from provisioning.core.catalog import Bundle, Source
from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.identity import Identity
from provisioning.core.observation import observation, push
from provisioning.core.record import Record
from provisioning.core.source import Item
from provisioning.core.token import Taken
from provisioning.stages.message import Failed, Message
from provisioning.stages.receive import Receive, receive
from provisioning.stages.signed import Verifying
from tests.sources.issuer import FEED, ISSUER, Issuer
from tests.stages.bench import Bench, new_bench
from tests.stages.tenant import DAY, SOURCE, START, bundle, says

READING = {
    "key": "id",
    "fields": {"login": {"path": "userName"}, "name": {"path": "name.formatted"}, "active": "bool"},
    "attributes": {"login": "fields.login", "name": "fields.name"},
    "affiliations": [
        {"id": '"person"', "when": "!has(fields.active) || fields.active", "facts": {"type": '"student"'}}
    ],
}
SIGNED = {"issuer": ISSUER, "audience": [FEED], "secret": "issuer-keys"}
FILES = {"files": {"place": "s3:///x", "full": "*.csv", "key": "id"}}


def tenant(signed: dict[str, Any] | None = None, version: str | None = None, **source: Any) -> Bundle:
    made = {
        "id": SOURCE, "format": "scim-events", "record": {**READING, **({"version": version} if version else {})},
        "signed": {**SIGNED, **(signed or {})}, **source,
    }  # fmt: skip
    return bundle(sources=[made])


def user(name: str = "Ada", **more: Any) -> dict[str, Any]:
    return {"data": {"userName": f"login-{name}", "name": {"formatted": name}, **more}}


@dataclass
class World:
    """receive of a signed source, and its issuer."""

    bench: Bench
    issuer: Issuer = field(default_factory=Issuer)
    source: MemorySource = field(default_factory=MemorySource)
    fetched: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = MemoryKeySets({ISSUER: self.issuer.keys})
        self.seen = MemorySeenTokens(self.bench.clock, self.bench.checkpoint)
        self._numbers = 0

    @property
    def shell(self) -> Receive:
        return replace(self.bench.process.receiving, fetch=self.fetch, verifying=Verifying(self.keys, self.seen))

    async def fetch(self, _source: Source, keys: Sequence[str]) -> Sequence[Item]:
        self.fetched.append(list(keys))
        return await self.source.fetch(keys)

    def message(self, body: str) -> Message:
        self._numbers += 1
        return Message(f"m{self._numbers}", body, SOURCE)

    async def take(self, *bodies: str | Message) -> Failed:
        messages = [body if isinstance(body, Message) else self.message(body) for body in bodies]
        return await receive(self.shell, messages, int(self.bench.now))

    async def reasons(self) -> list[str]:
        return [each.reason for each in await self.bench.store.rejections(SOURCE, 100)]

    def record(self, key: str = "u1") -> Record:
        return self.bench.identity(key).records[SOURCE]

    def names(self) -> dict[str, Any]:
        """By key; None: gone."""
        return {
            key: None if (record := self.record(key)).deleted else record.attributes.get("name")
            for _, key in self.bench.store.linked
        }


async def world(**options: Any) -> World:
    return World(await new_bench(tenant(**options)))


async def test_who_was_created_is_entitled_renamed_and_gone_again() -> None:
    it = await world()
    await it.take(it.issuer.says("prov:create:full", user()))
    assert (it.names(), set(it.bench.identity("u1").entitlements)) == ({"u1": "Ada"}, {"library"})
    await it.take(it.issuer.says("prov:put:full", user("Eva"), iat=START + 1))
    assert it.names() == {"u1": "Eva"}
    await it.take(it.issuer.says("prov:delete", iat=START + 2))
    assert it.names() == {"u1": None}
    assert await it.reasons() == []


def enveloped(token: str) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "s-1", "TopicArn": "arn:x", "Message": token})


def event(token: str) -> str:
    return json.dumps({"specversion": "1.0", "id": "e-1", "type": "x", "data": token})


@pytest.mark.parametrize(
    "wrap", [str, lambda token: f" {token}\n", enveloped, event, lambda token: enveloped(event(token))],
    ids=["as it is", "with space", "SNS", "CloudEvent", "CloudEvent in SNS"],
)  # fmt: skip
async def test_a_token_is_found_in_its_envelope(wrap: Any) -> None:
    it = await world()
    assert not await it.take(wrap(it.issuer.says("prov:create:full", user())))
    assert (it.names(), await it.reasons()) == ({"u1": "Ada"}, [])


async def test_tokens_cost_two_requests_a_batch_beside_what_any_notification_costs() -> None:
    it = await world()
    people = [f"u{number}" for number in range(10)]
    with it.bench.counted() as first:
        await it.take(*(it.issuer.says("prov:create:full", user(key), key) for key in people))
    assert it.seen.requests == {"BatchGetItem": 1, "BatchWriteItem": 1}
    plain = await new_bench(bundle(sources=[{"id": SOURCE, "format": "json", "record": READING}]))
    bodies = [json.dumps({"id": key, **user(key)["data"]}) for key in people]
    with plain.counted() as costs:
        await plain.process.receive(*(Message(f"m-{number}", body, SOURCE) for number, body in enumerate(bodies)))
    assert first == costs
    with it.bench.counted() as replayed:
        await it.take(it.issuer.says("prov:create:full", user(), jti="jti-1"))
    assert (it.seen.requests, sum(replayed.values())) == ({"BatchGetItem": 2, "BatchWriteItem": 1}, 0)


async def test_a_token_that_comes_again_is_counted_and_dropped() -> None:
    it = await world()
    token = it.issuer.says("prov:create:full", user())
    await it.take(token, enveloped(token))
    await it.take(it.issuer.says("prov:put:full", user("Eva"), iat=START + 1))
    it.bench.now += DAY
    assert not await it.take(token, enveloped(token))
    assert (it.names(), len(it.bench.said("token.seen")), await it.reasons()) == ({"u1": "Eva"}, 3, [])


async def test_a_token_whose_handler_failed_is_taken_also_from_the_dead_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it = await world()
    token = it.issuer.says("prov:create:full", user())
    with monkeypatch.context() as patch:
        patch.setattr(it.bench.bells, "deliver", {})
        with pytest.raises(TransientError):
            await it.take(token)
    assert it.seen.until == {}
    again = replace(it.message(token), again=True)  # another id: so SQS gives back what was a dead letter
    assert not await it.take(again)
    assert [bell.service for bell in it.bench.waiting("library")] == ["library"]
    assert it.bench.said("token.seen") == []


async def test_of_a_batch_only_what_was_done_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    it = await world()
    put = it.bench.store.put_identity

    async def lost(identity: Identity, link: tuple[str, str] | None = None) -> None:
        if link == (SOURCE, "u1"):
            raise ConflictError("somebody else wrote first")
        await put(identity, link)

    messages = [it.message(it.issuer.says("prov:create:full", user(key), key)) for key in ("u1", "u2")]
    with monkeypatch.context() as patch:
        patch.setattr(it.bench.store, "put_identity", lost)
        assert await it.take(*messages) == {messages[0].id}
    assert not await it.take(*messages)
    assert (it.names(), len(it.bench.said("token.seen"))) == ({"u1": "u1", "u2": "u2"}, 1)


async def test_where_the_memory_of_tokens_cannot_be_had_tokens_wait_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = tenant()
    it = World(await new_bench(bundle(sources=[content.sources[0].model_dump(by_alias=True), {"id": "hr"}])))

    async def down(_tokens: Sequence[Taken]) -> set[tuple[str, str]]:
        raise TransientError("the table is down")

    message = it.message(it.issuer.says("prov:create:full", user()))
    with monkeypatch.context() as patch:
        patch.setattr(MemorySeenTokens, "seen", lambda _self, tokens: down(tokens))
        assert await it.take(message, replace(says("p1", 1, "staff"), origin="hr")) == {message.id}
    assert it.bench.store.linked.keys() == {("hr", "p1")}
    assert not await it.take(message)
    assert it.record().attributes["name"] == "Ada"


async def test_what_was_rejected_is_not_remembered_so_that_it_can_be_taken_in_later() -> None:
    limits = {"text": 65536, "message": 1048576}
    content = tenant()
    large = content.model_copy(update={"tenant": content.tenant.model_validate(
        {**content.tenant.model_dump(), "limits": limits}
    )})  # fmt: skip
    source = large.sources[0].model_dump(by_alias=True)
    source["record"]["fields"]["tags"] = {"path": "tags", "kind": "list(string)"}
    source["record"]["attributes"]["tags"] = "fields.tags"
    it = World(await new_bench(large.model_copy(update={"sources": (Source.model_validate(source),)})))
    chance = random.Random(1)  # noqa: S311  text that does not compress
    tags = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz234567", k=60_000)) for _ in range(12)]
    await it.take(it.issuer.says("prov:create:full", user(tags=tags)), it.issuer.says("prov:patch:full"))
    assert (len(await it.reasons()), it.seen.until) == (2, {})


async def test_wherever_the_process_dies_the_token_has_its_effect() -> None:
    for at in range(1, 100):
        it = await world()
        message = it.message(it.issuer.says("prov:create:full", user()))
        died = await it.bench.killed(it.take(message), at)
        if died:
            assert not await it.take(replace(message, again=True))
        assert it.names() == {"u1": "Ada"}
        assert [bell.service for bell in it.bench.waiting("library")][:1] == ["library"]
        assert await it.reasons() == []
        if not died:
            break
    assert at > 8, "it was killed nowhere"


async def test_a_token_older_than_what_is_remembered_is_not_believed() -> None:
    it = await world(signed={"days": 2})
    token = it.issuer.says("prov:create:full", user())
    await it.take(token)
    (until,) = it.seen.until.values()
    it.bench.now = float(START + 2 * DAY)
    assert not await it.take(token)
    assert len(it.bench.said("token.seen")) == 1
    it.bench.now = float(until + 1)
    await it.take(token)
    assert [reason.partition(" (")[0] for reason in await it.reasons()] == ["token.iat: too old"]


async def test_a_token_is_remembered_for_as_long_as_it_is_believed() -> None:
    it = await world(signed={"days": 1})
    await it.take(it.issuer.says("prov:create:full", user(), iat=START + 300))
    (until,) = it.seen.until.values()
    assert until >= START + 300 + DAY


async def test_tokens_of_one_transaction_are_of_one_trace_and_each_counts() -> None:
    it = await world()
    await it.take(*(it.issuer.says("prov:create:full", user(key), key, txn="t-9") for key in ("u1", "u2")))
    assert it.names() == {"u1": "u1", "u2": "u2"}
    assert {line["trace"] for line in it.bench.said("decided")} == {"t-9"}


async def test_one_bad_token_stops_no_other_and_is_kept_with_its_reason() -> None:
    it = await world()
    good = [it.issuer.says("prov:create:full", user(key), key) for key in ("u1", "u2")]
    bad = [
        "x.y.z", "{}", it.issuer.says("prov:delete", iss="https://evil.example"), good[0][:-9], enveloped("nothing"),
        it.issuer.sign(it.issuer.claims("prov:delete"), header={"alg": "none"}), "", "[1]", '{"data": 7}',
        it.issuer.says("prov:put:full", {"data": {"note": "x" * 1_000_000}}),
    ]  # fmt: skip
    assert not await it.take(good[0], *bad, good[1])
    assert it.names() == {"u1": "u1", "u2": "u2"}
    assert len(await it.reasons()) == len(bad)
    assert it.seen.requests == {"BatchGetItem": 1, "BatchWriteItem": 1}


async def test_where_the_issuers_keys_cannot_be_had_the_message_waits_and_others_go_on() -> None:
    it = await world()
    token = it.issuer.says("prov:create:full", user())
    down = MemoryKeySets({})
    it.keys, up = down, it.keys
    assert await it.take(token, "x.y.z") == {"m1"}
    assert (len(await it.reasons()), it.bench.store.linked, it.seen.until) == (1, {}, {})
    it.keys = up
    await it.take(token)
    assert it.names() == {"u1": "Ada"}


async def test_a_process_that_cannot_verify_leaves_the_message() -> None:
    it = await world()
    shell = replace(it.shell, verifying=None)
    message = it.message(it.issuer.says("prov:delete"))
    assert await receive(shell, [message], START) == {message.id}


async def test_no_line_of_the_log_says_what_a_token_says() -> None:
    it = await world()
    mark = "Lovelace"
    await it.take(
        it.issuer.says("prov:create:full", user(mark)), it.issuer.says("prov:patch:full", user(mark)),
        it.issuer.says("prov:delete", iss=mark), it.issuer.says(f"misc:{mark}", {"a": mark}),
        it.issuer.says("prov:put:full", {"data": {"userName": [mark], "name": {"formatted": {mark: mark}}}}),
    )  # fmt: skip
    assert len(await it.reasons()) == 3
    assert mark not in repr(it.bench.lines)
    assert not any(mark in reason for reason in await it.reasons())


async def test_events_that_say_nothing_of_persons_are_counted_and_passed_over() -> None:
    it = await world()
    group: dict[str, Any] = {"sub_id": {"format": "scim", "uri": "/Groups/g1"}}
    await it.take(
        it.issuer.says("misc:asyncresp", {"method": "PUT", "status": "200"}), it.issuer.says("sp:new"),
        it.issuer.says("prov:put:full", user(), **group), it.issuer.says("prov:delete", **group),
        it.issuer.says("x", events={"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}}),
    )  # fmt: skip
    assert (it.bench.store.linked, await it.reasons(), it.seen.requests) == ({}, [], Counter())
    assert [line["events"] for line in it.bench.said("token.passed")] == [1] * 5


async def test_an_unknown_event_beside_a_known_one_is_counted() -> None:
    it = await world()
    known = "URN:ietf:params:SCIM:event:prov:CREATE:full"  # compared without regard to case
    await it.take(it.issuer.says("x", events={known: user(), "urn:x": {}, "urn:ietf:params:scim:event:y": {}}))
    assert (it.names(), [line["events"] for line in it.bench.said("token.unknown")]) == ({"u1": "Ada"}, [2])


PARTIAL = [
    ("prov:patch:full", {"data": {"Operations": []}}), ("prov:patch:notice", {"attributes": ["userName"]}),
    ("prov:create:notice", {"attributes": []}), ("prov:put:notice", {"attributes": []}), ("prov:activate", {}),
    ("prov:deactivate", {}), ("feed:add", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "payload"), PARTIAL)
async def test_what_does_not_show_the_whole_is_fetched(name: str, payload: dict[str, Any]) -> None:
    it = await world(poll=FILES, version="modified")
    it.source.put("u1", {"userName": "login-Eva", "name": {"formatted": "Eva"}, "modified": START})
    await it.take(it.issuer.says(name, payload))
    assert (it.names(), it.fetched, await it.reasons()) == ({"u1": "Eva"}, [["u1"]], [])


@pytest.mark.parametrize(("name", "payload"), PARTIAL)
async def test_what_does_not_show_the_whole_is_refused_where_nobody_can_be_asked(
    name: str, payload: dict[str, Any]
) -> None:
    it = await world()
    await it.take(it.issuer.says(name, payload))
    assert it.bench.store.linked == {}
    (reason,) = await it.reasons()
    assert f"{name} does not show the resource as it is" in reason
    assert "`poll`" in reason


async def test_a_thin_source_is_asked_for_everybody_whom_a_token_names_once() -> None:
    it = await world(poll=FILES, thin=True)
    for key in ("u1", "u2"):
        it.source.put(key, {"userName": key, "name": {"formatted": f"State of {key}"}})
    token = it.issuer.says
    await it.take(
        token("prov:put:full", user()), token("prov:patch:notice"), token("prov:activate", key="u2"),
        token("prov:delete", key="u3"), token("feed:remove", key="u2"),
    )  # fmt: skip
    assert it.fetched == [["u1", "u2", "u3"]]
    assert it.names() == {"u1": "State of u1", "u2": "State of u2"}
    it.source.remove("u1")
    it.bench.now += 1
    await it.take(token("prov:delete"))
    assert it.names() == {"u1": None, "u2": "State of u2"}


async def test_where_fetching_fails_the_token_comes_again_and_is_no_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it = await world(poll=FILES, thin=True)
    it.source.put("u1", {"userName": "u1", "name": {"formatted": "Ada"}})
    message = it.message(it.issuer.says("prov:patch:notice"))

    async def down(_keys: Sequence[str]) -> Sequence[Item]:
        raise TransientError("the source is down")

    with monkeypatch.context() as patch:
        patch.setattr(it, "source", type("Down", (), {"fetch": staticmethod(down)})())
        assert await it.take(message) == {message.id}
    assert not await it.take(replace(message, again=True))
    assert it.names() == {"u1": "Ada"}


async def test_what_poll_says_of_a_signed_source_needs_no_signature_unless_it_came_by_the_topic() -> None:
    it = await world(poll=FILES, thin=True)
    seen = observation(SOURCE, "u1", START * 1_000_000, {"userName": "u1", "name": {"formatted": "Ada"}})
    await it.take(enveloped(seen))
    assert (it.bench.store.linked, len(await it.reasons())) == ({}, 1)
    await it.take(seen)
    assert it.names() == {"u1": "Ada"}


@pytest.mark.parametrize(("endpoints", "names"), [(["events", "scim"], {"u1": "Ada"}), (["events"], {})])
async def test_what_our_gateway_says_needs_no_signature_if_the_source_may_push_it(
    endpoints: list[str], names: dict[str, Any]
) -> None:
    it = await world(push={"secret": "x", "endpoints": endpoints})
    await it.take(push("u1", START * 1_000_000, {"userName": "u1", "name": {"formatted": "Ada"}}))
    assert (it.names(), len(await it.reasons())) == (names, 0 if names else 1)


async def test_without_poll_nothing_is_believed_without_a_signature() -> None:
    it = await world()
    await it.take(observation(SOURCE, "u1", START * 1_000_000, {"userName": "u1"}))
    assert it.bench.store.linked == {}
    assert [reason.partition(" (")[0] for reason in await it.reasons()] == ["message: it is not signed"]


@pytest.mark.parametrize(("removed", "name"), [("gone", None), ("stays", "Ada")])
async def test_who_leaves_the_feed_is_gone_or_stays_as_the_bundle_says(removed: str, name: str | None) -> None:
    it = await world(signed={"removed": removed})
    await it.take(it.issuer.says("prov:create:full", user()))
    await it.take(it.issuer.says("feed:remove"))
    assert (it.names(), await it.reasons()) == ({"u1": name}, [])
