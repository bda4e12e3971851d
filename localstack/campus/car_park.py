"""The car park: it reads the files of a folder, as any SP does that knows the manifest and nothing of the engine."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_MANIFEST: Final = "/manifest.json"
Row = Mapping[str, str]


class DamagedFileError(Exception):
    """A file is not what its manifest says."""


@dataclass
class CarPark:
    """What it took in last: `rows` by login. `number`: of the extract."""

    s3: "S3Client"
    bucket: str
    folder: str
    number: int = 0
    parts: int = 0
    rows: dict[str, Row] = field(default_factory=dict)

    async def take_in(self) -> bool:
        """Take in the newest extract that has a manifest, and acknowledge it; False if there is no newer one."""
        listed = await self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{self.folder}/")
        names = [item["Key"] for item in listed.get("Contents", [])]
        manifests = sorted(name for name in names if name.endswith(_MANIFEST))
        if not manifests:
            return False
        name = manifests[-1]
        manifest = json.loads(await self._read(name))
        if manifest["number"] <= self.number:
            return False
        folder = name.removesuffix(_MANIFEST)
        parts = [await self._read(f"{folder}/{part['name']}") for part in manifest["parts"]]
        self.rows = {row["login"]: row for row in read_full(manifest, parts)}
        self.number, self.parts = manifest["number"], len(parts)
        await self.s3.put_object(Bucket=self.bucket, Key=f"{name}.ack", Body=b"")
        return True

    async def _read(self, key: str) -> bytes:
        answer = await self.s3.get_object(Bucket=self.bucket, Key=key)
        return await answer["Body"].read()


def read_full(manifest: Mapping[str, Any], parts: list[bytes]) -> list[Row]:
    """Every row of a full extract in CSV. Raises DamagedFileError if anything differs from the manifest."""
    rows: list[Row] = []
    for said, body in zip(manifest["parts"], parts, strict=True):
        found = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
        if (said["rows"], said["bytes"], said["sha256"]) != (len(found), len(body), hashlib.sha256(body).hexdigest()):
            raise DamagedFileError(f"{said['name']} is not what its manifest says")
        rows += found
    if manifest["kind"] != "full" or len(rows) != manifest["rows"]:
        raise DamagedFileError(f"extract {manifest['number']} is not whole: {len(rows)} rows of {manifest['rows']}")
    return rows
