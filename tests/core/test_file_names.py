"""Names of files: which are meant, in which order, and which cannot be ordered."""

import doctest
import gzip
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core import file_names
from provisioning.core.errors import InvalidError
from provisioning.core.file_gzip import Unpacking
from provisioning.core.file_names import Stamped, StoredFile, check_alike, gap, in_turn, order_of, stamp_of, stamped


def stored(*names: str) -> list[StoredFile]:
    return [StoredFile(name, 1, "etag") for name in names]


def at(stamp: str) -> Stamped:
    return Stamped(stamp, StoredFile(f"f-{stamp}", 1, "etag"))


def test_the_examples_hold() -> None:
    assert doctest.testmod(file_names).failed == 0


@pytest.mark.parametrize(
    ("pattern", "name", "stamp"),
    [
        ("people-*.csv", "people-7.csv", "7"),
        ("people-*.csv", "people-.csv", None),
        ("people-*.csv", "people-7.csv.done", None),
        ("people-*.csv", "people-a/7.csv", None),
        ("*-full/manifest.json", "000007-full/manifest.json", "000007"),
        ("people.csv", "people.csv", ""),
        ("people.csv", "people.csv.gz", None),
        ("aa*aa", "aaa", None),
    ],
)
def test_a_star_stands_for_something_within_a_folder(pattern: str, name: str, stamp: str | None) -> None:
    assert stamp_of(pattern, name) == stamp


@given(st.lists(st.text("0123456789-TZa", min_size=1), max_size=9), st.randoms())
def test_any_stamps_have_one_order(stamps: list[str], random: Random) -> None:
    shuffled = list(stamps)
    random.shuffle(shuffled)
    assert sorted(stamps, key=order_of) == sorted(shuffled, key=order_of)


def test_what_is_not_complete_is_passed_over_and_in_turn_waited_for() -> None:
    listed = stored("c-1", "c-1.done", "c-2", "c-3", "c-3.done", "c-10")
    assert [each.stamp for each in stamped("c-*", listed, done=True)] == ["1", "3"]
    assert [each.stamp for each in in_turn("c-*", listed, "", done=True)] == ["1"]
    assert [each.stamp for each in in_turn("c-*", listed, "2", done=True)] == ["3"]
    assert "10" in [each.stamp for each in in_turn("c-*", listed, "3", done=False)]


@pytest.mark.parametrize(
    ("full", "delta"),
    [
        ("2026-01-31", "2026-01-31T10:30"), ("9", "10"), ("999", "1000"), ("0099", "0100"), ("9999", "10000"),
        ("20260131", "20260201"), ("2026-01-31T02", "2026-01-31T02:15"), ("20260131T0200", "20260131T0215"),
    ],
)  # fmt: skip
def test_stamps_of_one_form_are_ordered(full: str, delta: str) -> None:
    check_alike(at(full), [at(delta)], "files.delta")
    assert order_of(full) < order_of(delta)


@pytest.mark.parametrize(
    ("full", "delta"),
    [("20260131", "000123"), ("2026-01-31", "17"), ("monday", "2026-01-31"), ("20260131", "20260131103000")],
)
def test_stamps_that_stand_for_different_things_are_refused(full: str, delta: str) -> None:
    with pytest.raises(InvalidError, match="cannot be ordered"):
        check_alike(at(full), [at(delta)], "files.delta")


def test_a_missing_number_is_noticed() -> None:
    assert gap([at("8")], "7", "w") == gap([], "7", "w") == gap([at("9")], "", "w") == ""
    assert gap([at("0009")], "0007", "w") == "number 8 is missing before f-0009"
    with pytest.raises(InvalidError, match="no number"):
        gap([at("x")], "7", "w")


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=4), st.integers(1, 500))
def test_packed_files_are_unpacked_piece_by_piece(members: list[bytes], size: int) -> None:
    packed, unpacking = b"".join(map(gzip.compress, members)), Unpacking("f")
    found = b"".join(p for at in range(0, len(packed), size) for p in unpacking.feed(packed[at : at + size]))
    assert found == b"".join(members)
    assert unpacking.whole


def test_a_packed_file_that_ends_too_soon_is_not_whole() -> None:
    unpacking = Unpacking("f")
    assert not b"".join(unpacking.feed(gzip.compress(b"x" * 9)[:-1])).strip(b"x")
    assert not unpacking.whole
    assert not Unpacking("f").whole


@pytest.mark.parametrize("packed", [b"id,given\n", gzip.compress(b"x" * 99)[:-8] + bytes(8)], ids=["plain", "damaged"])
def test_what_is_not_packed_cannot_be_unpacked(packed: bytes) -> None:
    with pytest.raises(InvalidError, match="f: cannot be unpacked"):
        list(Unpacking("f").feed(packed))


def test_a_file_that_grows_without_bound_is_refused_before_it_fills_the_memory() -> None:
    unpacking, given = Unpacking("f"), 0
    with pytest.raises(InvalidError, match="grows"):  # noqa: PT012 counted as it comes
        for piece in unpacking.feed(gzip.compress(bytes(64 << 20))):
            given += len(piece)
    assert given <= 16 << 20
