"""Bearer tokens of services, read once and kept until an SP refuses them."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Secrets:
    """Tokens by the secret's name. `read` fetches one, uncached; it raises a ProvisioningError if there is none."""

    read: Callable[[str], Awaitable[str]]
    _tokens: dict[str, str] = field(default_factory=dict)
    _locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def kept(self, name: str) -> str | None:
        """The token, if it has been read."""
        return self._tokens.get(name)

    async def token(self, name: str, stale: str | None = None) -> str:
        """The token. `stale`: the one that was refused; it is read again, once for all who were refused with it."""
        async with self._locks[name]:
            kept = self._tokens.get(name)
            if kept is None or kept.strip() == stale:
                kept = self._tokens[name] = await self.read(name)
            return kept
