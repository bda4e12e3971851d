"""Files for SPs in S3: in a bucket of the SP's or the operator's, or in the deployment's own."""

from collections import Counter

from provisioning.adapters.aws import keys
from provisioning.adapters.aws.clients import Clients, asking


class StoredFiles:
    """Port Files. A place is `s3://<bucket>/<folder>`; without a bucket it is beneath `extracts/` in our own."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self.requests: Counter[str] = Counter()
        self._clients, self._own = clients, bucket

    async def put(self, place: str, name: str, body: bytes) -> None:
        bucket, key = self._at(place, name)
        client = await self._clients.s3()
        self.requests["PutObject"] += 1
        with asking(f"PutObject {key}"):
            await client.put_object(Bucket=bucket, Key=key, Body=body)

    async def has(self, place: str, name: str) -> bool:
        """Asked by listing: the right to do that can be bound to a folder, and an object need not be readable."""
        bucket, key = self._at(place, name)
        client = await self._clients.s3()
        self.requests["ListObjectsV2"] += 1
        with asking(f"ListObjectsV2 {key}"):
            answer = await client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        # Of all names that begin so, the shortest is the first.
        return any(item.get("Key") == key for item in answer.get("Contents", []))

    def _at(self, place: str, name: str) -> tuple[str, str]:
        bucket, folder = keys.place_of(place)
        return bucket or self._own, f"{folder}/{name}"
