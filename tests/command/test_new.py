"""A source that its operator writes: what is generated works, is checked without being run, and is polled."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from localstack.emulator import ROOT
from provisioning.adapters.sources.registry import open_source
from provisioning.command.bundle import check_folder
from provisioning.command.main import application
from provisioning.command.new import write_source
from provisioning.command.own_sources import on_path
from provisioning.core.catalog import Bundle
from provisioning.core.errors import InvalidError
from provisioning.core.publication import BundleError
from provisioning.core.source_options import Poll as Options
from provisioning.ports import Extraction
from tests.stages.polling import SOURCE, PollBench

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "shared"), str(ROOT)])}


@pytest.fixture
def campus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A bundle whose modules are forgotten again."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    shutil.copytree(ROOT / "localstack" / "campus", tmp_path / "campus")
    yield tmp_path / "campus"
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "sources":
            del sys.modules[name]


def provision(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "provision"
    return subprocess.run(
        [program, *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )


def problems(folder: Path) -> list[InvalidError]:
    with pytest.raises(BundleError) as caught:
        check_folder(folder)
    return list(caught.value.problems)


def test_what_is_generated_passes_the_check_and_the_contract(campus: Path) -> None:
    made = provision("new", "source", "my-hr", "--bundle", campus)
    assert made.returncode == 0, made.stderr
    names = {"my-hr.yaml", "my_hr.py", "my_hr.sample.jsonl", "test_my_hr.py"}
    assert {Path(line).name for line in made.stdout.splitlines()[:4]} == names
    assert provision("check", campus).returncode == 0
    # Somewhere that knows nothing of this project: no settings of pytest, no other folder.
    tried = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "sources/test_my_hr.py"],
        cwd=campus, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert tried.returncode == 0, tried.stdout
    assert "10 passed, 1 skipped" in tried.stdout


def test_an_adapter_that_loses_people_fails_the_contract_with_what_was_seen(campus: Path) -> None:
    write_source(campus, "my-hr")
    file = campus / "sources" / "my_hr.py"
    text = file.read_text(encoding="utf-8")
    assert "_id(shown[-1])" in text
    file.write_text(text.replace("_id(shown[-1])", "_id(later[len(shown)])"), encoding="utf-8")  # a place too far
    tried = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "sources/test_my_hr.py"],
        cwd=campus, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert tried.returncode == 1
    assert "FAILED sources/test_my_hr.py::test_contract[snapshot_shows_everybody]" in tried.stdout
    assert "'p3'" in tried.stdout, "whom it lost"


@pytest.mark.parametrize("there", ["my-hr.yaml", "my_hr.py", "my_hr.sample.jsonl", "test_my_hr.py"])
def test_nothing_is_written_over_what_is_there(campus: Path, there: str) -> None:
    file = campus / "sources" / there
    file.write_text("mine", encoding="utf-8")
    before = sorted(campus.rglob("*"))
    with pytest.raises(InvalidError, match=f"{there}: there already"):
        write_source(campus, "my-hr")
    assert file.read_text(encoding="utf-8") == "mine"
    assert sorted(campus.rglob("*")) == before


@pytest.mark.parametrize("name", ["../hr", "HR", "h", "hr.py", "test-hr", "-hr"])
def test_a_name_that_is_none_is_refused_with_what_would_be_one(campus: Path, name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        write_source(campus, name)
    assert caught.value.right
    assert not list(campus.glob("sources/*.py"))


def test_a_folder_that_is_no_bundle_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"tenant\.yaml"):
        write_source(tmp_path, "my-hr")
    assert not list(tmp_path.iterdir())


def test_any_tenants_attributes_are_mapped(campus: Path) -> None:
    (campus / "tenant.yaml").write_text(
        "id: campus\nzone: UTC\nperson: {id: string, on: bool, changed: int, since: timestamp, some: list(double)}\n",
        encoding="utf-8",
    )
    for file in [*campus.glob("rules/*"), *campus.glob("services/*"), *campus.glob("cases/*")]:
        file.unlink()
    (campus / "rules" / "none.yaml").write_text("[]\n", encoding="utf-8")
    shutil.copy(ROOT / "localstack" / "campus" / "services" / "wiki.yaml", campus / "services")
    write_source(campus, "my-hr")
    assert [each.where for each in problems(campus) if "sources" in each.where] == []
    sample = (campus / "sources" / "my_hr.sample.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(sample[0])["person_id"] == "id-1"


def test_a_module_that_is_missing_is_told_where_it_is_named(campus: Path) -> None:
    write_source(campus, "my-hr")
    (campus / "sources" / "my_hr.py").unlink()
    (problem,) = problems(campus)
    line = (campus / "sources" / "my-hr.yaml").read_text(encoding="utf-8").splitlines()[problem.line - 1]
    assert line.strip() == "module: my_hr"
    assert problem.right == "provision new source my-hr writes one"


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("def broken(:\n", "it is no Python", 1),
        ("a\0b", "it is no Python", 0),
        ("x = 1\n", "it has no function `open`", 0),
        ("\ndef open(options): ...\n", "`open` does not take two arguments", 2),
        ("def open(options, read_secret, more): ...\n", "`open` does not take two arguments", 1),
        ("def open(options, read_secret, *, more): ...\n", "`open` does not take two arguments", 1),
        ("async def open(options, read_secret): ...\n", "`open` gives no async context manager", 1),
        ("#" * 1_000_001, "the module is too large", 0),
    ],
)
def test_a_module_of_the_wrong_form_is_told_with_its_line(campus: Path, text: str, said: str, line: int) -> None:
    write_source(campus, "my-hr")
    file = campus / "sources" / "my_hr.py"
    file.write_text(text, encoding="utf-8")
    (problem,) = problems(campus)
    assert problem.problem.startswith(said)
    assert (problem.where, problem.line) == (str(file), line)
    assert problem.right


@pytest.mark.parametrize(
    "text",
    [
        "raise SystemExit('it was run')\ndef open(options, read_secret, more=1): ...\n",
        "def open(*given): ...\n",
        "class open: ...\n",
        "from elsewhere import opening as open\n",
        "open = print\n",
    ],
)
def test_a_module_is_read_and_not_run(campus: Path, text: str) -> None:
    write_source(campus, "my-hr")
    (campus / "sources" / "my_hr.py").write_text(text, encoding="utf-8")
    check_folder(campus)


async def no_secret(name: str) -> str:
    raise AssertionError(name)


class OwnBench(PollBench):
    """poll, with a source that is opened as the deployed function opens it."""

    @asynccontextmanager
    async def open(self, options: Options) -> AsyncIterator[Extraction]:
        async with open_source(options, no_secret) as source:
            yield source


async def test_what_is_generated_is_published_and_polled(campus: Path) -> None:
    write_source(campus, SOURCE)
    on_path(campus)
    folder, _ = check_folder(campus)
    bench = OwnBench()
    await bench.publish(Bundle.model_validate_json(folder.published))
    sent = await bench.snapshot()
    assert sorted(sent) == ["1001", "1002", "1003"]
    assert sent["1002"]["login"] == "login-2"
    sample = campus / "sources" / "personnel.sample.jsonl"
    with sample.open("a", encoding="utf-8") as file:
        file.write('{"id": 1004, "changed": 4, "login": "ada"}\n')
    before = len(bench.polls.sent)
    assert not await bench.ask("changes")
    await bench.rest()
    assert bench.sent(before) == {"1004": {"id": "1004", "changed": 4, "login": "ada"}}
    assert [*await bench.snapshot()] == ["1004"], "the list of the last run does not know them yet"
    assert not await bench.snapshot(), "nothing changed"


@pytest.mark.parametrize(
    ("words", "does"),
    [
        (["now", "my-hr/1001"], "provisioning.command.now_deployed.attend"),
        (["records", "--rejected", "--retry", "all"], "provisioning.command.records_deployed.retry"),
    ],
)
def test_commands_that_ask_find_the_bundles_own_adapters(
    campus: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], does: str
) -> None:
    write_source(campus, "my-hr")
    shown: list[str] = []

    async def asking(*_given: object) -> list[object]:
        options = {"module": "my_hr", "options": {"file": "my_hr.sample.jsonl", "page": 10}}
        async with open_source(Options.model_validate({"custom": options}), no_secret) as source:
            shown.extend(item.key for item in await source.fetch(["1001"]))
        return []

    monkeypatch.setattr(does, asking)
    result = CliRunner().invoke(application, [*words, "--bundle", str(campus)])
    assert shown == ["1001"], result.output
