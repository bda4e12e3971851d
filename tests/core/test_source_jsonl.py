"""JSON lines, read piece by piece."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.file_lines import LONGEST
from provisioning.core.file_rows import Mark
from provisioning.core.source import Item, Spoiled
from provisioning.core.source_files import Files
from provisioning.core.source_jsonl import JsonLines

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def read(body: bytes, size: int = 1 << 20, **more: Any) -> tuple[list[Item | Spoiled], Mark]:
    """All rows of a file that comes in pieces of one size."""
    given = {"place": "s3:///idms", "format": "jsonl", "full": "people-*", "key": "id", **more}
    made = JsonLines(Files.model_validate(given), "people", Mark())
    found: list[Item | Spoiled] = []
    for start in range(0, len(body), size):
        made.feed(body[start : start + size], last=False)
        found += made.read(len(body))
    made.feed(b"", last=True)
    found += made.read(len(body) + 1)
    assert made.finished
    return found, made.mark


@given(st.lists(st.tuples(st.text("ab1", min_size=1) | st.integers(0), VALUES), max_size=6), st.integers(1, 50))
def test_what_was_written_is_read(people: list[tuple[str | int, Any]], size: int) -> None:
    rows = [{"id": key, "value": value} for key, value in people]
    body = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
    found, mark = read(body, size)
    assert found == [Item(str(row["id"]), row) for row in rows]
    assert (mark.offset, mark.rows, mark.problem) == (len(body), len(rows), "")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": "k1"', "not JSON"),
        (b'{"id": "k1", "id": "k2"}', "a name stands twice"),
        (b'{"id": "k1", "x": NaN}', "NaN"),
        (b'{"id": "k1", "x": "\xe9"}', "not utf-8 at byte 20"),
        (b'{"id": "k1", "x": "\\ud800"}', "half a character"),
        (b'["k1"]', "not an object"),
        (b'{"x": 1}', "id names nobody"),
        (b'{"id": true}', "id names nobody"),
        (b'{"id": 1.5}', "id names nobody"),
        (b'{"id": "k1", "x": ' + b"[" * 40 + b"]" * 40 + b"}", "too deeply nested"),
        (b'{"id": "k1", "x": "' + b"x" * LONGEST + b'"}', "bytes, more than"),
    ],
)
def test_a_line_that_cannot_be_read_is_kept_with_its_number(line: bytes, reason: str) -> None:
    found, mark = read(b'\xef\xbb\xbf{"id": 1}\r\n\n' + line + b'\n{"id": "k2"}', 1000)
    assert [row.key for row in found if isinstance(row, Item)] == ["1", "k2"]
    (spoiled,) = (row for row in found if isinstance(row, Spoiled))
    assert spoiled.where == "people:3"
    assert reason in spoiled.reason
    assert (mark.rows, mark.spoiled, mark.problem) == (3, 1, "")


def test_a_file_that_is_cut_off_says_so() -> None:
    found, mark = read(b'{"id": "k1"}\n{"id": "k')
    assert [type(row) for row in found] == [Item, Spoiled]
    assert mark.problem == "people: cut off in line 2"


@pytest.mark.parametrize(
    ("end", "stated", "problem"),
    [
        (b'{"END": 1}\n', 1, ""),
        (b'{"END": "1"}\n', None, "people: its trailer is no count"),
        (b'{"END": 1}\n{"id": "k2"}\n', 1, "people: rows after its trailer"),
    ],
)
def test_a_trailer_says_how_many_rows_there_are(end: bytes, stated: int | None, problem: str) -> None:
    found, mark = read(b'{"id": "k1"}\n' + end, count="trailer", trailer="END")
    assert isinstance(found[0], Item)
    assert (mark.stated, mark.problem) == (stated, problem)


def test_an_operation_says_who_is_gone_and_is_no_field() -> None:
    body = b'{"id": "k1", "op": "D"}\n{"id": "k2", "op": "U", "seen": 5, "x": [1]}\n'
    found, _ = read(body, operation="op", deletes=["D", "DEL"], exclude=["seen"])
    assert found == [Item("k1", None), Item("k2", {"id": "k2", "x": [1]})]
