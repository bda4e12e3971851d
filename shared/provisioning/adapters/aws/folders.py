"""Folders of an IDMS in S3: in a bucket of its own, or in the deployment's."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from botocore.exceptions import ClientError

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.clients import Clients, asking, code_of
from provisioning.core.errors import InvalidError
from provisioning.core.file_names import StoredFile, check_listed

_GONE: Final = frozenset({"NoSuchKey", "404", "PreconditionFailed", "412", "InvalidRange"})


class StoredFolders:
    """Port Folders. A place is `s3://<bucket>/<folder>`; without a bucket it is beneath `sources/` in our own."""

    def __init__(self, clients: Clients, bucket: str = "") -> None:
        self.requests: Counter[str] = Counter()
        self._clients, self._own = clients, bucket

    async def listed(self, place: str, prefix: str, most: int) -> Sequence[StoredFile]:
        bucket, folder = self._at(place)
        client = await self._clients.s3()
        found: list[StoredFile] = []
        token: dict[str, str] = {}
        while True:
            self.requests["ListObjectsV2"] += 1
            with asking(f"ListObjectsV2 {bucket} {folder}{prefix}"):
                answer = await client.list_objects_v2(Bucket=bucket, Prefix=f"{folder}{prefix}", **token)  # type: ignore[arg-type]
            found += (
                StoredFile(item["Key"].removeprefix(folder), item["Size"], item["ETag"])
                for item in answer.get("Contents", [])
            )
            check_listed(len(found), place, most)
            if not answer.get("IsTruncated"):
                return found
            token = {"ContinuationToken": answer["NextContinuationToken"]}

    async def read(self, place: str, file: StoredFile, start: int, length: int) -> bytes | None:
        """If-Match loses to whoever replaced the file since it was listed: two files are never read as one."""
        bucket, folder = self._at(place)
        client = await self._clients.s3()
        self.requests["GetObject"] += 1
        with asking(f"GetObject {bucket} {folder}{file.name}"):
            try:
                answer = await client.get_object(
                    Bucket=bucket,
                    Key=f"{folder}{file.name}",
                    Range=f"bytes={start}-{start + length - 1}",
                    IfMatch=file.etag,
                )
            except ClientError as error:
                if code_of(error) in _GONE:
                    return None
                raise
            async with answer["Body"] as body:
                return await body.read() if answer["ETag"] == file.etag else None

    def _at(self, place: str) -> tuple[str, str]:
        bucket, folder = keys.source_folder(place)
        if not bucket and not self._own:
            raise InvalidError(f"{place} names no bucket", "files.place", right="s3://<bucket>/<folder>")
        return bucket or self._own, folder


@asynccontextmanager
async def open_folders(bucket: str = "") -> AsyncIterator[StoredFolders]:
    """Folders over a connection of their own."""
    clients = Clients()
    try:
        yield StoredFolders(clients, bucket)
    finally:
        await clients.close()
