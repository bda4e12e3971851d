"""Claims, questions and transactions over several identities, in dicts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from provisioning.adapters.aws import keys, linking_keys
from provisioning.adapters.memory.index import Place
from provisioning.adapters.memory.indexes import Indexes
from provisioning.adapters.memory.request import Checkpoint, Request
from provisioning.adapters.memory.size import check_account, check_identity
from provisioning.core.account import Account
from provisioning.core.errors import ConflictError, PermanentError
from provisioning.core.identity import Identity
from provisioning.core.linking import Answer, Claim, Claimed, Question
from provisioning.core.together import MOST_WRITES, Together

BATCH = 100  # items of one BatchGetItem


class MemoryLinked:
    """Port Linked, beside the other items of the table."""

    requests: Counter[str]
    identities: dict[str, Identity]
    accounts: dict[str, dict[str, Account]]
    linked: dict[tuple[str, str], str]
    indexes: Indexes
    _checkpoint: Checkpoint

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self.claims: dict[tuple[str, str], Claimed] = {}  # by the key of its item
        self.asked: dict[str, Question] = {}
        self._writes = 0

    async def claimed(self, claims: Sequence[Claim]) -> Sequence[Claimed]:
        wanted, found = list(dict.fromkeys(claims)), list[Claimed]()
        for first in range(0, len(wanted), BATCH):
            async with Request(self.requests, "BatchGetItem", self._checkpoint):
                for claim in wanted[first : first + BATCH]:
                    stored = self.claims.get(linking_keys.claim_key(*claim))
                    found.append(replace(stored, claim=claim) if stored is not None else Claimed(claim))
        return found

    async def put_together(self, together: Together) -> None:
        for identity in together.identities:
            check_identity(identity)
        for account in together.accounts:
            check_account(account)
        if together.writes > MOST_WRITES:
            raise PermanentError(f"{together.writes} items are to be written at once, {MOST_WRITES} can be")
        async with Request(self.requests, "TransactWriteItems", self._checkpoint):
            # Loses to whoever wrote any of it since it was read: then nothing of it is written.
            if not self._as_read(together):
                raise ConflictError("another writer came first")
            self._write(together)

    def _as_read(self, together: Together) -> bool:
        identities = all(_follows(self.identities.get(each.id), each) for each in together.identities)
        accounts = all(
            _follows(self.accounts.get(each.identity, {}).get(each.service), each) for each in together.accounts
        )
        return (
            identities
            and accounts
            and all(self.linked.get((each.source, each.key), "") == each.was for each in together.links)
            and all(self._claim_as_read(each) for each in together.claims)
            and all(
                (stored.revision if (stored := self.asked.get(each.id)) else 0) == each.revision
                for each in together.questions
            )
        )

    def _claim_as_read(self, claimed: Claimed) -> bool:
        stored = self.claims.get(linking_keys.claim_key(*claimed.claim))
        return (stored.written if stored is not None else "") == claimed.written

    def _write(self, together: Together) -> None:
        for identity in together.identities:
            self._store_identity(identity)
        for account in together.accounts:
            stored = replace(account, revision=account.revision + 1)
            self.accounts.setdefault(account.identity, {})[account.service] = stored
            self.indexes.put(stored)
        for link in together.links:
            if link.identity:
                self.linked[link.source, link.key] = link.identity
            else:
                del self.linked[link.source, link.key]
        self._writes += 1
        for claimed in together.claims:
            if claimed.claimants or claimed.crowded:
                self.claims[linking_keys.claim_key(*claimed.claim)] = replace(claimed, written=f"{self._writes:x}")
            else:
                self.claims.pop(linking_keys.claim_key(*claimed.claim), None)
        for question in together.questions:
            self._store_question(question)

    def _store_identity(self, identity: Identity) -> None:
        self.identities[identity.id] = replace(identity, revision=identity.revision + 1)
        key, shard = keys.identity_key(identity.id), keys.shard_of(identity.id)
        due = Place(str(shard % self.shards), identity.due_at) if identity.due_at is not None else None
        self.indexes.due.put(key, due)
        self.indexes.by_service.put(key, Place(keys.identities_partition(shard), identity.id))

    @property
    def shards(self) -> int:
        """How many shards there are, numbered from 0."""
        return self._shards

    def _store_question(self, question: Question) -> None:
        self.asked[question.id] = replace(question, revision=question.revision + 1)
        partition = linking_keys.questions_partition(keys.shard_of(question.id))
        place = Place(partition, linking_keys.question_state(question.answer, question.at))
        self.indexes.by_service.put(linking_keys.question_key(question.id), place)

    async def question(self, id_: str) -> Question | None:
        async with Request(self.requests, "GetItem", self._checkpoint):
            return self.asked.get(id_)

    async def questions(self, most: int) -> Sequence[Question]:
        found: list[tuple[int | str, tuple[str, str]]] = []
        for shard in range(keys.SHARDS):
            async with Request(self.requests, "Query", self._checkpoint):
                page = self.indexes.by_service.partition(linking_keys.questions_partition(shard))
                opened = [each for each in page if str(each[0]).startswith(linking_keys.question_state(Answer.OPEN))]
                found += opened[:most]
        ids = [linking_keys.question_of(key[0]) for _, key in sorted(found)[:most]]
        some: list[Question] = []
        for first in range(0, len(ids), BATCH):
            async with Request(self.requests, "BatchGetItem", self._checkpoint):
                some += (self.asked[id_] for id_ in ids[first : first + BATCH])
        return sorted((each for each in some if each.answer is Answer.OPEN), key=lambda each: (each.at, each.id))


def _follows(stored: Identity | Account | None, mine: Identity | Account) -> bool:
    if stored is None:
        return mine.revision == 0
    return stored.revision == mine.revision and stored.sequence <= mine.sequence
