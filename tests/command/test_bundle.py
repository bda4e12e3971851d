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
    assert len(policy.services) == 5
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


@pytest.mark.parametrize(
    ("window", "column", "right"),
    [
        ('{from: "22:00", until: "02:00"}', 5, "maintenance.0: Value error, no `days`: some of mon, tue"),
        ("{days: [sat], from: 22:00, since: 2026-12-24T00:00, until: 02:00}", 5, "one of `days`, `from: "),
        ("{days: [sat], from: 22:61, until: 02:00}", 25, "'22:61' is not a time such as \"22:00\""),
    ],
)
def test_a_window_that_is_none_is_shown_where_it_stands_with_what_would_be_right(
    campus: Path, window: str, column: int, right: str
) -> None:
    text = (campus / "services" / "wiki.yaml").read_text(encoding="utf-8")
    file = write(campus, "services/wiki.yaml", f"{text}maintenance:\n  - {window}\n")
    (problem,) = problems(campus)
    assert (problem.where, problem.line, problem.column) == (str(file), len(text.splitlines()) + 2, column)
    assert right in problem.problem


def test_a_window_is_published_as_it_is_written(campus: Path) -> None:
    text = (campus / "services" / "wiki.yaml").read_text(encoding="utf-8")
    windows = "  - {days: [sat], from: 22:00, until: 02:00}\n  - {since: 2026-12-24T00:00, until: 2026-12-27T00:00}\n"
    write(campus, "services/wiki.yaml", f"{text}maintenance:\n{windows}")
    folder, _ = check_folder(campus)
    assert type(folder.bundle).model_validate_json(folder.published) == folder.bundle


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


EXCLUSION = """\
- id: one-of
  between: [{service: wiki}, {service: library}]
  resolve: later
  because: One at a time.
"""


def test_subscribers_are_read_from_their_folder_with_their_places(campus: Path) -> None:
    (campus / "subscribers").mkdir()
    file = write(campus, "subscribers/phone-book.yaml", "id: phone-book\nservices: [library]\n")
    assert [subscriber.id for subscriber in load_folder(campus).bundle.subscribers] == ["phone-book"]
    write(campus, "subscribers/phone-book.yaml", "id: phone-book\nservices: [libary]\n")
    with pytest.raises(BundleError) as caught:
        check_folder(campus)
    assert [(error.problem, error.where, error.line) for error in caught.value.problems] == [
        ("there is no service 'libary'", str(file), 2)
    ]


def test_exclusions_are_read_from_their_folder_with_their_places(campus: Path) -> None:
    (campus / "exclusions").mkdir()
    write(campus, "exclusions/a.yaml", EXCLUSION)
    assert [exclusion.id for exclusion in load_folder(campus).bundle.exclusions] == ["one-of"]
    file = write(campus, "exclusions/a.yaml", EXCLUSION.replace("service: library", "service: libary"))
    (problem,) = problems(campus)
    assert (problem.where, problem.line, problem.column) == (str(file), 2, 40)


def test_a_text_is_not_taken_for_a_number_nor_a_field_by_its_other_name(campus: Path) -> None:
    write(campus, "rules/zz.yaml", "- id: one\n  service: wiki\n  who: 'true'\n  because: x\n  since: 2026-09-01\n")
    file = campus / "services" / "library.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("timeout: 5", 'timeout: "5"'), encoding="utf-8")
    assert {problem.problem.split(":")[0] for problem in problems(campus)} == {"since", "timeout"}


def test_a_field_inside_another_is_shown_with_those_that_are_there(campus: Path) -> None:
    write(campus, "rules/zz.yaml", "- id: one\n  service: wiki\n  who: 'true'\n  because: x\n  lasting: {leed: P1D}\n")
    (problem,) = problems(campus)
    assert (problem.line, problem.right) == (5, "one of lead, grace")


def test_a_file_of_rules_is_a_list_and_too_many_are_refused(campus: Path) -> None:
    write(campus, "rules/zz.yaml", "id: one\n")
    assert [problem.problem for problem in problems(campus)] == ["the file is not a list"]
    rule = "- {{id: r{}, service: wiki, who: 'true', because: x}}\n"
    write(campus, "rules/zz.yaml", "".join(rule.format(number) for number in range(2001)))
    (problem,) = problems(campus)
    assert problem.where.endswith("rules")


@pytest.mark.parametrize(
    ("written", "line", "column"),
    [
        ("{value: person.nobody}", 5, 28),
        ("{value: person.login, default: person.nobody}", 5, 51),
        ("{candidates: [person.login, person.nobody]}", 5, 48),
    ],
)
def test_a_mistake_in_any_part_of_a_mapped_value_is_found_where_it_stands(
    tmp_path: Path, written: str, line: int, column: int
) -> None:
    shutil.copytree(CAMPUS, tmp_path / "campus", ignore=shutil.ignore_patterns("*.py", ".schemas", "cases"))
    service = "id: sp\nprotocol: scim\nendpoint: https://sp.example\naccount:\n"
    mapped = f"  userName: {written}\n  name.givenName: person.given_name\n"
    (tmp_path / "campus" / "services" / "sp.yaml").write_text(service + mapped, encoding="utf-8")
    with pytest.raises(BundleError) as caught:
        check_folder(tmp_path / "campus")
    (problem,) = caught.value.problems
    assert (Path(problem.where).name, problem.line, problem.column) == ("sp.yaml", line, column)
