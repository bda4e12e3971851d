"""Bodies in the bucket that are too large for the table or are read whole."""

from collections import Counter

from provisioning.adapters.aws.clients import Clients, asking


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

    async def get(self, name: str) -> bytes:
        """The body of a name. Raises TransientError also if there is none: names come from the table."""
        client = await self._clients.s3()
        self.requests["GetObject"] += 1
        with asking(f"GetObject {name}"):
            answer = await client.get_object(Bucket=self._bucket, Key=name)
            async with answer["Body"] as body:
                return await body.read()
