"""How far the extraction of a source has come: in the table. Its files: in the bucket. What it sends: on SQS."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple
from secrets import token_bytes
from typing import Any, Final

from botocore.exceptions import ClientError

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.clients import Clients, asking, code_of
from provisioning.adapters.aws.items import Item
from provisioning.adapters.aws.queues import batches
from provisioning.adapters.aws.rows import Read, Rows
from provisioning.core.errors import TransientError
from provisioning.core.polled import Complete, Found, Part, Polled, Run, Step
from provisioning.core.wire import pack, unpack

_AT_ONCE: Final = 8  # requests under way
_DELETED_AT_ONCE: Final = 1000


class StoredPolls:
    """Ports Polls, Spool and Intake, of one source. Queues by URL."""

    def __init__(
        self, rows: Rows, clients: Clients, bucket: str, queue: str = "", changes: str = "", bulk: str = ""
    ) -> None:
        self.requests: Counter[str] = Counter()
        self._rows, self._clients, self._bucket = rows, clients, bucket
        self._queue, self._changes, self._bulk = queue, changes, bulk

    # Polls

    async def polled(self, source: str) -> Polled:
        item = await self._rows.get(keys.polled_key(source))
        return _read(source, item) if item is not None else Polled(source)

    async def put_polled(self, item: Polled) -> None:
        # Loses to another process that wrote since our read: it holds the lease.
        await self._rows.put_next(_write(item), Read(item.revision, 0))

    async def continue_poll(self, body: str, delay: int = 0) -> None:
        if not self._queue:
            raise TransientError("no queue is known for poll")
        client = await self._clients.sqs()
        self.requests["SendMessage"] += 1
        with asking("SendMessage"):
            await client.send_message(QueueUrl=self._queue, MessageBody=body, DelaySeconds=delay)

    # Spool

    async def write(self, name: str, body: bytes) -> None:
        client, key = await self._clients.s3(), keys.polled_object(name)
        self.requests["PutObject"] += 1
        with asking(f"PutObject {key}"):
            await client.put_object(Bucket=self._bucket, Key=key, Body=body)

    async def read(self, name: str, start: int, most: int) -> bytes | None:
        client, key = await self._clients.s3(), keys.polled_object(name)
        self.requests["GetObject"] += 1
        with asking(f"GetObject {key}"):
            try:
                answer = await client.get_object(
                    Bucket=self._bucket, Key=key, Range=f"bytes={start}-{start + most - 1}"
                )
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                if code_of(error) == "InvalidRange":  # it begins where the file ends
                    return b""
                raise
            async with answer["Body"] as body:
                return await body.read()

    async def drop(self, names: Sequence[str]) -> None:
        client = await self._clients.s3()
        for start in range(0, len(names), _DELETED_AT_ONCE):
            objects: Any = [{"Key": keys.polled_object(name)} for name in names[start : start + _DELETED_AT_ONCE]]
            self.requests["DeleteObjects"] += 1
            with asking("DeleteObjects"):
                await client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})

    # Intake

    async def send(self, bodies: Sequence[str], *, bulk: bool = False) -> None:
        queue = self._bulk if bulk else self._changes
        if not queue:
            raise TransientError("no queue is known for what is polled")
        turn = asyncio.Semaphore(_AT_ONCE)
        sends = (self._send(queue, batch, turn) for batch in batches([{"MessageBody": body} for body in bodies]))
        # Every send ends before anything is raised: none goes on behind the back of a handler that has answered.
        for result in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _send(self, queue: str, batch: list[dict[str, Any]], turn: asyncio.Semaphore) -> None:
        left: Any = batch
        async with turn:
            client = await self._clients.sqs()
            for _ in range(2):  # often a single throttled message: once more
                self.requests["SendMessageBatch"] += 1
                with asking("SendMessageBatch"):
                    answer = await client.send_message_batch(QueueUrl=queue, Entries=left)
                refused = {item["Id"]: item["Code"] for item in answer.get("Failed", [])}
                left = [entry for entry in left if entry["Id"] in refused]
                if not left:
                    return
        raise TransientError(f"SendMessageBatch refused {len(left)} of {len(batch)}: {min(refused.values())}")


def _write(item: Polled) -> Item:
    run = _from_run(item.run) if item.run is not None else None
    complete = _from_complete(item.complete) if item.complete is not None else None
    state = [
        item.number, item.requests, item.position, item.looked_at, run, complete, item.owner, item.leased,
        item.trouble, item.fault, _from_parts(item.seen), item.unseen, item.began,
    ]  # fmt: skip
    return {
        **keys.polled_key(item.source).attributes(),
        keys.REVISION: {"N": str(item.revision + 1)},
        keys.SEQUENCE: {"N": "0"},
        keys.WRITE: {"B": token_bytes(6)},
        keys.BODY: {"B": pack(state)},
    }


def _read(source: str, item: Item) -> Polled:
    fields = unpack(item[keys.BODY]["B"])
    number, requests, position, looked_at, run, complete, owner, leased, trouble, fault = fields[:10]
    seen, unseen, *later = fields[10:] or ([], False)
    began = later[0] if later else ()  # items of earlier versions end before it
    return Polled(
        source, number, tuple(requests), position, looked_at, _to_run(run) if run is not None else None,
        _to_complete(complete) if complete is not None else None, owner, leased, trouble, fault,
        int(item[keys.REVISION]["N"]), _to_parts(seen), unseen, tuple(began),
    )  # fmt: skip


def _from_run(run: Run) -> list[Any]:
    return [
        run.number, run.observed, run.step, run.begun, run.position, run.volatile, run.pages, run.spoiled, run.unknown,
        run.expected, run.of, run.problem, _from_parts(run.spool), _from_parts(run.keys), _from_parts(run.differences),
        _from_parts(run.absences), run.sent, astuple(run.found), run.held,
        _from_parts(run.known), run.recalled,
    ]  # fmt: skip


def _to_run(fields: list[Any]) -> Run:
    number, observed, step, begun, position, volatile, pages, spoiled, unknown, expected, *more = fields[:19]
    of, problem, spool, keys_, differences, absences, sent, found, held = more
    known, recalled, *_ = fields[19:] or ([], None)
    return Run(
        number, observed, Step(step), begun, position, volatile, pages, spoiled, unknown, expected, of, problem,
        _to_parts(spool), _to_parts(keys_), _to_parts(differences), _to_parts(absences), sent, Found(*found[:6]), held,
        _to_parts(known), recalled,
    )  # fmt: skip


def _from_complete(complete: Complete) -> list[Any]:
    return [complete.number, complete.rows, complete.at, _from_parts(complete.keys), complete.schema, complete.of]


def _to_complete(fields: list[Any]) -> Complete:
    number, rows, at, parts, schema, of, *_ = fields
    return Complete(number, rows, at, _to_parts(parts), schema, of)


def _from_parts(parts: Sequence[Part]) -> list[list[Any]]:
    return [[part.name, part.rows, part.first, part.last] for part in parts]


def _to_parts(fields: list[list[Any]]) -> tuple[Part, ...]:
    return tuple(Part(*part[:4]) for part in fields)
