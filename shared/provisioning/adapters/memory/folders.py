"""Folders of an IDMS, in dicts."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from provisioning.adapters.memory.request import Checkpoint, Request, pass_by
from provisioning.core.file_names import StoredFile, check_listed


@dataclass(slots=True)
class MemoryFolders:
    """Port Folders. `kept`: bodies by place and name."""

    checkpoint: Checkpoint = pass_by
    requests: Counter[str] = field(default_factory=Counter)
    kept: dict[tuple[str, str], bytes] = field(default_factory=dict)

    async def listed(self, place: str, prefix: str, most: int) -> Sequence[StoredFile]:
        async with Request(self.requests, "ListObjectsV2", self.checkpoint):
            names = sorted(name for at, name in self.kept if at == place and name.startswith(prefix))
        check_listed(len(names), place, most)
        return [StoredFile(name, len(self.kept[place, name]), _etag(self.kept[place, name])) for name in names]

    async def read(self, place: str, file: StoredFile, start: int, length: int) -> bytes | None:
        async with Request(self.requests, "GetObject", self.checkpoint):
            body = self.kept.get((place, file.name))
            if body is None or _etag(body) != file.etag:
                return None
            return body[start : start + length]


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
