"""The bundle in force: what is published, and what one process has cached of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from provisioning.adapters.memory.request import Checkpoint, Clock, Request, pass_by
from provisioning.core.catalog import Bundle
from provisioning.core.errors import ConflictError, TransientError
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.publication import compile_bundle
from provisioning.ports import Published

FRESH: Final = 60.0  # seconds for which a process does not ask again


@dataclass(slots=True)
class MemoryBundles:
    """Ports Publishing and Staleness. One for the deployment."""

    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)
    published: Published | None = None
    compiled: dict[str, Policy] = field(default_factory=dict)
    stale: Mapping[str, Instant] = field(default_factory=dict)

    async def publish(self, bundle: bytes, hash_: str) -> Published:
        policy = _compile(bundle, hash_)
        async with Request(self.requests, "PutObject", self.checkpoint):
            self.compiled[hash_] = policy
        async with Request(self.requests, "UpdateItem", self.checkpoint):
            self.published = Published(hash_, self.published.sequence + 1 if self.published is not None else 1)
            return self.published

    async def mark(self, stale: Mapping[str, Instant], sequence: int, following: int) -> None:
        async with Request(self.requests, "UpdateItem", self.checkpoint):
            # Loses to whoever published a bundle since it was read.
            if self.published is None or self.published.sequence != sequence:
                raise ConflictError("another bundle is in force")
            self.published = replace(self.published, sequence=following)
            self.stale = dict(stale)


@dataclass(slots=True)
class MemoryPolicies:
    """Port Policies. One for each process: what is cached may be a minute old."""

    bundles: MemoryBundles
    now: Clock
    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)
    _policy: Policy | None = None
    _read_at: float = 0.0

    async def current(self, at_least: int = 0) -> Policy:
        policy = self._policy
        if policy is not None and policy.sequence >= at_least and self.now() < self._read_at + FRESH:
            return policy
        read_at = self.now()
        async with Request(self.requests, "GetItem", self.checkpoint):
            published, stale = self.bundles.published, self.bundles.stale
        if published is None or published.sequence < at_least:
            raise TransientError(f"no bundle with sequence {max(1, at_least)} is published")
        if policy is None or policy.hash != published.hash:
            async with Request(self.requests, "GetObject", self.checkpoint):
                policy = self.bundles.compiled[published.hash]
        self._policy, self._read_at = replace(policy, sequence=published.sequence, stale=stale), read_at
        return self._policy


@lru_cache(maxsize=16)
def _compile(bundle: bytes, hash_: str) -> Policy:
    """Once, whatever number of processes and of worlds reads it."""
    return compile_bundle(Bundle.model_validate_json(bundle), hash_)
