"""Secrets in a dict."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioning.adapters.memory.request import Checkpoint, Request, pass_by
from provisioning.core.errors import TransientError


@dataclass(slots=True)
class MemorySecrets:
    """Secrets by name."""

    values: Mapping[str, str]
    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)

    async def read(self, name: str) -> str:
        """The secret's text. Raises TransientError if there is none: its operator can still supply it."""
        async with Request(self.requests, "GetSecretValue", self.checkpoint):
            if name not in self.values:
                raise TransientError(f"there is no secret {name!r}")
            return self.values[name]
