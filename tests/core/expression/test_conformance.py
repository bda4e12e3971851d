"""The public conformance cases: most pass, and what is outside of the language here is refused, never guessed."""

from collections import Counter

import pytest

from tests.core.expression.conformance import FOLDER, Verdict, cases, verdict

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the conformance cases are not at {FOLDER}")


@pytest.fixture(scope="module")
def verdicts() -> list[tuple[str, str, Verdict]]:
    return [(file, case["expr"], verdict(case)) for file, case in cases()]


def test_no_case_is_answered_wrongly(verdicts: list[tuple[str, str, Verdict]]) -> None:
    wrong = [f"{file}: {given.reason}" for file, _, given in verdicts if given.outcome == "wrong"]
    assert wrong == []


def test_nearly_all_cases_pass_and_the_rest_is_listed(
    verdicts: list[tuple[str, str, Verdict]], capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = Counter(given.outcome for _, _, given in verdicts)
    reasons = Counter(given.reason for _, _, given in verdicts if given.outcome == "outside")
    with capsys.disabled():
        summary = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
        print(f"\nCEL conformance, of {len(verdicts)} cases: {summary}")  # noqa: T201  the point of the test
        for reason, count in reasons.most_common():
            print(f"  {count:4d} outside: {reason}")  # noqa: T201
    assert outcomes["pass"] >= 1250
