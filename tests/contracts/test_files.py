"""Ports Staged, Runs and Files; and an extract that is made over them."""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.extracts import StoredExtracts
from provisioning.adapters.aws.files import StoredFiles
from provisioning.adapters.aws.indexes import Indexes
from provisioning.adapters.aws.keys import SHARDS
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.policies import PublishedPolicies
from provisioning.adapters.aws.rows import Rows
from provisioning.adapters.aws.table import Table
from provisioning.adapters.delivery.files import parquet_writer
from provisioning.adapters.memory.files import MemoryExtracts, MemoryFiles
from provisioning.adapters.memory.policies import MemoryBundles, MemoryPolicies
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.store import MemoryStore
from provisioning.core.account import Account, Condition, Known, Phase
from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.extract import Extracts, Kind, Part, Published, Run, acknowledgement_name, manifest_name
from provisioning.core.identity import Identity
from provisioning.core.wire import canonical, digest_of
from provisioning.ports import Accounts, Files, Identities, Policies, Publishing, Runs, Staged, Walk
from provisioning.stages.extract import Extract, extract
from provisioning.stages.extract_orders import Do, Order, write_order
from provisioning.stages.message import Message
from tests.contracts.backends import new_bucket, new_table
from tests.contracts.boxes import Box, MemoryBox, SqsBox, new_queue
from tests.contracts.samples import NOW, new_id
from tests.stages.tenant import bundle

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVICE = "badges"
OWN = "s3:///badges"


@dataclass
class Rig:
    """Everything that an extract needs, in one place. `bucket`: another one than the deployment's own."""

    identities: Identities
    accounts: Accounts
    staged: Staged
    runs: Runs
    walk: Walk
    files: Files
    policies: Policies
    publishing: Publishing
    queue: Box
    bucket: str
    read: Callable[[str, str], Awaitable[bytes]]  # what a consumer gets
    requests: Callable[[], Counter[str]]

    async def stage(self, count: int, changed_at: int = NOW, **changes: Any) -> list[str]:
        """New identities with a staged account each."""
        made = [new_id() for _ in range(count)]
        for identity in made:
            await self.identities.put_identity(Identity(identity))
            await self.accounts.put_account(row(identity, changed_at, **changes))
        return made

    async def changes(self, after: int, until: int, most: int = 1000) -> list[list[str]]:
        """Every page of the changes."""
        pages, position = [], None
        while True:
            page, position = await self.staged.changed(SERVICE, after, until, position, most)
            pages.append(list(page))
            if position is None:
                return pages

    async def changed(self, after: int, until: int) -> list[str]:
        """All changes."""
        return [identity for page in await self.changes(after, until) for identity in page]


def row(identity: str, changed_at: int = NOW, **changes: Any) -> Account:
    known = Known(Phase.ACTIVE, values={"login": f"login-{identity[:8]}"}, staged=True)
    return Account(identity, SERVICE, **{"known": known, "changed_at": changed_at, **changes})


@pytest_asyncio.fixture(loop_scope="session")
async def rig(backend: Clients | None) -> Rig:
    if backend is None:
        store, files, bundles, clock = MemoryStore(), MemoryFiles(), MemoryBundles(), [0.0]
        queue = MemoryQueue(lambda: clock[0])
        extracts = MemoryExtracts(store, queue)

        async def in_memory(place: str, name: str) -> bytes:
            return files.kept[place, name]

        return Rig(
            store, store, extracts, extracts, store, files, MemoryPolicies(bundles, lambda: 0.0), bundles,
            MemoryBox(queue, clock), "elsewhere", in_memory, lambda: Counter(store.requests),
        )  # fmt: skip
    rows, own, bucket = Rows(backend, await new_table(backend)), await new_bucket(backend), await new_bucket(backend)
    box: SqsBox = await new_queue(backend, False)
    stored = StoredExtracts(rows, backend, box.url)
    policies = PublishedPolicies(rows, Objects(backend, own), lambda: 0.0)
    table = Table(rows)

    async def on_s3(place: str, name: str) -> bytes:
        url = urlsplit(place)
        objects, folder = Objects(backend, url.netloc or own), url.path[1:] if url.netloc else f"extracts{url.path}"
        body = await objects.get(f"{folder}/{name}")
        assert body is not None
        return body

    return Rig(
        table, table, stored, stored, Indexes(rows), StoredFiles(backend, own), policies, policies, box, bucket, on_s3,
        lambda: Counter(rows.requests),
    )  # fmt: skip


# Files


async def test_a_file_is_found_where_it_was_put_and_nowhere_else(rig: Rig) -> None:
    theirs = f"s3://{rig.bucket}/from/us"
    assert not await rig.files.has(OWN, "1/part")
    await rig.files.put(OWN, "1/part", b"ours")
    await rig.files.put(theirs, "1/part", b"theirs")
    assert (await rig.read(OWN, "1/part"), await rig.read(theirs, "1/part")) == (b"ours", b"theirs")
    await rig.files.put(OWN, "1/part", b"")
    assert await rig.read(OWN, "1/part") == b""
    assert await rig.files.has(OWN, "1/part")
    assert await rig.files.has(theirs, "1/part")
    assert not await rig.files.has(OWN, "1/par")
    assert not await rig.files.has("s3:///other", "1/part")


async def test_a_file_is_told_from_one_whose_name_only_begins_like_it(rig: Rig) -> None:
    await rig.files.put(OWN, "2/manifest.json", b"{}")
    await rig.files.put(OWN, "3/manifest.json.ack", b"")
    assert not await rig.files.has(OWN, "2/manifest.json.ack")
    assert not await rig.files.has(OWN, "3/manifest.json")
    await rig.files.put(OWN, "3/manifest.json", b"{}")
    assert await rig.files.has(OWN, "3/manifest.json")
    assert await rig.files.has(OWN, "3/manifest.json.ack")


async def test_a_file_of_many_megabytes_is_stored_whole(rig: Rig) -> None:
    body = bytes(range(256)) * 48_000
    await rig.files.put(OWN, "large", body)
    assert await rig.read(OWN, "large") == body


async def test_a_place_that_is_not_there_is_a_transient_failure(clients: Clients) -> None:
    with pytest.raises(TransientError, match="NoSuchBucket"):
        await StoredFiles(clients, "own").put("s3://nobodys-bucket-at-all/x", "part", b"")


# Staged


async def test_accounts_of_a_service_are_read_by_their_identities(rig: Rig) -> None:
    ids = await rig.stage(3)
    other = replace(row(ids[0]), service="library")
    await rig.accounts.put_account(other)
    before = rig.requests()
    found = await rig.staged.accounts(SERVICE, [*ids, new_id()])
    assert {account.identity: account for account in found} == {id_: replace(row(id_), revision=1) for id_ in ids}
    assert rig.requests() - before == {"BatchGetItem": 1}
    before = rig.requests()
    assert await rig.staged.accounts(SERVICE, [new_id() for _ in range(101)]) == []
    assert rig.requests() - before == {"BatchGetItem": 2}


async def test_changes_are_those_after_one_instant_up_to_another(rig: Rig) -> None:
    by_instant = {at: await rig.stage(1, NOW + at) for at in range(5)}
    assert await rig.changes(NOW + 4, NOW + 9) == [[]]
    assert await rig.changed(0, NOW) == by_instant[0]
    found = await rig.changed(NOW, NOW + 3)
    assert sorted(found) == sorted(by_instant[1] + by_instant[2] + by_instant[3])


async def test_changes_come_in_pages_each_once(rig: Rig) -> None:
    ids = await rig.stage(40)  # of one instant, so that only the identity tells them apart
    ids += await rig.stage(5, NOW + 1)
    pages = await rig.changes(0, NOW + 1, most=7)
    assert all(len(page) == 7 for page in pages[:-1])
    assert sorted(id_ for page in pages for id_ in page) == sorted(ids)


async def test_only_what_is_staged_is_among_the_changes(rig: Rig) -> None:
    (staged,) = await rig.stage(1)
    (delivered,) = await rig.stage(1, known=Known(Phase.ACTIVE, "r-1"))
    await rig.accounts.put_account(replace(row(staged), service="library"))
    assert await rig.changed(0, NOW) == [staged]
    # A service that changed its protocol: what is delivered otherwise leaves the changes.
    await rig.accounts.put_account(replace(row(staged, known=Known(Phase.ACTIVE, "r-1")), revision=1))
    await rig.accounts.put_account(replace(row(delivered), revision=1))
    assert await rig.changed(0, NOW) == [delivered]


async def test_a_change_moves_and_another_write_does_not(rig: Rig) -> None:
    (id_,) = await rig.stage(1)
    await rig.accounts.put_account(row(id_, NOW + 60, revision=1))
    assert await rig.changed(0, NOW) == []
    assert await rig.changed(NOW, NOW + 60) == [id_]
    await rig.accounts.put_account(row(id_, NOW + 60, revision=2, condition=Condition.PARKED, error="why"))
    assert await rig.changed(NOW, NOW + 60) == [id_]


async def test_a_page_of_changes_costs_a_query_for_each_shard_at_most(rig: Rig) -> None:
    before = rig.requests()
    await rig.changes(0, NOW)
    assert rig.requests() - before == {"Query": SHARDS}


# Runs


def everything() -> Extracts:
    """An item with one of everything."""
    made = Published(6, Kind.FULL, "schema", NOW - 5, 30, 2, NOW + 2)
    part = Part("part-00001-ü.csv", 3, 1, 99, "ab" * 32)
    run = Run(7, Kind.DELTA, "schema", NOW, 4, NOW + 1, made, "why", "3/5/i", (part, part), True, "held", True)
    return Extracts(SERVICE, 7, ("one", "two"), run, (made, replace(made, number=5)), made, made, "trouble")


async def test_what_is_kept_of_an_extract_is_read_as_it_was_written(rig: Rig) -> None:
    assert await rig.runs.extracts(SERVICE) == Extracts(SERVICE)
    await rig.runs.put_extracts(everything())
    assert await rig.runs.extracts(SERVICE) == replace(everything(), revision=1)
    await rig.runs.put_extracts(Extracts(SERVICE, revision=1))
    assert await rig.runs.extracts(SERVICE) == Extracts(SERVICE, revision=2)
    assert await rig.runs.extracts("library") == Extracts("library")


@pytest.mark.parametrize("read", [0, 2])
async def test_of_two_that_make_one_step_the_second_loses(rig: Rig, read: int) -> None:
    await rig.runs.put_extracts(Extracts(SERVICE))
    with pytest.raises(ConflictError):
        await rig.runs.put_extracts(replace(everything(), revision=read))
    assert await rig.runs.extracts(SERVICE) == Extracts(SERVICE, revision=1)


async def test_a_continuation_is_sent_to_the_queue(rig: Rig) -> None:
    await rig.runs.continue_extract("body")
    assert [taken.body for taken in await rig.queue.receive()] == ["body"]


async def test_without_a_queue_nothing_goes_on(clients: Clients) -> None:
    with pytest.raises(TransientError, match="no queue"):
        await StoredExtracts(Rows(clients, "table"), clients).continue_extract("body")


# All of it


@pytest.mark.parametrize("format_", ["csv", "jsonl", "ldif", "parquet"])
async def test_a_full_extract_and_a_delta_are_made(rig: Rig, format_: str) -> None:
    place = f"s3://{rig.bucket}/{format_}-{new_id()}"
    options = {"format": format_, "full_every": "P7D", "part_rows": 10, "base": "ou=people,dc=campus"}
    account = {"login": {"value": "person.login", "strength": "create"}}
    service = {"protocol": "extract", "endpoint": place, "account": account, "extract": options}
    dumped = bundle({SERVICE: service}).model_dump(mode="json", by_alias=True)
    await rig.publishing.publish(canonical(dumped), digest_of(dumped))
    ids = await rig.stage(25, NOW)
    shell = Extract(rig.walk, rig.staged, rig.runs, rig.files, rig.policies, parquet_writer, lambda *_, **__: None)

    async def make(now: int) -> dict[str, Any]:
        await rig.queue.send(write_order(Order(Do.START, SERVICE, str(now))))
        while taken := await rig.queue.receive(1):
            assert not await extract(shell, [Message("m", taken[0].body)], now)
            await rig.queue.delete(taken[0])
        item = await rig.runs.extracts(SERVICE)
        made = item.waiting[-1]
        folder = f"{made.number:06d}-{made.kind}"
        body = await rig.read(place, manifest_name(folder))
        await rig.files.put(place, acknowledgement_name(folder), b"")
        return {**json.loads(body), "folder": folder}

    async def bodies(manifest: dict[str, Any]) -> list[bytes]:
        read = [await rig.read(place, f"{manifest['folder']}/{part['name']}") for part in manifest["parts"]]
        assert [hashlib.sha256(body).hexdigest() for body in read] == [part["sha256"] for part in manifest["parts"]]
        return read

    full = await make(NOW + 1000)
    assert (full["kind"], full["rows"], [part["rows"] for part in full["parts"]]) == ("full", 25, [10, 10, 5])
    if format_ == "csv":
        rows = [line for body in await bodies(full) for line in csv.DictReader(io.StringIO(body.decode()))]
        assert sorted(line["identity"] for line in rows) == sorted(ids)
    else:
        assert all(await bodies(full))
    gone = Known(Phase.ABSENT, values={"login": "x"}, staged=True)
    await rig.accounts.put_account(row(ids[0], NOW + 2000, revision=1))
    await rig.accounts.put_account(row(ids[1], NOW + 2000, revision=1, known=gone))
    delta = await make(NOW + 3000)
    assert (delta["kind"], delta["rows"], delta["removed"]) == ("delta", 2, 1)
    (body,) = await bodies(delta)
    assert body
