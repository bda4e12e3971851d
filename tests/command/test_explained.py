"""The explanation as people read it, at a day that does not change. The README shows it, word for word."""

import io
import json
from datetime import date
from pathlib import Path

from rich.console import Console

from localstack.emulator import ROOT
from provisioning.command.explained import print_explanation
from provisioning.command.explained_json import words
from provisioning.command.preview import preview
from provisioning.core.explanation import explain
from provisioning.core.period import midnight

CAMPUS = ROOT / "localstack" / "campus"
DAY = date(2026, 11, 23)


def shown(service: str | None, file: Path = CAMPUS / "samples" / "grace.json") -> str:
    policy, identity = preview(CAMPUS, file, midnight(DAY, ZONE))
    explanation = explain(policy, identity, {}, midnight(DAY, ZONE), service)
    console = Console(file=io.StringIO(), width=110)
    print_explanation(console, explanation, policy.zone, failed=service is not None)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines() if line.strip())


ZONE = preview(CAMPUS, CAMPUS / "samples" / "grace.json", 0)[0].zone


def test_the_readme_shows_what_explain_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("<!-- output: explain -->\n```\n")[1].split("```")[0]
    assert block.strip() == shown("badge")


def test_without_a_service_only_what_a_person_may_have_is_shown_and_no_rule_that_does_not_hold() -> None:
    text = shown(None)
    assert "badge: active" in text
    assert "\n- " not in text


def test_the_bar_has_a_sign_for_each_standing_in_its_time() -> None:
    bar, mark = shown("library").splitlines()[2:4]
    signs = bar.split()[1]
    assert set(signs) == {"·", "█", "▓", "░"} - ({"▓"} if "▓" not in signs else set())
    assert signs.index("█") < signs.index("░")
    at = mark.index("^") - len("2022-04-20 ")
    assert signs[at] == "█"


def test_json_carries_all_of_it() -> None:
    policy, identity = preview(CAMPUS, CAMPUS / "samples" / "grace.json", midnight(DAY, ZONE))
    told = json.loads(json.dumps(words(explain(policy, identity, {}, midnight(DAY, ZONE), "badge"))))
    (service,) = told["services"]
    assert service["end"]["without"] == [{"rule": "employees-enter", "end": "2026-12-31T23:00:00Z"}]
    tried = {rule["rule"]: rule["tried"] for rule in service["rules"]}
    assert [one["holds"] for one in tried["students-enter"]] == [True, False, False]
    assert tried["students-enter"][1]["parts"] == [
        {"text": 'affiliation.type == "student"', "holds": False, "error": "", "facts": {"affiliation.type": "staff"}}
    ]
