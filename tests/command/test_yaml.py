from pathlib import Path

import pytest

from provisioning.command.yaml import LARGEST, Document, read_yaml
from provisioning.core.errors import InvalidError


def document(folder: Path, text: str) -> Document:
    file = folder / "a.yaml"
    file.write_text(text, encoding="utf-8")
    return read_yaml(file)


def fault(folder: Path, text: str) -> tuple[int, int, str]:
    with pytest.raises(InvalidError) as caught:
        document(folder, text)
    assert caught.value.where.endswith("a.yaml")
    return caught.value.line, caught.value.column, caught.value.problem


def test_values_are_those_of_json_and_dates_stay_text(tmp_path: Path) -> None:
    text = "from: 2026-09-01\non: yes\nn: 3\nx: 1.5\nb: true\nz: null\nl: [a, 1]\noctal: 0o17\n"
    assert document(tmp_path, text).value == {
        "from": "2026-09-01", "on": "yes", "n": 3, "x": 1.5, "b": True, "z": None, "l": ["a", 1], "octal": "0o17",
    }  # fmt: skip


def test_every_value_has_its_place(tmp_path: Path) -> None:
    read = document(tmp_path, "- id: a\n  who: x == 1\n- id: b\n  who: 'y'\n")
    assert read.locate((0, "who")) == (2, 8)
    assert read.locate((0, "who"), 1, 3) == (2, 10)
    assert read.locate((1, "who")) == (4, 9)  # after the quote


def test_a_position_inside_a_block_is_a_line_of_the_file(tmp_path: Path) -> None:
    read = document(tmp_path, "who: |\n  a == 1 &&\n  b == 2\n")
    assert read.locate(("who",), 2, 3) == (3, 5)


def test_the_place_of_what_is_missing_is_that_of_its_parent(tmp_path: Path) -> None:
    assert document(tmp_path, "- id: a\n- id: b\n").locate((1, "service")) == (2, 3)


@pytest.mark.parametrize(
    ("text", "line", "column", "problem"),
    [
        ("a: 1\na: 2\n", 2, 1, "'a' stands twice"),
        ("a: &x [1]\nb: *x\n", 2, 4, "an alias"),
        ("a: [1\n", 2, 1, "not YAML"),
        ("a:\n\t- 1\n", 2, 1, "not YAML"),
        ("[" * 30 + "]" * 30, 1, 21, "more than 20 levels"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(
    tmp_path: Path, text: str, line: int, column: int, problem: str
) -> None:
    found = fault(tmp_path, text)
    assert found[:2] == (line, column)
    assert found[2].startswith(problem)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    assert "bytes" in fault(tmp_path, "a" * (LARGEST + 1))[2]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"a: \xff\n")
    with pytest.raises(InvalidError, match="UTF-8"):
        read_yaml(file)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: " + "9" * 5000, "5000 digits"),
        ("a: 1.0e+999", "beyond the largest number"),
        ('a: "\\ud800"', "surrogate"),
        ('"\\ud800": 1', "surrogate"),
        ("? [a, b]\n: 1", "name of a field"),
    ],
)
def test_what_json_cannot_say_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    line, column, told = fault(tmp_path, text)
    assert problem in told
    assert line == 1
    assert column in (1, 3, 4)
