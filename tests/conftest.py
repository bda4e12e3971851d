"""What many folders need: the embedded AWS, started once for a whole test run and only if a test asks for it."""

import os
from collections.abc import Iterator

import pytest

from localstack.emulator import ROOT, emulator, installed
from tests.delivery.judged import report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The judges' report."""
    lines = report()
    if lines:
        terminalreporter.section("clients judged by their standards")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def emulator_endpoint() -> Iterator[str]:
    """The endpoint of an emulator: the one that PROVISIONING_EMULATOR names, or one of our own."""
    given = os.environ.get("PROVISIONING_EMULATOR", "")
    if given:
        yield given
    elif not installed():
        pytest.skip("the embedded AWS is not installed: make setup")
    else:
        with emulator(ROOT / "build" / "tests" / "emulator.log") as endpoint:
            yield endpoint
