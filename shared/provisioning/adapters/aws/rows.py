"""Requests to the table: each counted, each failure told apart."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.clients import Clients, asking, code_of
from provisioning.adapters.aws.items import Item
from provisioning.adapters.aws.keys import Key
from provisioning.core.errors import ConflictError, StalePolicyError, TransientError

BATCH: Final = 100  # items of one BatchGetItem
WRITES: Final = 25  # items of one BatchWriteItem
_ATTEMPTS: Final = 6  # of what a batch left undone
_PAUSE: Final = 0.05  # seconds before the first of them is repeated; doubles

CONDITION_FAILED: Final = "ConditionalCheckFailedException"
_CANCELED: Final = "TransactionCanceledException"
_IN_CONFLICT: Final = "TransactionConflictException"


class Read(NamedTuple):
    """What a writer read: the revision (0: nothing) and the sequence of the bundle it decides by."""

    revision: int
    sequence: int


class Rows:
    """One table. `requests` counts what was asked of it, by the service's name for it."""

    def __init__(self, clients: Clients, table: str) -> None:
        self.requests: Counter[str] = Counter()
        self._clients, self._table = clients, table

    async def get(self, key: Key) -> Item | None:
        """One item, read consistently."""
        client = await self._clients.dynamodb()
        self.requests["GetItem"] += 1
        with asking("GetItem"):
            answer = await client.get_item(TableName=self._table, Key=key.attributes(), ConsistentRead=True)
        return answer.get("Item")

    async def get_batch(self, wanted: Sequence[Key]) -> list[Item]:
        """The items that exist, read consistently, in no order: one request for 100."""
        distinct = list(dict.fromkeys(wanted))  # the service refuses a key that stands twice
        batches = (distinct[first : first + BATCH] for first in range(0, len(distinct), BATCH))
        return [item for items in await asyncio.gather(*map(self._get_some, batches)) for item in items]

    async def _get_some(self, wanted: Sequence[Key]) -> list[Item]:
        client = await self._clients.dynamodb()
        left: Any = {self._table: {"Keys": [key.attributes() for key in wanted], "ConsistentRead": True}}
        found: list[Item] = []
        for attempt in range(_ATTEMPTS):
            if attempt:  # the service has its hands full: what it left is asked for a little later
                await asyncio.sleep(_PAUSE * 2**attempt)
            self.requests["BatchGetItem"] += 1
            with asking("BatchGetItem"):
                answer = await client.batch_get_item(RequestItems=left)
            found += answer["Responses"].get(self._table, [])
            left = answer.get("UnprocessedKeys")
            if not left:
                return found
        raise TransientError(f"BatchGetItem left items unread {_ATTEMPTS} times")

    async def query_page(self, **parameters: Any) -> tuple[list[Item], Any]:
        """One page, and the key after which the next one begins, if there may be more."""
        client = await self._clients.dynamodb()
        self.requests["Query"] += 1
        with asking("Query"):
            answer = await client.query(TableName=self._table, **parameters)
        return answer["Items"], answer.get("LastEvaluatedKey")

    async def query(self, **parameters: Any) -> AsyncIterator[Item]:
        """Every item of every page."""
        items, after = await self.query_page(**parameters)
        while True:
            for item in items:
                yield item
            if not after:
                return
            items, after = await self.query_page(**parameters, ExclusiveStartKey=after)

    async def put(self, item: Item) -> None:
        """Write whatever is there."""
        client = await self._clients.dynamodb()
        self.requests["PutItem"] += 1
        with asking("PutItem"):
            await client.put_item(TableName=self._table, Item=item)

    async def put_new(self, item: Item) -> bool:
        """Write an item that is not there yet; False if it was."""
        client = await self._clients.dynamodb()
        self.requests["PutItem"] += 1
        with asking("PutItem"):
            try:
                # Loses to an earlier writer of the same key, which wrote the same.
                await client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
            except ClientError as error:
                if code_of(error) == CONDITION_FAILED:
                    return False
                raise
        return True

    async def put_first(self, item: Item, unless: str, values: Mapping[str, Any]) -> Item:
        """Write an item that is not there yet, or for which a condition holds; returns what is stored then."""
        client = await self._clients.dynamodb()
        self.requests["PutItem"] += 1
        more: Any = {"ExpressionAttributeValues": values} if values else {}
        with asking("PutItem"):
            try:
                # Loses to whoever wrote this key first.
                await client.put_item(
                    TableName=self._table, Item=item, ConditionExpression=f"attribute_not_exists(pk){unless}",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD", **more,
                )  # fmt: skip
            except ClientError as error:
                stored: Any = error.response.get("Item")
                if code_of(error) == CONDITION_FAILED and stored:
                    return dict(stored)
                raise
        return item

    async def put_next(self, item: Item, read: Read) -> None:
        """Write the revision that follows the one that was read.

        Raises ConflictError if another one is stored, StalePolicyError if a newer bundle decided it.
        """
        client = await self._clients.dynamodb()
        self.requests["PutItem"] += 1
        with asking("PutItem"):
            try:
                # Loses to whoever wrote this item since it was read.
                await client.put_item(TableName=self._table, Item=item, **condition(read))
            except ClientError as error:
                if code_of(error) == CONDITION_FAILED:
                    stored: Any = error.response.get("Item")
                    return judge(stored, item, read)
                if code_of(error) == _IN_CONFLICT:
                    raise ConflictError("the item is part of a transaction that is under way") from error
                raise

    async def put_next_with_new(self, item: Item, read: Read, new: Item) -> None:
        """Write as `put_next` does and, with it or not at all, an item that is not there yet."""
        client = await self._clients.dynamodb()
        self.requests["TransactWriteItems"] += 1
        first: Any = {"Put": {"TableName": self._table, "Item": item, **condition(read)}}
        second: Any = {
            "Put": {"TableName": self._table, "Item": new, "ConditionExpression": "attribute_not_exists(pk)"}
        }
        with asking("TransactWriteItems"):
            try:
                # Loses to whoever wrote this item since it was read, and to whoever wrote the new one first.
                await client.transact_write_items(
                    TransactItems=[first, second], ClientRequestToken=item[keys.WRITE]["B"].hex()
                )
            except ClientError as error:
                if code_of(error) == _CANCELED:
                    return _judge_transaction(error, item, read)
                raise

    async def transact(self, writes: Sequence[Any], token: str) -> Sequence[str]:
        """Write all of these or none: the reason of each that was refused, and of the others; none: it is done.

        A repetition of the SDK's own, with the same token, is the same transaction.
        """
        client = await self._clients.dynamodb()
        self.requests["TransactWriteItems"] += 1
        named: Any = [{kind: {"TableName": self._table, **fields}} for kind, fields in writes]
        with asking("TransactWriteItems"):
            try:
                # Loses to whoever made one of the conditions untrue since they were read.
                await client.transact_write_items(TransactItems=named, ClientRequestToken=token)
            except ClientError as error:
                reasons: Any = error.response.get("CancellationReasons")
                if code_of(error) == _CANCELED and reasons:
                    return [str(reason.get("Code")) for reason in reasons]
                raise
        return ()

    async def drop(self, key: Key, write: bytes) -> None:
        """Delete an item, unless another write than this one made it."""
        client = await self._clients.dynamodb()
        self.requests["DeleteItem"] += 1
        with asking("DeleteItem"):
            try:
                # Loses to whoever wrote it since it was read.
                await client.delete_item(
                    TableName=self._table, Key=key.attributes(), ConditionExpression=f"{keys.WRITE} = :w",
                    ExpressionAttributeValues={":w": {"B": write}},
                )  # fmt: skip
            except ClientError as error:
                if code_of(error) != CONDITION_FAILED:
                    raise

    async def write_batch(self, writes: Sequence[Item | Key]) -> None:
        """Put items and delete keys, whatever is there, in no order: one request for 25. Done when it returns."""
        for first in range(0, len(writes), WRITES):
            await self._write_some(writes[first : first + WRITES])

    async def _write_some(self, writes: Sequence[Item | Key]) -> None:
        client = await self._clients.dynamodb()
        left: Any = {
            self._table: [
                {"DeleteRequest": {"Key": write.attributes()}}
                if isinstance(write, Key)
                else {"PutRequest": {"Item": write}}
                for write in writes
            ]
        }
        for attempt in range(_ATTEMPTS):
            if attempt:  # the service has its hands full: what it left is asked for a little later
                await asyncio.sleep(_PAUSE * 2**attempt)
            self.requests["BatchWriteItem"] += 1
            with asking("BatchWriteItem"):
                left = (await client.batch_write_item(RequestItems=left)).get("UnprocessedItems")
            if not left:
                return
        raise TransientError(f"BatchWriteItem left items unwritten {_ATTEMPTS} times")

    async def update(self, key: Key, expression: str, values: Mapping[str, Any], condition: str | None = None) -> Item:
        """Change an item where it is; the changed attributes as they are then. Raises ConflictError if refused."""
        client = await self._clients.dynamodb()
        self.requests["UpdateItem"] += 1
        more: Any = {} if condition is None else {"ConditionExpression": condition}
        with asking("UpdateItem"):
            try:
                answer = await client.update_item(
                    TableName=self._table, Key=key.attributes(), UpdateExpression=expression,
                    ExpressionAttributeValues=values, ReturnValues="UPDATED_NEW", **more,
                )  # fmt: skip
            except ClientError as error:
                if code_of(error) == CONDITION_FAILED:
                    raise ConflictError(f"{key.pk} is not as expected") from error
                raise
        return answer["Attributes"]


def condition(read: Read) -> dict[str, Any]:
    """The condition of the write that follows a read, and the wish to be shown what refused it."""
    show: dict[str, Any] = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if read.revision == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)", **show}
    return {
        "ConditionExpression": f"{keys.REVISION} = :r AND {keys.SEQUENCE} <= :q",
        "ExpressionAttributeValues": {":r": {"N": str(read.revision)}, ":q": {"N": str(read.sequence)}},
        **show,
    }


def judge(stored: Mapping[str, Any] | None, mine: Item, read: Read) -> None:
    """Why a write was refused, by what is stored.

    A write whose answer was lost is sent again by the SDK and then refused by its own first arrival: that one is
    recognized by what was drawn for it, and is a success.
    """
    if not stored:
        raise ConflictError("what was read is not stored any more")
    if stored.get(keys.WRITE) == mine[keys.WRITE]:
        return
    revision, sequence = int(stored[keys.REVISION]["N"]), int(stored[keys.SEQUENCE]["N"])
    if revision != read.revision:
        raise ConflictError(f"revision {revision} is stored, {read.revision} was read")
    raise StalePolicyError(f"bundle {sequence} decided what is stored, {read.sequence} is in hand")


def _judge_transaction(error: ClientError, mine: Item, read: Read) -> None:
    reasons: Any = error.response.get("CancellationReasons", [])
    codes = [reason.get("Code") for reason in reasons]
    if codes[:1] == ["ConditionalCheckFailed"]:
        return judge(reasons[0].get("Item"), mine, read)
    if "ConditionalCheckFailed" in codes or "TransactionConflict" in codes:
        raise ConflictError("another writer came first") from error
    raise error
