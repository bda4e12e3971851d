"""Bodies in the bucket that are too large for the table or are read whole."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from provisioning.adapters.aws.clients import Clients, asking, code_of

_DROPPED_AT_ONCE: Final = 1000


class Objects:
    """One bucket."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self.requests: Counter[str] = Counter()
        self._clients, self._bucket = clients, bucket

    async def put(self, name: str, body: bytes) -> None:
        """Store a body under a name; durable when it returns."""
        client = await self._clients.s3()
        self.requests["PutObject"] += 1
        with asking(f"PutObject {name}"):
            await client.put_object(Bucket=self._bucket, Key=name, Body=body)

    async def drop(self, name: str) -> None:
        """Forget a body, whether it is there or not."""
        client = await self._clients.s3()
        self.requests["DeleteObject"] += 1
        with asking(f"DeleteObject {name}"):
            await client.delete_object(Bucket=self._bucket, Key=name)

    async def drop_all(self, names: Sequence[str]) -> None:
        """Forget bodies, whether they are there or not: one request for 1,000."""
        client = await self._clients.s3()
        for start in range(0, len(names), _DROPPED_AT_ONCE):
            some: Any = [{"Key": name} for name in names[start : start + _DROPPED_AT_ONCE]]
            self.requests["DeleteObjects"] += 1
            with asking("DeleteObjects"):
                await client.delete_objects(Bucket=self._bucket, Delete={"Objects": some, "Quiet": True})

    async def sign(self, name: str, seconds: int) -> str:
        """A URL that fetches a body without other credentials, for so many seconds: no request.

        It ends with the credentials that signed it, if that is sooner.
        """
        client = await self._clients.s3()
        with asking(f"a URL of {name}"):
            parameters = {"Bucket": self._bucket, "Key": name}
            url: str = await client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
            return url

    async def get(self, name: str) -> bytes | None:
        """The body of a name; None if there is none."""
        client = await self._clients.s3()
        self.requests["GetObject"] += 1
        with asking(f"GetObject {name}"):
            try:
                answer = await client.get_object(Bucket=self._bucket, Key=name)
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
            async with answer["Body"] as body:
                return await body.read()
