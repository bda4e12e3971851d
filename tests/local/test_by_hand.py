"""The README's second recipe: with `make run` up, one message published by hand becomes, and changes, an account."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from localstack.emulator import ROOT, installed
from tests.command.test_readme import recipe

UP = "All of it stays up until Ctrl-C"
PATIENCE = 240.0  # seconds: the whole day at the campus is played first
SOON = 30.0

pytestmark = pytest.mark.skipif(not installed(), reason="the embedded AWS is not installed: make setup")


def _listens() -> None:
    """Ctrl-C is heard, though one of several processes that run tests does not hear it, nor what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def campus() -> Iterator[dict[str, str]]:
    """The sample campus, up; what `build/campus.env` says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "localstack.run", "--people", "5"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "AWS_ENDPOINT_URL"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_listens,
    )
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:  # ends by itself if the run does
        said.append(line)
        if UP in line:
            break
    assert UP in "".join(said[-1:]), "".join(said[-30:])
    lines = (ROOT / "build" / "campus.env").read_text(encoding="utf-8").splitlines()
    yield dict(line.removeprefix("export ").replace("'", "").split("=", 1) for line in lines)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=180)
    assert process.returncode == 0


def bash(script: str) -> str:
    result = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{script}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def family(campus: dict[str, str], place: str = "LIBRARY") -> str | None:
    name: str | None = (account(campus, place) or {}).get("name", {}).get("familyName")
    return name


def account(campus: dict[str, str], place: str = "LIBRARY") -> dict[str, Any] | None:
    query = urllib.parse.urlencode({"filter": 'userName eq "ada"'})
    request = urllib.request.Request(
        f"{campus[place]}/Users?{query}", headers={"Authorization": f"Bearer {campus[f'{place}_TOKEN']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        found = json.load(response).get("Resources", [])
    return found[0] if found else None


def become(true: Callable[[], bool], within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.2)
    return False


def test_a_message_published_by_hand_becomes_an_account_and_the_next_one_changes_it(campus: dict[str, str]) -> None:
    assert account(campus) is None
    bash(recipe("by-hand"))
    assert become(lambda: account(campus) is not None, SOON)
    file = ROOT / "build" / "ada.json"
    event = json.loads(file.read_text(encoding="utf-8"))
    event["data"]["version"], event["data"]["attributes"]["family_name"] = 2, "Lovelace"
    file.write_text(json.dumps(event), encoding="utf-8")
    bash("source build/campus.env\n.venv/bin/python -m localstack.publish build/ada.json")
    assert become(lambda: family(campus) == "Lovelace", SOON)


def test_commands_tell_of_it(campus: dict[str, str]) -> None:
    assert become(lambda: account(campus) is not None, SOON)
    told = json.loads(bash("source build/campus.env\n.venv/bin/provision explain registry/ada library --json"))
    (service,) = told["services"]
    assert (service["standing"], service["account"]["phase"], service["account"]["condition"]) == (
        "active", "active", "settled",
    )  # fmt: skip
    state = json.loads(bash("source build/campus.env\n.venv/bin/provision status --json"))
    assert {entry["condition"] for entry in state["services"]["library"]["accounts"]} >= {"settled"}
    assert any(entry["source"] == "registry" for entry in state["rejected"])


def gate_of(service: str) -> dict[str, Any]:
    state = json.loads(bash("source build/campus.env\n.venv/bin/provision status --json"))
    return dict(state["services"][service]["gate"])


def test_a_paused_service_is_left_alone_until_it_is_resumed(campus: dict[str, str]) -> None:
    bash('source build/campus.env\n.venv/bin/provision pause library --because "new shelves"')
    assert gate_of("library")["paused"] == "new shelves"
    file = ROOT / "build" / "ada.json"
    event = json.loads(file.read_text(encoding="utf-8"))
    event["data"]["version"], event["data"]["attributes"]["family_name"] = 3, "King"
    file.write_text(json.dumps(event), encoding="utf-8")
    bash("source build/campus.env\n.venv/bin/python -m localstack.publish build/ada.json")

    assert become(lambda: family(campus, "WIKI") == "King", SOON), "another service goes on"
    assert family(campus) == "Lovelace"
    bash("source build/campus.env\n.venv/bin/provision resume library")
    assert not gate_of("library")["paused"]
    assert become(lambda: family(campus) == "King", SOON)


def test_the_file_of_the_night_is_shown_and_another_one_is_made_on_command(campus: dict[str, str]) -> None:
    assert campus["PROVISIONING_STACK"] == "campus"

    def files() -> list[dict[str, Any]]:
        told = json.loads(bash("source build/campus.env\n.venv/bin/provision extract status parking --json"))
        return list(told["published"])

    (made,) = files()
    assert (made["kind"], made["acknowledged"]) == ("full", "yes, as the next start will see")
    assert made["rows"] > 0
    bash("source build/campus.env\n.venv/bin/provision extract start parking")
    assert become(lambda: len(files()) == 2, SOON)
    assert [each["acknowledged"] for each in files()] == ["yes: the base of deltas", "no"]


def test_a_bundle_published_to_the_running_stack_reaches_those_whom_it_concerns(campus: dict[str, str]) -> None:
    """A rule of the reader's own, put in force: the campaign finds everyone, without a message from the IDMS."""
    published = bash(
        "source build/campus.env\nrm -rf build/mine && cp -r build/campus-bundle build/mine\n"
        "cat > build/mine/rules/zz-mine.yaml <<'YAML'\n"
        "- id: nobody-reads\n  service: library\n  who: has(person.login) && person.login == \"ada\"\n"
        "  deny: true\n  because: A test.\n"
        "YAML\n.venv/bin/provision plan build/mine --json > build/plan.json\n"
        ".venv/bin/provision publish build/mine --json"
    )  # fmt: skip
    planned = json.loads((ROOT / "build" / "plan.json").read_text(encoding="utf-8"))
    (sample,) = planned["services"]["library"]["suspended"]["samples"]
    assert (sample["person"], sample["rules"][0]) == ("registry/ada", "nobody-reads")
    assert json.loads(published)["sequence"] >= 2
    assert become(lambda: not (account(campus) or {"active": False}).get("active", True), SOON)
