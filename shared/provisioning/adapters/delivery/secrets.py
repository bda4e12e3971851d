"""Secrets of services, read once and kept until an SP refuses them."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from unicodedata import category

from provisioning.adapters.delivery.refusal import NotSentError
from provisioning.core.errors import ProvisioningError

_UNFIT: Final = {"Cc", "Cs"}  # control characters, and halves of one, which no encoding has


@dataclass(slots=True)
class Secrets:
    """Secrets by name. `read` fetches one, uncached; it raises a ProvisioningError if there is none."""

    read: Callable[[str], Awaitable[str]]
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)
    _locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def kept(self, name: str) -> str | None:
        """The token, if it has been read."""
        return self._tokens.get(name)

    async def token(self, name: str, stale: str | None = None) -> str:
        """The secret. `stale`: the one that was refused; it is read again, once for all who were refused with it."""
        async with self._locks[name]:
            kept = self._tokens.get(name)
            if kept is None or kept.strip() == stale:
                kept = self._tokens[name] = await self.read(name)
            return kept


async def read_within(secrets: Secrets, name: str, within: float, stale: str | None = None) -> str:
    """The secret, without white space around it, within so many seconds. Raises NotSentError, which names it."""
    try:
        async with asyncio.timeout(within):
            return (await secrets.token(name, stale)).strip()
    except TimeoutError as error:
        raise NotSentError(f"no secret {name!r} within {within:.0f} s") from error
    except ProvisioningError as error:
        raise NotSentError(f"no secret {name!r}: {error}") from error


def read_fields(name: str, text: str, *fields: str) -> list[str]:
    """The texts of a secret that is a JSON object with these fields. Raises NotSentError."""
    right = "{" + ", ".join(f'"{field}": …' for field in fields) + "}"
    try:
        held = json.loads(text)
        values = [held[field] for field in fields]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NotSentError(f"secret {name!r} is not {right}") from None
    if not all(isinstance(value, str) and value and not _UNFIT & set(map(category, value)) for value in values):
        raise NotSentError(f"secret {name!r} is not {right}, each a text without control characters")
    return values
