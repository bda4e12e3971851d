import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localstack.emulator import ROOT

CAMPUS = "localstack/campus"
RECORD = {
    "key": "ada",
    "version": 1,
    "attributes": {
        "login": "ada",
        "given_name": "Ada",
        "family_name": "Byron",
        "mail": "ada@campus.example",
        "tags": [],
    },
    "affiliations": [
        {"id": "1", "type": "student", "organization": "arts.music", "start": "2020-09-01", "end": "2150-06-30"}
    ],
}


def provision(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "provision"
    return subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def record(tmp_path: Path) -> str:
    (tmp_path / "ada.json").write_text(json.dumps(RECORD), encoding="utf-8")
    return str(tmp_path / "ada.json")


def explained(record: str) -> dict[str, Any]:
    result = provision("explain", record, "--bundle", CAMPUS, "--json")
    assert result.returncode == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_check_says_that_a_right_bundle_is_right() -> None:
    result = provision("check", CAMPUS, "--json")
    assert result.returncode == 0
    assert json.loads(result.stdout)["ok"] is True


def test_check_prints_the_line_and_a_caret_and_fails(tmp_path: Path) -> None:
    (tmp_path / "tenant.yaml").write_text("id: te\nzone: Mars/Olympus\nperson: {login: string}\n", encoding="utf-8")
    for folder, text in (
        ("sources", "id: registry\n"),
        ("services", "id: sp\nprotocol: queue\nendpoint: https://q\nmatch: login\naccount: {login: person.login}\n"),
        ("rules", "[]\n"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.yaml").write_text(text, encoding="utf-8")
    result = provision("check", str(tmp_path))
    assert result.returncode == 1
    assert f"{tmp_path / 'tenant.yaml'}:2:7: 'Mars/Olympus' is no time zone" in result.stderr
    assert "    zone: Mars/Olympus\n          ^" in result.stderr


def test_explain_shows_each_service_with_reasons_in_the_rules_own_words(record: str) -> None:
    services = {service["service"]: service for service in explained(record)["services"]}
    library = services["library"]
    assert library["standing"] == "active"
    reasons = [reason for segment in library["timeline"] for reason in segment["reasons"]]
    assert all(reason["rule"] and reason["because"] and reason["fact"] == "registry/1" for reason in reasons)
    assert services["sports"]["standing"] == "future"


def test_explain_prints_a_table_for_people(record: str) -> None:
    result = provision("explain", record, "library", "--bundle", CAMPUS)
    assert result.returncode == 0
    assert "library: active" in result.stdout


def test_explain_of_one_service_that_is_not_there_says_which_are(record: str) -> None:
    result = provision("explain", record, "libary", "--bundle", CAMPUS)
    assert result.returncode == 1
    assert "there is no service 'libary' (one of" in result.stderr.replace("\n", " ")


def test_a_record_that_is_wrong_names_its_field(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"key": "ada"}', encoding="utf-8")
    result = provision("explain", str(tmp_path / "bad.json"), "--bundle", CAMPUS)
    assert result.returncode == 1
    assert "data.version" in result.stderr


def test_status_without_a_stack_says_how_to_name_one() -> None:
    result = provision("status")
    assert result.returncode == 1
    assert "--stack" in result.stderr
