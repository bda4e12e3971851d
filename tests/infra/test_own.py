"""A tenant with an adapter of its own: the functions that ask by it carry it, and no others do."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra import bundle as code
from infra.template import render
from localstack.setup import CAMPUS
from provisioning.command.bundle import load_bundle
from provisioning.command.new import write_source
from tests.infra.conftest import Template, of_type


@pytest.fixture
def tenant(tmp_path: Path) -> Path:
    shutil.copytree(CAMPUS, tmp_path / "campus")
    write_source(tmp_path / "campus", "personnel")
    return tmp_path / "campus"


def code_of(template: Template) -> dict[str, str]:
    functions = of_type(template, "AWS::Lambda::Function")
    return {name: function["Code"]["S3Key"]["Ref"] for name, function in functions.items()}


def test_only_the_function_that_asks_has_the_operators_code(tenant: Path) -> None:
    template = render(load_bundle(tenant))
    keys = code_of(template)
    assert {name for name, key in keys.items() if key == "OwnCodeKey"} == {"PollPersonnelFunction"}
    assert template["Parameters"]["OwnCodeKey"]["Type"] == "String"


def test_receive_has_it_where_it_fetches(tenant: Path) -> None:
    file = tenant / "sources" / "personnel.yaml"
    file.write_text(f"{file.read_text(encoding='utf-8')}thin: true\n", encoding="utf-8")
    keys = code_of(render(load_bundle(tenant)))
    assert {name for name, key in keys.items() if key == "OwnCodeKey"} == {"PollPersonnelFunction", "ReceiveFunction"}


def test_a_tenant_without_one_has_no_such_parameter(template: Template) -> None:
    assert "OwnCodeKey" not in template["Parameters"]
    assert set(code_of(template).values()) == {"CodeKey"}


def test_the_adapter_and_what_lies_beside_it_are_in_the_code_and_tests_are_not(tenant: Path) -> None:
    (tenant / "sources" / "__pycache__").mkdir()
    (tenant / "sources" / "__pycache__" / "personnel.pyc").write_bytes(b"x")
    (tenant / "sources" / ".notes.py").write_text("", encoding="utf-8")
    names = [name for name, _ in code.own_sources(tenant)]
    assert names == ["sources/personnel.py", "sources/personnel.sample.jsonl"]


def test_a_folder_that_is_far_too_large_is_refused(tenant: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "_LARGEST_OWN", 100)
    with pytest.raises(code.BundleBuildError, match="more than 100 bytes"):
        list(code.own_sources(tenant))


def test_the_built_code_asks_by_the_operators_adapter(tenant: Path, tmp_path: Path) -> None:
    extras = code.extras_of(load_bundle(tenant))
    built, again = (code.build(code.this_machine(), extras, tenant) for _ in range(2))
    without = code.build(code.this_machine(), extras)
    assert (again.reused, again.key) == (True, built.key)
    assert without.key != built.key
    with zipfile.ZipFile(without.file) as archive:
        assert not [name for name in archive.namelist() if name.startswith("sources/")]
        assert not [name for name in archive.namelist() if name.startswith("provisioning/contract")]
    with zipfile.ZipFile(built.file) as archive:
        assert {"sources/personnel.py", "sources/personnel.sample.jsonl"} <= set(archive.namelist())
        archive.extractall(tmp_path / "task")
    script = """
import asyncio
from provisioning.adapters.sources.registry import open_source
from provisioning.core.source_options import Poll

async def main():
    options = {"module": "personnel", "options": {"file": "personnel.sample.jsonl", "page": 10}}
    async with open_source(Poll.model_validate({"custom": options}), None) as source:
        print(len((await source.snapshot(None)).items))

asyncio.run(main())
"""
    ran = subprocess.run(  # noqa: S603  the interpreter for which it was built
        [sys.executable, "-S", "-c", script], cwd=tmp_path / "task", capture_output=True, text=True, check=False
    )
    built.file.unlink()
    assert (ran.stdout, ran.stderr) == ("3\n", "")
