"""Whom the table knows of a source: identities by the index, their records by batches."""

from collections.abc import Sequence

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.indexes import Indexes
from provisioning.adapters.aws.items import read_identity
from provisioning.adapters.aws.rows import Rows


class StoredRecall:
    """Port Recall."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self._indexes = rows, Indexes(rows)

    async def recall(self, source: str, position: str | None, most: int) -> tuple[Sequence[str], str | None]:
        ids, after = await self._indexes.walk(0, 1, position, most)
        items = await self._rows.get_batch([keys.identity_key(id_) for id_ in ids])
        records = (read_identity(item).records.get(source) for item in items)
        return [record.key for record in records if record is not None and not record.deleted], after
