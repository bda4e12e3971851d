"""What a newcomer may rely on: one word names a stage everywhere, files fit in a head, nothing imports the folder."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.template import render
from localstack.emulator import ROOT
from provisioning.command.bundle import load_bundle
from provisioning.core.catalog import Bundle, Reconcile, Source

LIBRARY = ROOT / "shared" / "provisioning"
FUNCTIONS = sorted(path.stem for path in (ROOT / "functions").glob("*.py") if path.stem != "__init__")
LONGEST = 300  # lines of a file
MEDIAN = 130
TOP_LEVEL = {
    "pyproject.toml", "functions", "shared", "infra", "tests", "localstack", "README.md",
    "Makefile", "uv.lock", "CHANGELOG.md", "LICENSE",
}  # fmt: skip


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_stage_a_test_and_a_place_in_the_template_of_its_name(name: str) -> None:
    assert (LIBRARY / "stages" / f"{name}.py").is_file()
    assert (ROOT / "tests" / "stages" / f"test_{name}.py").is_file()
    resources = render(_with_every_function())["Resources"].values()
    handlers = {item["Properties"].get("Handler") for item in resources if item["Type"] == "AWS::Lambda::Function"}
    assert f"functions.{name}.handler" in handlers


def _with_every_function() -> Bundle:
    """The sample campus, with a source that is polled, one that pushes, and a service that is reconciled."""
    bundle = load_bundle(ROOT / "localstack" / "campus")
    polled = {"id": "personnel", "record": {}, "poll": {"files": {"place": "s3:///x", "full": "*.csv", "key": "id"}}}
    pushing = {"id": "club", "record": {}, "push": {"secret": "club"}}
    more = (Source.model_validate(polled), Source.model_validate(pushing))
    first, *others = bundle.services
    services = (first.model_copy(update={"reconcile": Reconcile()}), *others)
    return bundle.model_copy(update={"sources": (*bundle.sources, *more), "services": services})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_only_calls_its_stage(name: str) -> None:
    tree = ast.parse((ROOT / "functions" / f"{name}.py").read_text(encoding="utf-8"))
    bodies = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    lines = sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in bodies)
    assert lines <= 25


def test_files_fit_in_a_head() -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources("functions", "shared", "infra")
    }
    assert {str(path): length for path, length in lengths.items() if length > LONGEST} == {}
    ordered = sorted(length for length in lengths.values() if length > 5)
    assert ordered[len(ordered) // 2] <= MEDIAN


def test_nothing_imports_the_folder_that_holds_the_library() -> None:
    guilty = {str(path) for path in sources("functions", "shared", "infra", "tests", "localstack")
              if any(name.split(".")[0] == "shared" for name in imports(path))}  # fmt: skip
    assert guilty == set()


def test_only_the_edge_catches_everything() -> None:
    broad = re.compile(r"except (?:Base)?Exception\b|except:")
    guilty = {
        path.relative_to(LIBRARY).as_posix()
        for path in sources("shared")
        if broad.search(path.read_text(encoding="utf-8"))
    }
    assert guilty == {"runtime/entry.py"}


def test_a_protocol_is_one_row_and_one_module() -> None:
    """What a new protocol touches: its module, a row in the registry, its name in the catalog, a test."""
    registry = (LIBRARY / "protocols" / "registry.py").read_text(encoding="utf-8")
    rows = re.findall(r'^    "(\w+)": Protocol\(', registry, re.MULTILINE)
    assert rows
    for name in rows:
        assert (LIBRARY / "protocols" / f"{name}.py").is_file()


def test_the_top_level_holds_what_was_agreed() -> None:
    tracked = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert tracked - {"build"} <= TOP_LEVEL


def test_every_dependency_is_pinned_by_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = {package["name"] for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]}
    named = {re.split(r"[\[<>=~! ]", text)[0] for text in project["dependencies"]}
    assert named <= locked
