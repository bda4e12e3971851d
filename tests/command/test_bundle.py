import shutil
from pathlib import Path

import pytest

from localstack.emulator import ROOT
from provisioning.command.bundle import check_folder, load_folder
from provisioning.core.errors import InvalidError
from provisioning.core.publication import BundleError

CAMPUS = ROOT / "localstack" / "campus"


@pytest.fixture
def campus(tmp_path: Path) -> Path:
    shutil.copytree(CAMPUS, tmp_path / "campus")
    return tmp_path / "campus"


def problems(folder: Path) -> list[InvalidError]:
    with pytest.raises(BundleError) as caught:
        check_folder(folder)
    return list(caught.value.problems)


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_the_sample_campus_is_right() -> None:
    folder, policy = check_folder(CAMPUS)
    assert len(policy.services) == 4
    assert len(folder.bundle.rules) >= 10


def test_the_published_form_is_read_as_the_same_bundle(campus: Path) -> None:
    folder = load_folder(campus)
    assert type(folder.bundle).model_validate_json(folder.published) == folder.bundle


def test_an_unknown_attribute_is_shown_at_its_file_line_and_column_with_the_right_one(campus: Path) -> None:
    file = write(
        campus, "rules/zz.yaml",
        '- id: one\n  service: wiki\n  who: affiliation.organisation == "arts"\n  because: x\n',
    )  # fmt: skip
    (problem,) = problems(campus)
    assert (problem.where, problem.line, problem.column) == (str(file), 3, 20)
    assert problem.right == "did you mean 'organization'?"


def test_a_mistake_in_a_block_is_shown_in_its_own_line(campus: Path) -> None:
    write(
        campus, "rules/zz.yaml",
        "- id: one\n  service: wiki\n  because: x\n"
        '  who: |\n    affiliation.type == "a" &&\n    affiliation.role == 3\n',
    )  # fmt: skip
    (problem,) = problems(campus)
    assert (problem.line, problem.column) == (6, 22)


def test_every_mistake_is_told_not_only_the_first(campus: Path) -> None:
    write(
        campus, "rules/zz.yaml",
        "- id: one\n  service: wikki\n  who: 'true'\n  because: x\n"
        "- id: two\n  service: wiki\n  who: person.nobody == 1\n  because: x\n"
        "- id: three\n  service: wiki\n  who: 'true'\n  from: soon\n  because: x\n",
    )  # fmt: skip
    assert [(problem.line, problem.where.endswith("zz.yaml")) for problem in problems(campus)] == [
        (2, True), (7, True), (12, True),
    ]  # fmt: skip


def test_a_field_that_does_not_exist_is_shown_with_those_that_do(campus: Path) -> None:
    file = write(campus, "rules/zz.yaml", "- id: one\n  service: wiki\n  whom: 'true'\n  because: x\n")
    found = problems(campus)
    assert {(problem.where, problem.line) for problem in found} == {(str(file), 3), (str(file), 1)}
    assert any("who" in problem.right for problem in found)


def test_a_mistake_in_a_mapping_is_shown_at_its_value(campus: Path) -> None:
    file = campus / "services" / "library.yaml"
    text = file.read_text(encoding="utf-8").replace("account:\n", "account:\n  nickName: person.nick\n")
    file.write_text(text, encoding="utf-8")
    (problem,) = problems(campus)
    line = text.splitlines().index("  nickName: person.nick") + 1
    assert (problem.where, problem.line, problem.column) == (str(file), line, 20)


def test_the_same_id_twice_is_a_mistake(campus: Path) -> None:
    write(campus, "services/zz.yaml", (campus / "services" / "wiki.yaml").read_text(encoding="utf-8"))
    assert any("stands twice" in problem.problem for problem in problems(campus))


def test_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    assert {problem.problem for problem in problems(tmp_path)} == {"no such file"}
