"""`provision check` runs the cases that lie in the bundle's folder, and shows what is not as expected."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from localstack.emulator import ROOT
from provisioning.command.bundle import check_folder, load_cases
from provisioning.command.main import application
from provisioning.core.errors import InvalidError
from provisioning.core.publication import BundleError

CAMPUS = ROOT / "localstack" / "campus"
LEAVER = """\
- id: leaver
  because: They agreed to it.
  person: {login: ada, tags: []}
  affiliations:
    - {type: student, organization: arts, start: 2026-09-01, end: 2027-06-30}
  expect:
    library:
      - {from: 2026-08-18, until: 2027-06-30, authorizations: [borrow]}
      - {from: 2027-07-01, until: 2027-07-29, phase: grace, authorizations: [borrow]}
"""


@pytest.fixture
def campus(tmp_path: Path) -> Path:
    shutil.copytree(CAMPUS, tmp_path / "campus")
    shutil.rmtree(tmp_path / "campus" / "cases")
    (tmp_path / "campus" / "cases").mkdir()
    return tmp_path / "campus"


def write(campus: Path, text: str) -> Path:
    (campus / "cases" / "a.yaml").write_text(text, encoding="utf-8")
    return campus / "cases" / "a.yaml"


def check(campus: Path, *options: str) -> Result:
    return CliRunner().invoke(application, ["check", str(campus), *options])


def problems(campus: Path) -> list[InvalidError]:
    folder, policy = check_folder(campus)
    with pytest.raises(BundleError) as caught:
        load_cases(folder, policy)
    return list(caught.value.problems)


def test_the_campus_has_cases_and_all_are_as_expected() -> None:
    told = json.loads(check(CAMPUS, "--json").stdout)
    assert told["ok"] is True
    assert told["cases"] >= 10


def test_a_bundle_without_cases_is_right(campus: Path) -> None:
    shutil.rmtree(campus / "cases")
    assert json.loads(check(campus, "--json").stdout)["cases"] == 0


def test_cases_are_no_part_of_what_is_published(campus: Path) -> None:
    before, _ = check_folder(campus)
    write(campus, LEAVER)
    after, _ = check_folder(campus)
    assert (before.hash, before.published) == (after.hash, after.published)


def test_a_case_that_fails_is_shown_at_its_line_segment_by_segment_in_local_days(campus: Path) -> None:
    file = write(campus, LEAVER)
    result = check(campus)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[:5] == [
        f"{file}:8:7: leaver: library is not as expected",
        "      {from: 2026-08-18, until: 2027-06-30, authorizations: [borrow]}  # students-borrow",
        "    - {from: 2027-07-01, until: 2027-07-29, phase: grace, authorizations: [borrow]}",
        "    + {from: 2027-07-01, until: 2027-07-30, phase: grace, authorizations: [borrow]}  # students-borrow",
        "    because: They agreed to it.",
    ]


def test_what_is_shown_as_got_makes_the_case_right_when_it_is_written_into_it(campus: Path) -> None:
    write(campus, LEAVER.replace("end: 2027-06-30", "end: 2027-06-30T10:15:00Z"))
    got = [line.strip()[2:] for line in check(campus).stderr.splitlines() if line.startswith("    + ")]
    assert len(got) == 2
    head, _, _ = LEAVER.partition("      - {from")
    text = head + "".join(f"      - {line}\n" for line in got)
    write(campus, text.replace("end: 2027-06-30}", "end: 2027-06-30T10:15:00Z}"))
    assert check(campus).exit_code == 0, check(campus).stderr


def test_machines_are_told_the_same(campus: Path) -> None:
    file = write(campus, LEAVER)
    result = check(campus, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["ok"], told["cases"]) == (False, 1)
    ((difference,),) = [failed["differences"] for failed in told["failed"]]
    assert (difference["file"], difference["line"], difference["service"]) == (str(file), 8, "library")
    assert [len(difference["expected"]), len(difference["got"])] == [2, 2]


def test_a_standing_that_fails_shows_the_instant_and_both_words(campus: Path) -> None:
    file = write(campus, LEAVER[: LEAVER.index("  expect")] + "  at: 2027-07-31\n  expect: {library: absent}\n")
    assert check(campus).stderr.splitlines()[:3] == [
        f"{file}:7:21: leaver: library is not as expected at 2027-07-31",
        "    - absent",
        "    + suspended",
    ]


def test_a_service_found_by_only_is_shown_at_the_case(campus: Path) -> None:
    file = write(campus, LEAVER.replace("2027-07-29", "2027-07-30") + "  only: true\n")
    lines = check(campus).stderr.splitlines()
    assert f"{file}:10:9: leaver: badge is not as expected" in lines
    assert "    - []" in lines


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "right"),
    [
        ("    library:", "    libary:", 8, 7, "did you mean 'library'?"),
        ("tags: []", "tags: [1]", 3, 31, "string"),
        ("login: ada", "logon: ada", 3, 19, "did you mean 'login'?"),
        ("type: student", "typ: student", 5, 13, "did you mean 'type'?"),
        ("start: 2026-09-01", "start: 2028-09-01", 5, 7, "start no later than end"),
        ("until: 2027-07-29, phase", "til: 2027-07-29, phase", 9, 33, "one of from, until, phase, authorizations"),
        ("phase: grace", "phase: suspended", 9, 54, ""),
        ("  because", "  becuase", 2, 12, "one of id, because, person, affiliations, says, at, expect, only"),
        ("  expect:", "  at: 2027-02-30\n  expect:", 6, 7, "a day such as 2026-09-01 or 2026-09-01T08:00:00Z"),
        ("- id: leaver", "- id: Leaver", 1, 7, "letters, digits and hyphens in lower case, the first a letter"),
    ],
)
def test_a_mistake_in_a_case_is_shown_where_it_stands(
    campus: Path, old: str, new: str, line: int, column: int, right: str
) -> None:
    file = write(campus, LEAVER.replace(old, new))
    (problem,) = problems(campus)
    assert (problem.where, problem.line, problem.column, problem.right) == (str(file), line, column, right)
    assert check(campus).exit_code == 1


def test_a_file_of_cases_is_a_list(campus: Path) -> None:
    write(campus, "id: leaver\n")
    (problem,) = problems(campus)
    assert problem.problem == "the file is not a list"


def test_json_tells_a_mistake_in_a_case_as_any_other(campus: Path) -> None:
    write(campus, LEAVER.replace("    library:", "    libary:"))
    told: dict[str, Any] = json.loads(check(campus, "--json").stdout)
    assert [problem["right"] for problem in told["problems"]] == ["did you mean 'library'?"]
