"""Which tokens were taken: one small item each, forgotten by the table itself."""

from collections import Counter

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.rows import Rows
from provisioning.core.period import Instant


class StoredTokens:
    """Port SeenTokens."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the table, by the service's names for it."""
        return Counter(self._rows.requests)

    async def first(self, source: str, token: str, message: str, until: Instant) -> bool:
        mine = {"S": message}
        item = {
            **keys.token_key(source, token).attributes(), keys.WRITE: mine, keys.EXPIRES: {"N": str(until)},
        }  # fmt: skip
        # Loses to another message that brought the same token first. A write whose answer was lost is sent again by
        # the SDK, and wins against itself. What has expired is still there for a while: who comes then is too old.
        stored = await self._rows.put_first(item, f" OR {keys.WRITE} = :m", {":m": mine})
        return bool(stored.get(keys.WRITE) == mine)
