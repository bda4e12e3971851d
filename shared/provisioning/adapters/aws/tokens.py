"""Which tokens were taken: one small item each, forgotten by the table itself."""

from collections import Counter
from collections.abc import Sequence, Set

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.rows import Rows
from provisioning.core.token import Taken


class StoredTokens:
    """Port SeenTokens."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the table, by the services' names for it."""
        return Counter(self._rows.requests)

    async def seen(self, tokens: Sequence[Taken]) -> Set[tuple[str, str]]:
        wanted = {keys.token_key(each.source, each.token): (each.source, each.token) for each in tokens}
        # What has expired may still be there for a while: who comes with it then is too old to be believed.
        return {wanted[keys.key_of(item)] for item in await self._rows.get_batch(list(wanted))}

    async def remember(self, tokens: Sequence[Taken]) -> None:
        # Without a condition: whoever else remembers the same token writes the same.
        items = {
            key: {**key.attributes(), keys.EXPIRES: {"N": str(each.until)}}
            for each in tokens
            if (key := keys.token_key(each.source, each.token))
        }
        await self._rows.write_batch(list(items.values()))
