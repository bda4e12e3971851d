"""Port Folders: what an IDMS left is listed and read, and two files are never read as one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from provisioning.adapters.aws.clients import Clients
from provisioning.adapters.aws.folders import StoredFolders, open_folders
from provisioning.adapters.aws.objects import Objects
from provisioning.adapters.memory.folders import MemoryFolders
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.file_names import StoredFile
from provisioning.ports import Folders
from tests.contracts.backends import new_bucket

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWN = "s3:///idms"


@dataclass
class Rig:
    """Folders, the bucket of an IDMS's own, and what an IDMS does."""

    folders: Folders
    theirs: str
    put: Callable[[str, str, bytes], Awaitable[None]]  # place, name, body
    remove: Callable[[str, str], Awaitable[None]]

    async def file(self, name: str, place: str = OWN) -> StoredFile:
        """The file of exactly this name."""
        (found,) = (file for file in await self.folders.listed(place, name, 9999) if file.name == name)
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def rig(backend: Clients | None) -> Rig:
    if backend is None:
        memory = MemoryFolders()

        async def keep(place: str, name: str, body: bytes) -> None:
            memory.kept[place, name] = body

        async def drop(place: str, name: str) -> None:
            del memory.kept[place, name]

        return Rig(memory, "s3://theirs/from/idms", keep, drop)
    own, bucket = await new_bucket(backend), await new_bucket(backend)
    theirs = f"s3://{bucket}/from/idms"

    def at(place: str, name: str) -> tuple[str, str]:
        return (own, f"sources/idms/{name}") if place == OWN else (bucket, f"from/idms/{name}")

    async def put(place: str, name: str, body: bytes) -> None:
        in_bucket, key = at(place, name)
        await Objects(backend, in_bucket).put(key, body)

    async def remove(place: str, name: str) -> None:
        in_bucket, key = at(place, name)
        await (await backend.s3()).delete_object(Bucket=in_bucket, Key=key)

    return Rig(StoredFolders(backend, own), theirs, put, remove)


async def test_files_are_listed_beneath_their_place_by_name(rig: Rig) -> None:
    for name in ("people-2.csv", "people-10.csv", "people-10.csv.done", "changes-1.csv", "1/ü part.csv"):
        await rig.put(OWN, name, name.encode())
    await rig.put(rig.theirs, "people-3.csv", b"theirs")
    listed = await rig.folders.listed(OWN, "people-", 9)
    assert [file.name for file in listed] == ["people-10.csv", "people-10.csv.done", "people-2.csv"]
    assert [file.size for file in listed] == [13, 18, 12]
    assert [file.name for file in await rig.folders.listed(rig.theirs, "", 9)] == ["people-3.csv"]
    assert [file.name for file in await rig.folders.listed(OWN, "1/", 9)] == ["1/ü part.csv"]
    assert await rig.folders.listed("s3:///idms-2", "", 9) == []


async def test_more_files_than_may_be_are_refused(rig: Rig) -> None:
    for number in range(3):
        await rig.put(OWN, f"many-{number}", b"")
    assert len(await rig.folders.listed(OWN, "many-", 3)) == 3
    with pytest.raises(InvalidError, match="s3:///idms: more than 2 files"):
        await rig.folders.listed(OWN, "many-", 2)


async def test_any_piece_of_a_file_is_read(rig: Rig) -> None:
    await rig.put(OWN, "pieces", bytes(range(256)))
    file = await rig.file("pieces")
    assert await rig.folders.read(OWN, file, 0, 3) == b"\0\1\2"
    assert await rig.folders.read(OWN, file, 250, 100) == bytes(range(250, 256))
    assert await rig.folders.read(OWN, file, 0, 1000) == bytes(range(256))


async def test_a_file_that_was_replaced_or_removed_is_not_read(rig: Rig) -> None:
    await rig.put(OWN, "moved", b"one")
    file = await rig.file("moved")
    await rig.put(OWN, "moved", b"two")
    assert await rig.folders.read(OWN, file, 0, 3) is None
    after = await rig.file("moved")
    assert file.etag != after.etag
    assert await rig.folders.read(OWN, after, 0, 3) == b"two"
    await rig.remove(OWN, "moved")
    assert await rig.folders.read(OWN, after, 0, 3) is None


async def test_a_file_of_the_same_content_is_the_same_file(rig: Rig) -> None:
    await rig.put(OWN, "same", b"one")
    file = await rig.file("same")
    await rig.put(OWN, "same", b"one")
    assert await rig.folders.read(OWN, file, 0, 3) == b"one"


async def test_more_than_a_thousand_files_are_listed(clients: Clients) -> None:
    bucket = await new_bucket(clients)
    client, folders = await clients.s3(), StoredFolders(clients, bucket)
    for number in range(1001):
        await client.put_object(Bucket=bucket, Key=f"sources/idms/f{number:04d}", Body=b"")
    assert [file.name for file in await folders.listed(OWN, "", 1001)] == [f"f{number:04d}" for number in range(1001)]
    assert folders.requests == {"ListObjectsV2": 2}
    with pytest.raises(InvalidError, match="more than 900"):
        await folders.listed(OWN, "", 900)


async def test_a_bucket_that_is_not_there_is_a_transient_failure(clients: Clients) -> None:
    folders = StoredFolders(clients, "own")
    with pytest.raises(TransientError, match="NoSuchBucket"):
        await folders.listed("s3://nobodys-bucket-at-all/x", "", 9)
    with pytest.raises(TransientError, match="NoSuchBucket"):
        await folders.read("s3://nobodys-bucket-at-all/x", StoredFile("f", 1, '"e"'), 0, 1)


async def test_without_a_bucket_of_our_own_a_place_must_name_one() -> None:
    async with open_folders() as folders:
        with pytest.raises(InvalidError, match=r"files\.place: s3:///idms names no bucket"):
            await folders.listed(OWN, "", 9)
