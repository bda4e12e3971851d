"""Staged rows, and how far each extract has come: in the table. Its continuation: on SQS."""

from collections import Counter
from collections.abc import Sequence
from secrets import token_bytes
from typing import Any

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.clients import Clients, asking
from provisioning.adapters.aws.items import Item, read_account
from provisioning.adapters.aws.rows import Read, Rows
from provisioning.core.account import Account
from provisioning.core.errors import TransientError
from provisioning.core.extract import Extracts, Kind, Part, Published, Run
from provisioning.core.period import Instant
from provisioning.core.wire import pack, unpack


class StoredExtracts:
    """Ports Staged and Runs."""

    def __init__(self, rows: Rows, clients: Clients, queue: str = "") -> None:
        self._rows, self._clients, self._queue = rows, clients, queue

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the table, by the service's name for it."""
        return self._rows.requests

    # Staged

    async def accounts(self, service: str, identities: Sequence[str]) -> Sequence[Account]:
        items = await self._rows.get_batch([keys.account_key(identity, service) for identity in identities])
        return [read_account(item) for item in items]

    async def changed(
        self, service: str, after: Instant, until: Instant, start: str | None, most: int
    ) -> tuple[Sequence[str], str | None]:
        shard, last = keys.read_change_position(start)
        found: list[str] = []
        while shard < keys.SHARDS and until > after:
            partition = keys.accounts_partition(service, shard)
            began = {"ExclusiveStartKey": _index_key(service, partition, *last)} if last is not None else {}
            page, more = await self._rows.query_page(
                IndexName=keys.CHANGES_INDEX,
                KeyConditionExpression=f"{keys.SERVICE} = :s AND {keys.CHANGED_AT} BETWEEN :a AND :u",
                ExpressionAttributeValues={
                    ":s": {"S": partition}, ":a": {"N": str(after + 1)}, ":u": {"N": str(until)},
                },
                Limit=most - len(found),
                **began,
            )  # fmt: skip
            found += (keys.identity_of(item["pk"]["S"]) for item in page)
            if more:
                last = (int(more[keys.CHANGED_AT]["N"]), keys.identity_of(more["pk"]["S"]))
            else:
                shard, last = shard + 1, None
            if len(found) == most:
                return found, keys.write_change_position(shard, last)
        return found, None

    # Runs

    async def extracts(self, service: str) -> Extracts:
        item = await self._rows.get(keys.extracts_key(service))
        return _read(service, item) if item is not None else Extracts(service)

    async def put_extracts(self, item: Extracts) -> None:
        # Loses to another process that made the same step.
        await self._rows.put_next(_write(item), Read(item.revision, 0))

    async def continue_extract(self, body: str) -> None:
        if not self._queue:
            raise TransientError("no queue is known for extracts")
        client = await self._clients.sqs()
        with asking("SendMessage"):
            await client.send_message(QueueUrl=self._queue, MessageBody=body)


def _index_key(service: str, partition: str, changed_at: Instant, identity: str) -> dict[str, Any]:
    return {
        **keys.account_key(identity, service).attributes(),
        keys.SERVICE: {"S": partition},
        keys.CHANGED_AT: {"N": str(changed_at)},
    }


def _write(item: Extracts) -> Item:
    published = [_from_published(made) for made in item.published]
    run = _from_run(item.run) if item.run is not None else None
    acknowledged, full = _from_published(item.acknowledged), _from_published(item.full)
    state = [item.number, item.requests, run, published, acknowledged, full, item.trouble]
    return {
        **keys.extracts_key(item.service).attributes(),
        keys.REVISION: {"N": str(item.revision + 1)},
        keys.SEQUENCE: {"N": "0"},
        keys.WRITE: {"B": token_bytes(6)},
        keys.BODY: {"B": pack(state)},
    }


def _read(service: str, item: Item) -> Extracts:
    number, requests, run, published, acknowledged, full, trouble, *_ = unpack(item[keys.BODY]["B"])
    return Extracts(
        service, number, tuple(requests), _to_run(run) if run is not None else None,
        tuple(made for fields in published if (made := _to_published(fields)) is not None),
        _to_published(acknowledged), _to_published(full), trouble, int(item[keys.REVISION]["N"]),
    )  # fmt: skip


def _from_run(run: Run) -> list[Any]:
    parts = [[part.name, part.rows, part.removed, part.bytes, part.sha256] for part in run.parts]
    return [
        run.number, run.kind, run.schema, run.watermark, run.sequence, run.touched_at, _from_published(run.since),
        run.because, run.position, parts, run.walked, run.held, run.released,
    ]  # fmt: skip


def _to_run(fields: list[Any]) -> Run:
    number, kind, schema, watermark, sequence, touched_at, since, because, position, parts, *state = fields
    walked, held, released, *_ = state
    return Run(
        number, Kind(kind), schema, watermark, sequence, touched_at, _to_published(since), because, position,
        tuple(Part(*part[:5]) for part in parts), walked, held, released,
    )  # fmt: skip


def _from_published(made: Published | None) -> list[Any] | None:
    if made is None:
        return None
    return [made.number, made.kind, made.schema, made.watermark, made.rows, made.parts, made.at]


def _to_published(fields: list[Any] | None) -> Published | None:
    if fields is None:
        return None
    number, kind, schema, watermark, rows, parts, at, *_ = fields
    return Published(number, Kind(kind), schema, watermark, rows, parts, at)
