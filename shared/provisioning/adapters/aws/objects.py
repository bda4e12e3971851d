"""Bodies in the bucket that are too large for the table or are read whole."""

from collections import Counter

from botocore.exceptions import ClientError

from provisioning.adapters.aws.clients import Clients, asking, code_of


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
