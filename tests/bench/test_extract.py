"""The benchmark of extracts measures what it says."""

import json
import os
import sys
from pathlib import Path

import pytest

from localstack.emulator import ROOT
from tests.bench import extract as bench
from tests.bench.extract import FORMATS, make, measure, world


@pytest.mark.parametrize("format_", FORMATS)
def test_every_row_is_in_the_file_whose_memory_is_measured(format_: str) -> None:
    result = measure(1200, format_)
    assert (result.rows, result.parts) == (1200, 1)
    assert result.megabytes > 0
    assert result.peak >= result.before > 0


@pytest.mark.parametrize(("limit", "status", "said"), [(1, 1, "above the limit of 1 MB: csv"), (4096, 0, "all below")])
def test_a_peak_above_the_limit_fails(
    limit: int,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bench, "LIMIT", limit)
    monkeypatch.setattr(bench, "REPORT", tmp_path / "bench" / "extract.json")
    monkeypatch.setattr(sys, "argv", ["extract", "--rows", "600", "--format", "csv"])
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'shared'}{os.pathsep}{ROOT}")
    assert bench.main() == status
    assert said in capsys.readouterr().out
    (result,) = json.loads((tmp_path / "bench" / "extract.json").read_text(encoding="utf-8"))
    assert (result["format"], result["rows"]) == ("csv", 600)


async def test_a_part_is_let_go_before_the_next_one_begins() -> None:
    many = world(101_000, "csv")
    await make(many)
    assert [part["rows"] for part in many.manifest["parts"]] == [50_000, 50_000, 1_000]
