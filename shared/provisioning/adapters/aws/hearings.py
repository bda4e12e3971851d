"""When sources were last heard, in the table."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.rows import Rows
from provisioning.core.errors import ConflictError
from provisioning.core.period import Instant

GRAIN: Final = 60  # seconds within which nobody writes again that a source was heard


class StoredHearings:
    """Port Hearings."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._heard: dict[str, Instant] = {}  # as far as this process knows

    async def hear(self, source: str, now: Instant) -> None:
        if self._heard.get(source, now - GRAIN) > now - GRAIN:
            return
        field = keys.CURSOR
        values = {":n": {"N": str(now)}, ":o": {"N": str(now - GRAIN)}}
        condition = f"attribute_not_exists({field}) OR {field} <= :o"
        with suppress(ConflictError):
            # Loses to whoever heard it at about the same time, or later: then it is known.
            await self._rows.update(keys.heard_key(source), f"SET {field} = :n", values, condition)
        self._heard[source] = now

    async def heard(self, sources: Sequence[str]) -> Mapping[str, Instant]:
        by_key = {keys.heard_key(source): source for source in sources}
        items = await self._rows.get_batch(list(by_key))
        return {by_key[keys.key_of(item)]: int(item[keys.CURSOR]["N"]) for item in items}
