"""The deployed function over a real table, its real stream, a real topic, and a queue that listens to it.

moto serves the stream's own API (GetRecords), but no Lambda mapping: here the records are read by that API, put into
the form in which Lambda hands them over (binary values as base64), and given to the handler. What a mapping does, its
filter and its polling, is tried in tests/local/test_notify.py on the embedded AWS; retries and the dead-letter queue of
a mapping are AWS's own and are tried nowhere.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from secrets import token_hex
from typing import Any

import aioboto3
import pytest

import functions.notify
from provisioning.adapters.aws.history import StoredHistory
from provisioning.adapters.aws.rejections import KeptRejections
from provisioning.core.account import Account, Condition, Known, Phase
from provisioning.core.identity import Identity
from provisioning.core.record import Record
from provisioning.core.wire import canonical, digest_of, pack
from provisioning.runtime import wiring, wiring_notify
from provisioning.stages.notify import STREAM
from tests.contracts.boxes import SqsBox, new_queue
from tests.contracts.test_announcer import new_topic
from tests.functions.conftest import Deployed
from tests.stages.streaming import Rebuilt
from tests.stages.tenant import bundle

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}


class Listening:
    """The stream from now on, and a queue that hears what is published."""

    def __init__(self, deployed: Deployed, queue: SqsBox) -> None:
        self._deployed, self._queue = deployed, queue
        self._iterator = ""
        deployed.run(self._begin)

    async def _begin(self) -> None:
        async with aioboto3.Session().client("dynamodbstreams") as streams:
            (stream,) = (await streams.list_streams(TableName=wiring.settings().table))["Streams"]
            shards = (await streams.describe_stream(StreamArn=stream["StreamArn"]))["StreamDescription"]["Shards"]
            found = await streams.get_shard_iterator(
                StreamArn=stream["StreamArn"], ShardId=shards[0]["ShardId"], ShardIteratorType="LATEST"
            )
            self._iterator = found["ShardIterator"]

    def records(self) -> list[dict[str, Any]]:
        """What was written since, as Lambda hands it over."""
        return self._deployed.run(self._records)

    async def _records(self) -> list[dict[str, Any]]:
        async with aioboto3.Session().client("dynamodbstreams") as streams:
            found = await streams.get_records(ShardIterator=self._iterator)
            self._iterator = found["NextShardIterator"]
            return [as_lambda_has_it(record) for record in found["Records"]]

    def events(self) -> list[dict[str, Any]]:
        """What was published since, in no order."""
        found: list[dict[str, Any]] = []
        while taken := self._deployed.take_from(self._queue):
            found += [json.loads(each.body) for each in taken]
        return found


def as_lambda_has_it(record: Any) -> dict[str, Any]:
    written = {**record["dynamodb"], "ApproximateCreationDateTime": 1_800_000_000.0}
    made = {**record, "dynamodb": written, "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/s"}

    def base64_of(value: Any) -> Any:
        assert isinstance(value, bytes)
        return base64.b64encode(value).decode()

    found: dict[str, Any] = json.loads(json.dumps(made, default=base64_of))
    return found


@pytest.fixture
def listening(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    async def topic() -> tuple[str, SqsBox]:
        dumped = bundle().model_dump(mode="json", by_alias=True)
        await wiring.policies().publish(canonical(dumped), digest_of(dumped))
        queue = await new_queue(wiring.clients(), fifo=False)
        return await new_topic(wiring.clients(), queue), queue

    made, queue = deployed.run(topic)
    monkeypatch.setenv("PROVISIONING_EVENTS_TOPIC", made)
    wiring.settings.cache_clear()
    wiring_notify.notify_shell.cache_clear()
    yield Listening(deployed, queue)
    wiring.settings.cache_clear()
    wiring_notify.notify_shell.cache_clear()


def person() -> Identity:
    return Identity(token_hex(8), {"registry": Record("registry", "k", 1, attributes={"name": "Ada"})}, sequence=1)


def test_what_is_written_is_published_and_remembered(deployed: Deployed, listening: Listening) -> None:
    ada = person()
    account = Account(ada.id, "library", Known(Phase.ACTIVE, "r1", {"userName": "ada"}), sequence=1)

    async def write() -> None:
        table = wiring.table()
        await table.put_identity(ada, ("registry", ada.id))
        await table.put_account(account)
        await table.put_account(replace(account, revision=1, condition=Condition.PARKED, error="no such faculty"))

    deployed.run(write)
    records = listening.records()
    assert len(records) == 4, "the link is among them"
    assert deployed.invoke(functions.notify.handler, {"Records": records}) == NOTHING_FAILED
    events = listening.events()
    assert sorted((event["type"], event["data"]["revision"], event["data"]["previous"]) for event in events) == [
        ("account.created", 1, 0), ("account.parked", 2, 1), ("identity.created", 1, 0),
    ]  # fmt: skip
    assert Rebuilt().hear(events).accounts == {(ada.id, "library"): ("active", "parked")}
    entries = deployed.run(lambda: StoredHistory(wiring.rows()).entries(ada.id))
    assert [(each.service, each.revision, each.released, each.reason) for each in entries] == [
        ("", 1, (), ""), ("library", 1, ("userName",), ""), ("library", 2, (), "no such faculty"),
    ]  # fmt: skip
    assert deployed.invoke(functions.notify.handler, {"Records": records}) == NOTHING_FAILED
    assert {event["id"] for event in listening.events()} == {event["id"] for event in events}


def test_an_item_of_a_newer_form_is_kept_and_the_rest_goes_on(deployed: Deployed, listening: Listening) -> None:
    first, last = person(), person()

    async def write() -> None:
        table, rows = wiring.table(), wiring.rows()
        await table.put_identity(first)
        damaged = {"pk": {"S": f"I#{first.id}"}, "sk": {"S": "A#wiki"}, "r": {"N": "1"}, "q": {"N": "1"}}
        await rows.put({**damaged, "b": {"B": b"\x00 not packed"}})
        newer = {**damaged, "sk": {"S": "A#library"}, "b": {"B": pack(["frozen", None, {}, [], "settled", None])}}
        await rows.put(newer)
        await table.put_identity(last)

    deployed.run(write)
    records = listening.records()
    assert deployed.invoke(functions.notify.handler, {"Records": records}) == NOTHING_FAILED
    assert sorted(event["subject"] for event in listening.events()) == sorted([first.id, last.id])
    kept = deployed.run(lambda: KeptRejections(wiring.rows(), wiring.objects()).rejections(STREAM, 10))
    assert sorted(each.reason.split(":")[0] for each in kept) == [f"I#{first.id} A#library", f"I#{first.id} A#wiki"]
    assert json.loads(kept[0].body)["dynamodb"]["Keys"]["pk"] == {"S": f"I#{first.id}"}


def test_a_topic_that_is_not_there_brings_the_stream_back_from_the_first_event_on(
    deployed: Deployed, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.run(lambda: wiring.table().put_identity(person()))
    records = listening.records()
    monkeypatch.setenv("PROVISIONING_EVENTS_TOPIC", "arn:aws:sns:eu-west-1:123456789012:gone")
    wiring.settings.cache_clear()
    wiring_notify.notify_shell.cache_clear()
    number = records[0]["dynamodb"]["SequenceNumber"]
    answer = deployed.invoke(functions.notify.handler, {"Records": records})
    assert answer == {"batchItemFailures": [{"itemIdentifier": number}]}


def test_a_deletion_by_hand_is_told_of(deployed: Deployed, listening: Listening) -> None:
    ada = person()

    async def write() -> None:
        await wiring.table().put_identity(ada)
        client = await wiring.clients().dynamodb()
        key: Any = {"pk": {"S": f"I#{ada.id}"}, "sk": {"S": "I"}}
        await client.delete_item(TableName=wiring.settings().table, Key=key)

    deployed.run(write)
    assert deployed.invoke(functions.notify.handler, {"Records": listening.records()}) == NOTHING_FAILED
    assert [event["type"] for event in sorted(listening.events(), key=lambda event: event["data"]["revision"])] == [
        "identity.created", "identity.closed",
    ]  # fmt: skip


def test_nothing_to_do_is_done(deployed: Deployed) -> None:
    assert deployed.invoke(functions.notify.handler, {"Records": []}) == NOTHING_FAILED
