"""Who claims what, questions about it, and transactions over several identities."""

import asyncio
from collections.abc import Sequence
from secrets import token_bytes

from provisioning.adapters.aws import keys, linking_keys
from provisioning.adapters.aws.items import Item, account_item, identity_item
from provisioning.adapters.aws.linking_items import (
    Write,
    claim_write,
    claims_by_key,
    link_write,
    question_write,
    read_claimed,
    read_question,
)
from provisioning.adapters.aws.rows import Read, Rows, condition
from provisioning.core.errors import ConflictError, PermanentError
from provisioning.core.linking import Answer, Claim, Claimed, Question
from provisioning.core.together import MOST_WRITES, Together


class LinkedRows:
    """Port Linked."""

    def __init__(self, rows: Rows) -> None:
        self._linked = rows

    async def claimed(self, claims: Sequence[Claim]) -> Sequence[Claimed]:
        by_key = dict(claims_by_key(claims))
        items = {keys.key_of(item): item for item in await self._linked.get_batch(list(by_key))} if by_key else {}
        return [read_claimed(claim, items.get(key)) for key, claim in by_key.items()]

    async def put_together(self, together: Together) -> None:
        if together.writes > MOST_WRITES:
            raise PermanentError(f"{together.writes} items are to be written at once, {MOST_WRITES} can be")
        write = token_bytes(8)
        # Loses to whoever wrote any of it since it was read: then nothing of it is written.
        refused = await self._linked.transact(_writes(together, write), write.hex())
        if refused:
            raise ConflictError("another writer came first")

    async def question(self, id_: str) -> Question | None:
        item = await self._linked.get(linking_keys.question_key(id_))
        return read_question(item) if item is not None else None

    async def questions(self, most: int) -> Sequence[Question]:
        pages = await asyncio.gather(*(self._open(shard, most) for shard in range(keys.SHARDS)))
        oldest = sorted((item[keys.STATE]["S"], keys.key_of(item)) for page in pages for item in page)[:most]
        items = await self._linked.get_batch([key for _, key in oldest]) if oldest else []
        found = [read_question(item) for item in items]
        return sorted((each for each in found if each.answer is Answer.OPEN), key=lambda each: (each.at, each.id))

    async def _open(self, shard: int, most: int) -> list[Item]:
        page, _ = await self._linked.query_page(
            IndexName=keys.SERVICE_INDEX,
            KeyConditionExpression=f"{keys.SERVICE} = :s AND begins_with({keys.STATE}, :c)",
            ExpressionAttributeValues={
                ":s": {"S": linking_keys.questions_partition(shard)},
                ":c": {"S": linking_keys.question_state(Answer.OPEN)},
            },
            Limit=most,
        )
        return page


def _writes(together: Together, write: bytes) -> list[Write]:
    return [
        *(_next(identity_item(each, write), Read(each.revision, each.sequence)) for each in together.identities),
        *(_next(account_item(each, write), Read(each.revision, each.sequence)) for each in together.accounts),
        *map(link_write, together.links),
        *(claim_write(each, write) for each in together.claims),
        *(question_write(each, write) for each in together.questions),
    ]


def _next(item: Item, read: Read) -> Write:
    return "Put", {"Item": item, **condition(read)}
