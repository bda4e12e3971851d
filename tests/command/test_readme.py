"""The README's recipes are run as they stand there."""

import re
import shutil
import subprocess

from localstack.emulator import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def recipe(name: str) -> str:
    found = re.search(rf"<!-- recipe: {name} -->\n```bash\n(.*?)```", README, re.DOTALL)
    assert found is not None, f"the README has no recipe {name!r}"
    return found[1]


def test_a_first_rule_of_the_readers_own_is_checked_and_explained() -> None:
    shutil.rmtree(ROOT / "build" / "mine", ignore_errors=True)
    (ROOT / "build").mkdir(exist_ok=True)
    script = "set -euo pipefail\n" + recipe("first-rule")
    result = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "no errors" in result.stdout
    assert "[chess-club, registry/1]" in result.stdout.replace("\n", " ") or "chess-club" in result.stdout
    assert "wiki: active" in result.stdout
