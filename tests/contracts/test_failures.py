"""What the AWS adapters make of requests that fail: answers lost, work left undone, nobody there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.queues import Queues
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from provisioning.core.bell import Bell, Cause
from provisioning.core.errors import ConflictError, StalePolicyError, TransientError
from tests.contracts.backends import REGION, new_table
from tests.contracts.samples import NOW, account, plain

pytestmark = pytest.mark.asyncio(loop_scope="session")


@contextmanager
def listening(client: Any, event: str, handler: Callable[..., Any]) -> Iterator[None]:
    client.meta.events.register_first(event, handler)
    try:
        yield
    finally:
        client.meta.events.unregister(event, handler)


class LosesAnswers:
    """Makes the SDK believe that the first answer never came, so that it sends the request again."""

    def __init__(self) -> None:
        self.sent = 0

    def __call__(self, **_: Any) -> int | None:
        self.sent += 1
        return 0 if self.sent == 1 else None  # seconds until the repetition


@pytest.mark.parametrize("revision", [0, 1])
async def test_a_write_whose_answer_was_lost_is_a_success_when_it_is_repeated(clients: Clients, revision: int) -> None:
    table = Table(Rows(clients, await new_table(clients)))
    identity = plain()
    for number in range(revision):
        await table.put_identity(replace(identity, revision=number))
    loses = LosesAnswers()
    with listening(await clients.dynamodb(), "needs-retry.dynamodb.PutItem", loses):
        await table.put_identity(replace(identity, revision=revision))
    assert loses.sent == 2
    assert (await table.holding(identity.id)).identity == replace(identity, revision=revision + 1)


async def test_a_transaction_whose_answer_was_lost_is_a_success_when_it_is_repeated(clients: Clients) -> None:
    table = Table(Rows(clients, await new_table(clients)))
    identity, loses = plain(), LosesAnswers()
    with listening(await clients.dynamodb(), "needs-retry.dynamodb.TransactWriteItems", loses):
        await table.put_identity(identity, ("registry", "p1"))
    assert loses.sent == 2
    assert await table.links([("registry", "p1")]) == {("registry", "p1"): identity.id}


async def test_a_repetition_that_finds_anothers_write_has_lost(clients: Clients) -> None:
    """The same values by another writer are not our write: it may have called the SP for them."""
    table = Table(Rows(clients, await new_table(clients)))
    written = account(plain().id)
    await table.put_account(written)
    loses = LosesAnswers()
    with listening(await clients.dynamodb(), "needs-retry.dynamodb.PutItem", loses), pytest.raises(ConflictError):
        await table.put_account(written)


async def test_a_repetition_by_an_older_bundle_is_refused_for_that(clients: Clients) -> None:
    table = Table(Rows(clients, await new_table(clients)))
    written = account(plain().id, sequence=2)
    await table.put_account(written)
    loses = LosesAnswers()
    with listening(await clients.dynamodb(), "needs-retry.dynamodb.PutItem", loses), pytest.raises(StalePolicyError):
        await table.put_account(replace(written, revision=1, sequence=1))


class LeavesUnread:
    """Makes answers leave half of their items unread, so many times."""

    def __init__(self, table: str, times: int) -> None:
        self.table, self.times = table, times

    def __call__(self, parsed: dict[str, Any], **_: Any) -> None:
        if self.times:
            self.times -= 1
            items = parsed["Responses"][self.table]
            left = [{"pk": item["pk"], "sk": item["sk"]} for item in items[1:]]
            parsed["Responses"][self.table] = items[:1]
            parsed["UnprocessedKeys"] = {self.table: {"Keys": left, "ConsistentRead": True}}


async def test_what_a_batch_left_unread_is_asked_for_again(clients: Clients) -> None:
    name = await new_table(clients)
    table = Table(Rows(clients, name))
    links = [("registry", f"p{number}") for number in range(3)]
    for link in links:
        await table.put_identity(plain(), link)
    with listening(await clients.dynamodb(), "after-call.dynamodb.BatchGetItem", LeavesUnread(name, 2)):
        assert set(await table.links(links)) == set(links)
    assert table.requests["BatchGetItem"] == 3


async def test_what_stays_unread_is_told(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioning.adapters.aws.rows._PAUSE", 0.0)
    name = await new_table(clients)
    table = Table(Rows(clients, name))
    await table.put_identity(plain(), ("registry", "p1"))
    never = LeavesUnread(name, 100)
    never_reads = listening(await clients.dynamodb(), "after-call.dynamodb.BatchGetItem", _nothing_read(never))
    with never_reads, pytest.raises(TransientError, match="unread"):
        await table.links([("registry", "p1")])


def _nothing_read(leaves: LeavesUnread) -> Callable[..., None]:
    def handler(parsed: dict[str, Any], **more: Any) -> None:
        parsed["Responses"][leaves.table].insert(0, {"pk": {"S": "L#registry#none"}, "sk": {"S": "L"}})
        leaves(parsed, **more)
        parsed["Responses"][leaves.table].clear()

    return handler


async def test_a_table_that_is_not_there_is_a_transient_failure(clients: Clients) -> None:
    table = Table(Rows(clients, "no-such-table"))
    with pytest.raises(TransientError, match="ResourceNotFoundException"):
        await table.holding("x")
    with pytest.raises(TransientError):
        await table.put_identity(plain())
    with pytest.raises(TransientError):
        await table.put_identity(plain(), ("registry", "p1"))
    with pytest.raises(TransientError):
        await table.take_slots("library", 1, 1, NOW)


async def test_a_queue_or_bucket_that_is_not_there_is_a_transient_failure(clients: Clients) -> None:
    url = "http://127.0.0.1:1/000000000000/no-such-queue"
    with pytest.raises(TransientError):
        await Queues(clients, url, {}).ring([Bell("x", Cause.CLOCK, "t")], NOW)
    with pytest.raises(TransientError):
        await Queues(clients, url, {}, url).continue_campaign("{}")
    with pytest.raises(TransientError):
        await Objects(clients, "no-such-bucket").put("x", b"")


async def test_nobody_at_the_endpoint_is_a_transient_failure(credentials: None) -> None:
    clients = Clients("http://127.0.0.1:1", REGION)
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:1"):
        await Table(Rows(clients, "t")).holding("x")
    await clients.close()
