"""The bundle in force: its hash and sequence in the table, its content in the bucket."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.aws.rows import Rows
from provisioning.core.catalog import Bundle
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.publication import compile_bundle
from provisioning.core.wire import pack, unpack
from provisioning.ports import Published

FRESH: Final = 60.0  # seconds for which a process does not ask again


class PublishedPolicies:
    """Ports Policies, Publishing and Staleness. `now` gives seconds; only differences count."""

    def __init__(self, rows: Rows, objects: Objects, now: Callable[[], float]) -> None:
        self._rows, self._objects, self._now = rows, objects, now
        self._policy: Policy | None = None
        self._read_at = 0.0
        self._lock = asyncio.Lock()

    @property
    def requests(self) -> Counter[str]:
        """What was asked of the table and the bucket, by the services' names for it."""
        return self._rows.requests + self._objects.requests

    async def current(self, at_least: int = 0) -> Policy:
        if (policy := self._cached(at_least)) is not None:
            return policy
        async with self._lock:  # a batch that finds the cache too old reads once
            return self._cached(at_least) or await self._load(at_least)

    def _cached(self, at_least: int) -> Policy | None:
        policy = self._policy
        if policy is None or policy.sequence < at_least or self._now() >= self._read_at + FRESH:
            return None
        return policy

    async def _load(self, at_least: int) -> Policy:
        read_at = self._now()
        item = await self._rows.get(keys.CURRENT)
        sequence = int(item[keys.SEQUENCE]["N"]) if item is not None else 0
        if item is None or sequence < at_least:
            raise TransientError(f"no bundle with sequence {max(1, at_least)} is published")
        policy, hash_ = self._policy, item[keys.HASH]["S"]
        stale = unpack(item[keys.STALE]["B"]) if keys.STALE in item else {}
        if policy is None or policy.hash != hash_:
            body = await self._objects.get(keys.bundle_object(hash_))
            if body is None:
                raise TransientError(f"bundle {hash_} is in force but not in the bucket")
            policy = _compile(body, hash_)
        self._policy, self._read_at = replace(policy, sequence=sequence, stale=stale), read_at
        return self._policy

    async def publish(self, bundle: bytes, hash_: str) -> Published:
        # The bundle first: whoever reads the hash must find it.
        await self._objects.put(keys.bundle_object(hash_), bundle)
        # Loses to nobody: of two at once, each has a sequence of its own and the higher one is in force.
        changed = await self._rows.update(
            keys.CURRENT,
            f"SET {keys.HASH} = :h, {keys.SEQUENCE} = if_not_exists({keys.SEQUENCE}, :zero) + :one",
            {":h": {"S": hash_}, ":zero": {"N": "0"}, ":one": {"N": "1"}},
        )
        return Published(hash_, int(changed[keys.SEQUENCE]["N"]))

    async def mark(self, stale: Mapping[str, Instant], sequence: int, following: int) -> None:
        # Loses to whoever published a bundle since it was read, and to another schedule that marked the same.
        await self._rows.update(
            keys.CURRENT,
            f"SET {keys.STALE} = :s, {keys.SEQUENCE} = :n",
            {":s": {"B": pack(dict(stale))}, ":n": {"N": str(following)}, ":q": {"N": str(sequence)}},
            f"{keys.SEQUENCE} = :q",
        )


def _compile(body: bytes, hash_: str) -> Policy:
    """The policy of a bundle that was checked when it was published, though perhaps by a newer engine than this."""
    try:
        return compile_bundle(Bundle.model_validate_json(body), hash_)
    except (InvalidError, ValueError) as error:
        raise TransientError(f"bundle {hash_} cannot be read by this engine: {error}") from error
