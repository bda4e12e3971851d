"""Files of an IDMS: what goes wrong with them, and what is never taken from that."""

import asyncio
import csv
import gzip
import hashlib
import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from provisioning.adapters.memory.folders import MemoryFolders
from provisioning.adapters.sources.file_pieces import PIECE
from provisioning.adapters.sources.files import open_files
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source import Evidence, Item, Page, Spoiled
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction
from tests.sources.files_world import PLACE, no_secret
from tests.sources.world import everything, since

Rows = Iterable[tuple[str, str]]
BOTH: dict[str, Any] = {"full": "people-*.csv", "delta": "changes-*.csv", "operation": "op"}


class Folder:
    """A folder in dicts, and a source of it."""

    def __init__(self) -> None:
        self.folders = MemoryFolders()

    def put(self, name: str, body: bytes) -> None:
        self.folders.kept[PLACE, name] = body

    def remove(self, name: str) -> None:
        del self.folders.kept[PLACE, name]

    @asynccontextmanager
    async def open(self, page: int = 3, timeout: int = 30, **more: Any) -> AsyncIterator[Extraction]:
        files = {"place": PLACE, "full": "people-*.csv", "key": "id", **more}
        poll = Poll.model_validate({"page": page, "timeout": timeout, "files": files})
        async with open_files(poll, no_secret, self.folders) as source:
            yield source


@pytest.fixture
def folder() -> Folder:
    return Folder()


def table(rows: Rows, end: str = "") -> bytes:
    """A full file."""
    text = io.StringIO()
    csv.writer(text).writerows([("id", "given"), *rows])
    return f"{text.getvalue()}{end}".encode()


def delta(rows: Mapping[str, str | None]) -> bytes:
    """A delta; of who is gone, None."""
    text = io.StringIO()
    lines = [(key, given or "", "put" if given else "delete") for key, given in rows.items()]
    csv.writer(text).writerows([("id", "given", "op"), *lines])
    return text.getvalue().encode()


def people(first: int, end: int) -> list[tuple[str, str]]:
    return [(f"k{number}", f"Given {number}") for number in range(first, end)]


def shown(items: Iterable[Item]) -> dict[str, str | None]:
    return {item.key: None if item.fields is None else str(item.fields["given"]) for item in items}


async def rest(source: Extraction, page: Page) -> tuple[list[Item], list[Spoiled], Evidence]:
    """A snapshot from a page on."""
    items, spoiled = list(page.items), list(page.spoiled)
    while page.more:
        page = await source.snapshot(page.position)
        items += page.items
        spoiled += page.spoiled
    assert page.evidence is not None
    return items, spoiled, page.evidence


# Which file is read


async def test_a_newer_full_file_waits_until_the_one_that_was_begun_is_read(folder: Folder) -> None:
    folder.put("people-9.csv", table(people(0, 7)))
    folder.put("people-10.csv", table(people(1, 7)))
    async with folder.open() as source:
        first = await source.snapshot(None)
        folder.put("people-11.csv", table(people(5, 7)))
        items, _, evidence = await rest(source, first)
        assert shown(items) == dict(people(1, 7))
        assert not evidence.problem
        again, last = await everything(source)
    assert shown(again) == dict(people(5, 7))
    assert last.evidence is not None
    assert evidence.of != last.evidence.of


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("gone", [False, True])
async def test_a_file_that_is_replaced_while_it_is_read_shows_nobody_gone(
    folder: Folder, elsewhere: bool, gone: bool
) -> None:
    wide = [(key, given * 60_000) for key, given in people(0, 20)]
    folder.put("people-1.csv", table(wide))
    async with folder.open() as source:
        first = await source.snapshot(None)
        assert first.more
        if gone:
            folder.remove("people-1.csv")
        else:
            folder.put("people-1.csv", table(wide[:10]))
        if not elsewhere:
            _, _, evidence = await rest(source, first)
    if elsewhere:
        async with folder.open() as source:
            _, _, evidence = await rest(source, first)
    assert evidence.problem == "people-1.csv was replaced or removed while it was read"


async def test_a_file_is_read_once_another_says_that_it_is_complete(folder: Folder) -> None:
    folder.put("people-1.csv", table(people(0, 2)))
    folder.put("people-1.csv.done", b"")
    folder.put("people-2.csv", table(people(0, 1)))
    async with folder.open(done=True) as source:
        items, _ = await everything(source)
        assert shown(items) == dict(people(0, 2))
        folder.put("people-2.csv.done", b"")
        items, _ = await everything(source)
    assert shown(items) == dict(people(0, 1))


async def test_without_any_file_nobody_is_gone(folder: Folder) -> None:
    async with folder.open() as source:
        with pytest.raises(
            InvalidError, match=r"files\.full: no file in s3:///idms is called so \(not 'people-\*\.csv'\)"
        ):
            await source.snapshot(None)
        with pytest.raises(InvalidError, match="no file"):
            await source.fetch(["k1"])
        assert await source.begin() is None
        with pytest.raises(InvalidError, match="there are no changes"):
            await source.changes("[]")


async def test_a_place_that_is_none_is_refused(folder: Folder) -> None:
    folder.put("people-1.csv", table(people(0, 2)))
    async with folder.open(**BOTH) as source:
        for position in ("", "[]", "{}", "7"):
            with pytest.raises(InvalidError, match="not a place of this source"):
                await source.snapshot(position)
            with pytest.raises(InvalidError, match="not a place of this source"):
                await source.changes(position)


# What proves that everybody was shown


@pytest.mark.parametrize(
    ("body", "more", "expected", "problem"),
    [
        (b"", {}, None, "people-1.csv shows nobody, and nothing says that this is right"),
        (table([]), {}, None, "people-1.csv shows nobody, and nothing says that this is right"),
        (table([], "END,0\n"), {"count": "trailer", "trailer": "END"}, 0, ""),
        (table(people(0, 3), "END,3\n"), {"count": "trailer", "trailer": "END"}, 3, ""),
        (
            table(people(0, 3)),
            {"count": "trailer", "trailer": "END"},
            None,
            "people-1.csv has no trailer: it is cut off",
        ),
        (table(people(0, 3), "END,4\n"), {"count": "trailer", "trailer": "END"}, 4, "people-1.csv has 3 rows, where 4"),
        (table(people(0, 3)), {"count": "file"}, None, "there is no people-1.csv.count"),
        (table(people(0, 3))[:-2], {}, None, "people-1.csv: cut off in line 4"),
        (table(people(0, 3))[:-2], {"ended": False}, None, ""),
        (table(people(0, 3), 'k9,"x'), {}, None, "people-1.csv: cut off in line 5"),
        (table(people(0, 3), "x\n" * 9), {}, None, ""),
        (table(people(0, 3), "x\n" * 10), {}, None, "10 of 13 rows could not be read"),
        (table(people(0, 3)), {}, None, ""),
    ],
)
async def test_a_snapshot_is_believed_by_what_its_file_says(
    folder: Folder, body: bytes, more: dict[str, Any], expected: int | None, problem: str
) -> None:
    folder.put("people-1.csv", body)
    async with folder.open(**more) as source:
        _, last = await everything(source)
    assert last.evidence is not None
    assert last.evidence.expected == expected
    assert last.evidence.problem.startswith(problem)
    assert bool(last.evidence.problem) == bool(problem)


@pytest.mark.parametrize(
    ("count", "problem"), [(b" 3\n", ""), (b"2", "has 3 rows, where 2 were counted"), (b"x", "no number")]
)
async def test_a_count_stands_in_a_file_of_its_own(folder: Folder, count: bytes, problem: str) -> None:
    folder.put("people-1.csv", table(people(0, 3)))
    folder.put("people-1.csv.count", count)
    async with folder.open(count="file") as source:
        _, last = await everything(source)
    assert last.evidence is not None
    assert problem in last.evidence.problem
    assert bool(problem) == bool(last.evidence.problem)


# Full files and deltas together


async def test_a_snapshot_is_the_newest_full_file_with_the_deltas_after_it(folder: Folder) -> None:
    folder.put("changes-01.csv", delta({"k1": "Long ago", "k9": "Gone since"}))
    folder.put("changes-03.csv", delta({"k1": "Renamed", "k2": None, "k7": "New"}))
    folder.put("changes-04.csv", delta({"k7": None, "k8": "Newer", "k1": "Again"}))
    more = {**BOTH, "count": "trailer", "trailer": "END"}
    folder.put("people-02.csv", delta(dict(people(0, 6))) + b"END,6\n")
    for name in ("changes-01.csv", "changes-03.csv", "changes-04.csv"):
        body = folder.folders.kept[PLACE, name]
        folder.put(name, body + f"END,{body.count(b'put') + body.count(b'delete')}\n".encode())
    now = {**dict(people(0, 6)), "k1": "Again", "k8": "Newer"}
    del now["k2"]
    async with folder.open(**more) as source:
        items, last = await everything(source)
        fetched = await source.fetch(["k8", "k1", "k2", "k0", "k7", "k9"])
    assert (shown(items), len(items)) == (now, 6)
    assert last.evidence == Evidence(6, "", last.evidence.of if last.evidence is not None else "")
    assert shown(fetched) == {"k8": "Newer", "k1": "Again", "k2": None, "k0": "Given 0", "k7": None, "k9": None}


async def test_a_snapshot_that_goes_on_elsewhere_is_the_same_snapshot(folder: Folder) -> None:
    folder.put("people-1.csv", table(people(0, 9)))
    folder.put("changes-2.csv", delta({"k3": None, "k10": "A", "k11": "B", "k12": "C", "k13": "D"}))
    async with folder.open(**BOTH) as source:
        whole, _ = await everything(source)
    items: list[Item] = []
    position, more, pages = None, True, 0
    while more:
        async with folder.open(**BOTH) as source:
            page = await source.snapshot(position)
        folder.put(f"changes-{20 + pages}.csv", delta({f"n{pages}": "later"}))
        items += page.items
        position, more, pages = page.position, page.more, pages + 1
    assert items == whole
    assert pages >= 5
    assert page.evidence is not None
    assert not page.evidence.problem


async def test_deltas_that_are_replaced_during_a_snapshot_are_noticed(folder: Folder) -> None:
    folder.put("people-1.csv", table(people(0, 9)))
    folder.put("changes-2.csv", delta({"k10": "A"}))
    async with folder.open(**BOTH) as source:
        first = await source.snapshot(None)
    folder.put("changes-2.csv", delta({"k11": "A"}))
    async with folder.open(**BOTH) as source:
        _, _, evidence = await rest(source, first)
    assert evidence.problem == "deltas were replaced or removed while a snapshot was read"


async def test_stamps_that_cannot_be_ordered_together_are_refused(folder: Folder) -> None:
    folder.put("people-20260131.csv", delta({}))
    folder.put("changes-000017.csv", delta({"k1": "A"}))
    async with folder.open(**BOTH) as source:
        with pytest.raises(InvalidError, match=r"files\.delta: people-20260131\.csv and changes-000017\.csv"):
            await source.snapshot(None)


# Deltas


async def _begun(folder: Folder, **more: Any) -> str:
    async with folder.open(**{**BOTH, **more}) as source:
        begun = await source.begin()
    assert begun is not None
    return begun


async def test_deltas_are_read_in_order_from_any_place(folder: Folder) -> None:
    folder.put("changes-1.csv", delta({"k0": "Before"}))
    position, items, more = await _begun(folder), list[Item](), True
    folder.put("changes-10.csv", delta({"k1": "Last"}))
    folder.put("changes-9.csv", delta({"k1": "First", "k2": None, "k3": "C", "k4": "D"}))
    folder.put("changes-11.csv", delta({}))
    folder.put("changes-12.csv", b"")
    while more:
        async with folder.open(**BOTH) as source:  # another process for each page
            page = await source.changes(position)
        assert page.position is not None
        assert not page.lost
        items += page.items
        position, more = page.position, page.more
    assert [item.key for item in items] == ["k1", "k2", "k3", "k4", "k1"]
    assert items[1].fields is None
    async with folder.open(**BOTH) as source:
        assert (await since(source, position))[0] == []


async def test_a_missing_number_calls_for_a_snapshot(folder: Folder) -> None:
    folder.put("changes-1.csv", delta({"k0": "Before"}))
    begun = await _begun(folder, numbered=True)
    folder.put("changes-3.csv", delta({"k1": "A"}))
    async with folder.open(**BOTH, numbered=True) as source:
        page = await source.changes(begun)
        assert (page.lost, page.items) == ("number 2 is missing before changes-3.csv", ())
        assert page.position is not None
        folder.put("changes-4.csv", delta({"k2": "B"}))
        items, _ = await since(source, page.position)
    assert shown(items) == {"k2": "B"}


async def test_a_delta_that_is_not_complete_keeps_the_next_one_waiting(folder: Folder) -> None:
    begun = await _begun(folder, done=True)
    for name in ("changes-1.csv", "changes-2.csv", "changes-2.csv.done"):
        folder.put(name, delta({name: "A"}))
    async with folder.open(**BOTH, done=True) as source:
        assert await since(source, begun) == ([], begun)
        folder.put("changes-1.csv.done", b"")
        items, _ = await since(source, begun)
    assert [item.key for item in items] == ["changes-1.csv", "changes-2.csv"]


async def test_what_is_not_complete_when_a_snapshot_begins_is_shown_after_it(folder: Folder) -> None:
    """And what was given up before the full file is waited for no more."""
    for name in ("changes-1.csv", "changes-4.csv", "changes-5.csv", "changes-5.csv.done", "people-2.csv.done"):
        folder.put(name, delta({name: "A"}))
    folder.put("people-2.csv", delta(dict(people(0, 3))))
    begun = await _begun(folder, done=True)
    folder.put("changes-4.csv.done", b"")
    async with folder.open(**BOTH, done=True) as source:
        items, _ = await since(source, begun)
    assert [item.key for item in items] == ["changes-4.csv", "changes-5.csv"]


async def test_a_delta_that_is_replaced_while_it_is_read_is_read_again(folder: Folder) -> None:
    begun = await _begun(folder)
    folder.put("changes-1.csv", delta(dict(people(0, 9))))
    async with folder.open(**BOTH) as source:
        first = await source.changes(begun)
    folder.put("changes-1.csv", delta(dict(people(20, 29))))
    assert first.position is not None
    async with folder.open(**BOTH) as source:
        items, _ = await since(source, first.position)
    assert shown(items) == dict(people(20, 29))


@pytest.mark.parametrize("begins", [False, True])
async def test_a_delta_that_is_removed_while_it_is_read_calls_for_a_snapshot(folder: Folder, begins: bool) -> None:
    position = await _begun(folder)
    folder.put("changes-1.csv", delta({"k1": "A"}))
    folder.put("changes-2.csv", delta(dict(people(0, 9))))
    async with folder.open(**BOTH) as source:
        page = await source.changes(position)
        page = await source.changes(page.position or "") if begins else page
        folder.remove("changes-2.csv")
        if not begins:
            page = await source.changes(page.position or "")
    if begins:
        async with folder.open(**BOTH) as source:
            page = await source.changes(page.position or "")
    assert page.lost == "changes-2.csv was removed before it was read"
    assert page.position == await _begun(folder)


@pytest.mark.parametrize(
    ("body", "more", "lost"),
    [
        (delta({"k1": "A"})[:-2], {}, "changes-1.csv: cut off in line 2"),
        (delta({"k1": "A"}) + b"END,2\n", {"count": "trailer", "trailer": "END"}, "changes-1.csv has 1 rows, where 2"),
        (delta({"k1": "A"}), {"count": "trailer", "trailer": "END"}, "changes-1.csv has no trailer"),
        (delta({"k1": "A"}) + b"x\n" * 10, {}, "10 of 11 rows could not be read"),
    ],
)
async def test_a_delta_that_lacks_rows_calls_for_a_snapshot(
    folder: Folder, body: bytes, more: dict[str, Any], lost: str
) -> None:
    begun = await _begun(folder)
    folder.put("changes-1.csv", body)
    async with folder.open(page=50, **BOTH, **more) as source:
        page = await source.changes(begun)
        assert page.more
        last = await source.changes(page.position or "")
    assert last.lost.startswith(lost)
    assert not last.items
    assert last.position == await _begun(folder)


# One who is asked for


async def test_nobody_is_taken_for_gone_who_may_stand_in_a_spoiled_row(folder: Folder) -> None:
    folder.put("people-1.csv", table(people(0, 3), "k7,x,y\r\n"))
    async with folder.open() as source:
        assert shown(await source.fetch(["k1", "k9"])) == {"k1": "Given 1", "k9": None}
        with pytest.raises(InvalidError, match=r"people-1\.csv:5: .*3 cells"):
            await source.fetch(["k1", "k7"])
        folder.put("people-2.csv", table(people(0, 3))[:-2])
        with pytest.raises(InvalidError, match="cut off"):
            await source.fetch(["k9"])
        with pytest.raises(InvalidError, match="at most 1000"):
            await source.fetch([str(number) for number in range(1001)])


# Packed files, parts, and bounds


async def test_a_packed_file_goes_on_elsewhere(folder: Folder) -> None:
    folder.put("people-1.csv.gz", gzip.compress(table(people(0, 20))))
    items, position, more = list[Item](), None, True
    while more:
        async with folder.open(full="people-*.csv.gz") as source:
            page = await source.snapshot(position)
        items += page.items
        position, more = page.position, page.more
    assert shown(items) == dict(people(0, 20))
    assert len(items) == 20


async def test_a_packed_file_that_is_cut_off_proves_nothing(folder: Folder) -> None:
    folder.put("people-1.csv.gz", gzip.compress(table(people(0, 20)))[:-4])
    async with folder.open(full="people-*.csv.gz") as source:
        _, last = await everything(source)
    assert last.evidence is not None
    assert "cut off" in last.evidence.problem


def manifest(parts: Mapping[str, bytes], rows: int) -> bytes:
    said = [
        {"name": name, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in parts.items()
    ]
    return json.dumps({"manifest": 1, "rows": rows, "parts": said}).encode()


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, ""),
        ({"b.csv": table(people(4, 7)).replace(b"Given 5", b"Giver 5")}, "sha256"),
        ({"b.csv": table(people(4, 6))}, "1/b.csv: 34 bytes, where"),
    ],
)
async def test_parts_are_read_as_their_manifest_names_them(
    folder: Folder, change: dict[str, bytes], problem: str, elsewhere: bool
) -> None:
    parts = {"a.csv": table(people(0, 4)), "b.csv": table(people(4, 7)), "c.csv": table([])}
    folder.put("1/manifest.json", manifest(parts, 7))
    for name, body in {**parts, **change}.items():
        folder.put(f"1/{name}", body)
    more: dict[str, Any] = {"full": "*/manifest.json", "count": "manifest", "page": 50}
    if elsewhere:
        more["page"] = 4  # another process begins with each part, so that it is known whole
    async with folder.open(**more) as source:
        page = await source.snapshot(None)
        items = list(page.items)
        while page.more and not elsewhere:
            page = await source.snapshot(page.position)
            items += page.items
    while page.more:
        async with folder.open(**more) as source:
            page = await source.snapshot(page.position)
            items += page.items
    assert page.evidence is not None
    assert page.evidence.expected == 7
    assert problem in page.evidence.problem
    assert bool(problem) == bool(page.evidence.problem)
    if not problem:
        assert shown(items) == dict(people(0, 7))


async def test_a_manifest_without_parts_shows_that_there_is_nobody(folder: Folder) -> None:
    folder.put("1/manifest.json", manifest({}, 0))
    async with folder.open(full="*/manifest.json", count="manifest") as source:
        items, last = await everything(source)
    assert (items, last.evidence and last.evidence.expected, last.evidence and last.evidence.problem) == ([], 0, "")


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"rows": 1}', b'{"rows": true, "parts": []}', b'{"rows": 1, "parts": [{"name": "../x"}]}', b"\xff"],
)
async def test_a_manifest_that_is_none_is_refused_by_its_name(folder: Folder, body: bytes) -> None:
    folder.put("1/manifest.json", body)
    async with folder.open(full="*/manifest.json", count="manifest") as source:
        with pytest.raises(InvalidError, match=r"^1/manifest\.json:"):
            await everything(source)


async def test_a_page_holds_few_pieces_however_many_rows_it_may_have(folder: Folder) -> None:
    folder.put("people-1.csv", table((f"k{number}", "x" * 200_000) for number in range(60)))
    async with folder.open(page=10_000) as source:
        page = await source.snapshot(None)
        assert 0 < len(page.items) <= 6 * PIECE // 200_000
        items, _, _ = await rest(source, page)
    assert len(items) == 60


async def test_a_page_after_another_reads_nothing_twice(folder: Folder) -> None:
    folder.put("people-1.csv", table(people(0, 300)))
    async with folder.open() as source:
        await everything(source)
    assert folder.folders.requests == {"ListObjectsV2": 1, "GetObject": 1}


async def test_a_file_beyond_the_largest_is_refused(folder: Folder) -> None:
    folder.put("people-1.csv", table(people(0, 9)))
    folder.put("people-2.csv.gz", gzip.compress(table(people(0, 9))))
    for full in ("people-*.csv", "people-*.csv.gz"):
        async with folder.open(full=full, largest=100) as source:
            with pytest.raises(InvalidError, match="more than 100 bytes"):
                await everything(source)


async def test_an_answer_takes_no_longer_than_it_may(folder: Folder) -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    folder.folders.checkpoint = forever
    async with folder.open(timeout=1) as source:
        with pytest.raises(TransientError, match="no answer of s3:///idms in 1 s"):
            await source.snapshot(None)
