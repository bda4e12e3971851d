"""How far each reconciliation has come: in the table. Its files: in the bucket. Its continuation: on SQS."""

from collections import Counter
from collections.abc import Sequence
from secrets import token_bytes
from typing import Any

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.clients import Clients, asking
from provisioning.adapters.aws.items import Item
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.reconcile_keys import (
    read_standing_position,
    reconciled_key,
    reconciled_object,
    write_standing_position,
)
from provisioning.adapters.aws.rows import Read, Rows
from provisioning.core.errors import TransientError
from provisioning.core.reconciled import Reconciled, Run, Step, Summary
from provisioning.core.wire import pack, unpack
from provisioning.ports import Standing


class StoredReconciles:
    """Ports Reconciles and Standings. `queue`: the URL of the service's."""

    def __init__(self, rows: Rows, clients: Clients, objects: Objects, queue: str = "") -> None:
        self._rows, self._clients, self._objects, self._queue = rows, clients, objects, queue

    @property
    def requests(self) -> Counter[str]:
        """What was asked, by the service's name for it."""
        return self._rows.requests + self._objects.requests

    # Standings

    async def standings(self, service: str, start: str | None, most: int) -> tuple[Sequence[Standing], str | None]:
        shard, last = read_standing_position(start)
        found: list[Standing] = []
        while shard < keys.SHARDS:
            partition = keys.accounts_partition(service, shard)
            began = {"ExclusiveStartKey": _index_key(service, partition, *last)} if last is not None else {}
            page, more = await self._rows.query_page(
                IndexName=keys.SERVICE_INDEX,
                KeyConditionExpression=f"{keys.SERVICE} = :s",
                ExpressionAttributeValues={":s": {"S": partition}},
                Limit=most - len(found),
                **began,
            )
            found += map(_standing, page)
            if more:
                last = (more[keys.STATE]["S"], keys.identity_of(more["pk"]["S"]))
            else:
                shard, last = shard + 1, None
            if len(found) == most:
                return found, write_standing_position(shard, last)
        return found, None

    # Reconciles

    async def reconciled(self, service: str) -> Reconciled:
        item = await self._rows.get(reconciled_key(service))
        return _read(service, item) if item is not None else Reconciled(service)

    async def put_reconciled(self, item: Reconciled) -> None:
        # Loses to another process that made the same step.
        await self._rows.put_next(_write(item), Read(item.revision, 0))

    async def continue_reconcile(self, body: str, delay: int = 0) -> None:
        if not self._queue:
            raise TransientError("no queue is known for reconcile")
        client = await self._clients.sqs()
        with asking("SendMessage"):
            await client.send_message(QueueUrl=self._queue, MessageBody=body, DelaySeconds=delay)

    async def keep_file(self, name: str, body: bytes) -> None:
        await self._objects.put(reconciled_object(name), body)

    async def file(self, name: str) -> bytes | None:
        return await self._objects.get(reconciled_object(name))

    async def drop_files(self, names: Sequence[str]) -> None:
        await self._objects.drop_all([reconciled_object(name) for name in names])


def _index_key(service: str, partition: str, state: str, identity: str) -> dict[str, Any]:
    return {
        **keys.account_key(identity, service).attributes(),
        keys.SERVICE: {"S": partition},
        keys.STATE: {"S": state},
    }


def _standing(item: Item) -> Standing:
    return Standing(keys.identity_of(item["pk"]["S"]), *keys.read_account_state(item[keys.STATE]["S"]))


def _write(item: Reconciled) -> Item:
    run = _from_run(item.run) if item.run is not None else None
    state = [item.number, item.requests, run, [_from_summary(summary) for summary in item.ended]]
    return {
        **reconciled_key(item.service).attributes(),
        keys.REVISION: {"N": str(item.revision + 1)},
        keys.SEQUENCE: {"N": "0"},
        keys.WRITE: {"B": token_bytes(6)},
        keys.BODY: {"B": pack(state)},
    }


def _read(service: str, item: Item) -> Reconciled:
    number, requests, run, ended, *_ = unpack(item[keys.BODY]["B"])
    return Reconciled(
        service, number, tuple(requests), _to_run(run) if run is not None else None,
        tuple(Summary(*fields[:9]) for fields in ended), int(item[keys.REVISION]["N"]),
    )  # fmt: skip


def _from_run(run: Run) -> list[Any]:
    return [
        run.number, run.begun, run.touched_at, run.step, run.position, run.parts, run.pages, run.shown, run.first,
        run.total, run.problem, run.troubles, run.again, run.barren, dict(run.expected), dict(run.kept), run.part,
        run.acted, dict(run.done),
    ]  # fmt: skip


def _to_run(fields: list[Any]) -> Run:
    number, begun, touched_at, step, position, parts, *more = fields[:19]
    return Run(number, begun, touched_at, Step(step), position, tuple(parts), *more)


def _from_summary(summary: Summary) -> list[Any]:
    return [
        summary.number, summary.begun, summary.ended, summary.complete, summary.problem, summary.shown,
        dict(summary.counts), dict(summary.attributes), dict(summary.done),
    ]  # fmt: skip
