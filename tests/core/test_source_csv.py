"""CSV, read piece by piece: what is whole is read, and damage does not spread."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from provisioning.core.errors import InvalidError
from provisioning.core.file_lines import LONGEST, MOST_SKIPPED
from provisioning.core.file_rows import Mark, Reader
from provisioning.core.source import Item, Spoiled
from provisioning.core.source_csv import MOST_LINES, CsvRows
from provisioning.core.source_files import Files

HEADER = b"id,given,unit\n"
BYTES = st.lists(st.sampled_from([b'"', b",", b"\n", b"\r\n", b"a", b"id7", b"\xe9", "ü".encode(), b"END,3"])).map(
    b"".join
)


def options(**more: Any) -> Files:
    return Files.model_validate({"place": "s3:///idms", "full": "people-*.csv", "key": "id", **more})


def reader(mark: Mark = Mark(), **more: Any) -> CsvRows:  # noqa: B008 frozen
    return CsvRows(options(**more), "people.csv", mark)


def drain(made: Reader, most: int = 100) -> list[Item | Spoiled]:
    """All that can be read now."""
    found: list[Item | Spoiled] = []
    while rows := made.read(most):
        found += rows
    return found


def read(body: bytes, size: int = 1 << 20, **more: Any) -> tuple[list[Item | Spoiled], Mark]:
    """All rows of a file that comes in pieces of one size."""
    made, found = reader(**more), list[Item | Spoiled]()
    for start in range(0, len(body), size):
        made.feed(body[start : start + size], last=False)
        found += drain(made)
    made.feed(b"", last=True)
    found += drain(made)
    assert made.finished
    return found, made.mark


def spoiled(rows: Sequence[Item | Spoiled]) -> list[Spoiled]:
    return [row for row in rows if isinstance(row, Spoiled)]


def keys(rows: Sequence[Item | Spoiled]) -> list[str]:
    return [row.key for row in rows if isinstance(row, Item)]


@given(
    st.lists(st.tuples(st.text("ab1", min_size=1), st.text("ab\",;\r\n ü'", max_size=9)), max_size=9),
    st.integers(1, 40),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_was_written_is_read(people: list[tuple[str, str]], size: int, line: str, every: bool) -> None:
    assume(every or not any("\r" in given for _, given in people))  # this writer leaves them unquoted
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line, quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL)
    writer.writerows([("id", "given"), *people])
    rows, mark = read(text.getvalue().encode(), size)
    assert rows == [Item(key, {"id": key, "given": given}) for key, given in people]
    assert (mark.rows, mark.spoiled, mark.problem) == (len(people), 0, "")
    assert mark.offset == len(text.getvalue().encode())


@given(BYTES, st.integers(1, 9), st.integers(1, 9))
def test_however_it_is_cut_the_same_is_read(body: bytes, size: int, other: int) -> None:
    more = {"count": "trailer", "trailer": "END"}
    assert read(HEADER + body, size, **more) == read(HEADER + body, other, **more)


@given(BYTES, st.integers(0, 9))
def test_reading_goes_on_from_any_row(body: bytes, most: int) -> None:
    every, mark = read(HEADER + body)
    first = reader()
    first.feed(HEADER + body, last=True)
    begun = first.read(most)
    assert begun == every[:most]
    second = reader(first.mark)
    second.feed((HEADER + body)[first.mark.offset :], last=True)
    assert begun + drain(second) == every
    assert second.mark == mark


@given(BYTES, st.sampled_from(['"', 'x"', '"y', 'a,"b', '"a"b,c', 'a,b"c"d,"e']))
def test_damage_ends_within_a_bounded_number_of_lines(body: bytes, damage: str) -> None:
    after = b"".join(b"k%d,Given,Arts\n" % number for number in range(MOST_LINES + 5))
    rows, _ = read(HEADER + body + b"\n" + damage.encode() + b"\n" + after)
    assert keys(rows)[-5:] == [f"k{number}" for number in range(MOST_LINES, MOST_LINES + 5)]


@pytest.mark.parametrize("quoted", [False, True])
def test_a_broken_quote_in_line_40001_spoils_that_line_only(quoted: bool) -> None:
    line = b'"k%d","Gi, ven","Arts"\n' if quoted else b"k%d,Given,Arts\n"
    lines = [line % number for number in range(2, 100_002)]
    lines[39_999] = b'k40001,"Given,Arts\n'
    rows, mark = read(HEADER + b"".join(lines))
    (broken,) = spoiled(rows)
    assert (broken.where, broken.key) == ("people.csv:40001", "k40001")
    assert len(keys(rows)) == 99_999
    assert (mark.rows, mark.spoiled, mark.problem) == (100_000, 1, "")


def test_rows_are_not_swallowed_by_a_quote_that_another_closes() -> None:
    body = b'k1,"Given,Arts\nk2,Given,Arts\nk3,Given,Arts\nk4,Given",Arts\nk5,Given,Arts\n'
    rows, _ = read(HEADER + body)
    assert keys(rows) == ["k2", "k3", "k4", "k5"]  # a quote within a cell is a character of it
    assert [row.key for row in spoiled(rows)] == ["k1"]


def test_a_cell_may_have_several_lines() -> None:
    rows, mark = read(HEADER + b'k1,"Ann\r\n""Annie""\nX",Arts\r\nk2,B,Law\r\n', 3)
    assert rows[0] == Item("k1", {"id": "k1", "given": 'Ann\r\n"Annie"\nX', "unit": "Arts"})
    assert keys(rows) == ["k1", "k2"]
    assert mark.line == 6


@pytest.mark.parametrize(
    ("line", "reason", "key"),
    [
        (b"k1,Ren\xe9,Arts", "not utf-8 at byte 7", "k1"),
        (b"k1,Given", "2 cells", "k1"),
        (b"k1,Given,Arts,more", "4 cells", "k1"),
        (b",Given,Arts", "id names nobody", None),
        (b"  ,Given,Arts", "id names nobody", None),
        (b"k" * 1025 + b",Given,Arts", "id names nobody", None),
        (b'k1,"Given"x,Arts', "quotes that do not fit", "k1"),
        (b"k1," + b"x" * LONGEST + b",Arts", "bytes, more than", "k1"),
        (b"k1," + b'"' + b"x\n" * MOST_LINES, "a quote is not closed", "k1"),
        (b'k1,"' + b"x" * 140_000 + b'",Arts', "field larger", "k1"),
    ],
)
def test_a_row_that_cannot_be_read_is_kept_with_its_line(line: bytes, reason: str, key: str | None) -> None:
    rows, mark = read(HEADER + b"k0,Given,Arts\n" + line + b"\nk2,Given,Arts\n", 1000)
    first = spoiled(rows)[0]
    assert (first.where, first.key) == ("people.csv:3", key)
    assert reason in first.reason
    assert len(first.body) <= 4096
    assert [row.key for row in rows if isinstance(row, Item)] == ["k0", "k2"]
    assert mark.spoiled >= 1


def test_no_key_is_believed_that_damage_may_have_moved() -> None:
    rows, _ = read(b'given,id,unit\nAnn, Lee,k1,Arts\nAnn,k\xe9,Arts\n"Ann,k3,Arts\nAnn,k4,"Arts\nAnn,k5,Arts\n')
    assert [row.key for row in spoiled(rows)] == [None, None, None, "k4"]
    assert keys(rows) == ["k5"]


@pytest.mark.parametrize(
    ("body", "more", "fault"),
    [
        (b"id,given\nk1,G\n", {"columns": ["given", "unit"]}, "people.csv:1: column 'unit' is missing"),
        (b"ID,given\nk1,G\n", {}, "people.csv:1: column 'id' is missing"),
        (b"id,given\nk1,G\n", {"operation": "op"}, "people.csv:1: column 'op' is missing"),
        (b"id;given\nk1;G\n", {}, "among the 1 that it has by this delimiter"),
        (b"id,given,given\n", {}, "column 3 has another one's name"),
        (b'id,"given\n' + b"x\n" * 30, {}, "names of the columns: a quote is not closed"),
        (b"id,giv\xe9n\n", {}, "not utf-8"),
        ("id,given\n".encode("utf-16"), {}, "UTF-16"),
        (b",".join(b"c%d" % number for number in range(2000)) + b"\n", {}, "the first line is none of names"),
        (b"id,given\n" + b"x" * (MOST_SKIPPED + LONGEST + 2), {}, "people.csv:2: a line of more than"),
    ],
)
def test_what_is_wrong_with_a_whole_file_is_said_with_what_would_be_right(
    body: bytes, more: dict[str, Any], fault: str
) -> None:
    with pytest.raises(InvalidError) as raised:
        read(body, **more)
    assert fault in str(raised.value)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "iso-8859-15", "windows-1252"])
def test_another_encoding_is_read_when_it_is_said(encoding: str) -> None:
    rows, _ = read("id,given\nk1,René\n".encode(encoding), encoding=encoding)
    assert rows == [Item("k1", {"id": "k1", "given": "René"})]


def test_a_person_of_a_file_without_names_of_columns_is_in_no_error() -> None:
    with pytest.raises(InvalidError) as raised:
        read(b"k1,Ann,Ann,Secret\n")
    with pytest.raises(InvalidError) as other:
        read(b"k1,Ann,Secret\n")
    assert "Ann" not in f"{raised.value}{other.value}"


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    rows, _ = read(b'\xef\xbb\xbf"id",given\r\n\r\nk1,G\r\n\r\n', 2)
    assert rows == [Item("k1", {"id": "k1", "given": "G"})]


def test_names_of_columns_can_be_said_and_others_left_out() -> None:
    more: dict[str, Any] = {
        "header": ["id", "seen", "op"],
        "exclude": ["seen"],
        "operation": "op",
        "delimiter": "\t",
        "quote": "'",
    }
    rows, _ = read(b"k1\t'it''s'\tput\nk2\tx\tdelete\n", **more)
    assert rows == [Item("k1", {"id": "k1"}), Item("k2", None)]


@pytest.mark.parametrize(
    ("end", "count", "problem"),
    [
        (b"END,2\n", 2, ""),
        (b"END,7\n", 7, ""),
        (b'"END"," 2 ",x\r\n\n', 2, ""),
        (b"END,two\n", None, "people.csv: its trailer is no count"),
        (b"END\n", None, "people.csv: its trailer is no count"),
        (b"END,2\nk9,G,A\n", 2, "people.csv: rows after its trailer"),
        (b"", None, ""),
    ],
)
def test_a_trailer_says_how_many_rows_there_are(end: bytes, count: int | None, problem: str) -> None:
    rows, mark = read(HEADER + b"k1,G,A\nk2,G,A\n" + end, count="trailer", trailer="END")
    assert keys(rows)[:2] == ["k1", "k2"]
    assert (mark.stated, mark.problem) == (count, problem)


@pytest.mark.parametrize(
    ("end", "ended"), [(b"k2,G,Ar", True), (b'k2,"G', True), (b'k2,"G\n', True), (b'k2,"G\n', False)]
)
def test_a_file_that_is_cut_off_says_so(end: bytes, ended: bool) -> None:
    rows, mark = read(HEADER + b"k1,G,A\n" + end, ended=ended)
    assert keys(rows) == ["k1"]
    assert [row.key for row in spoiled(rows)] == ["k2"]
    assert "line 3" in mark.problem


def test_a_last_line_without_a_break_is_read_where_that_is_said_to_be_right() -> None:
    rows, mark = read(HEADER + b"k1,G,A", ended=False)
    assert (keys(rows), mark.problem, mark.offset) == (["k1"], "", len(HEADER) + 6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"full": "people.csv", "delta": "changes-*.csv"},
        {"full": "p*-*.csv"},
        {"full": "a-*", "delta": "a-*"},
        {"count": "trailer"},
        {"trailer": "END"},
        {"delimiter": '"'},
        {"format": "jsonl", "columns": ["x"]},
        {"exclude": ["id"]},
        {"header": ["given"]},
        {"place": "https://elsewhere/x"},
    ],
)
def test_options_that_do_not_fit_together_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        options(**wrong)
