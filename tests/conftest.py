"""What many folders need: the embedded AWS, started once for a whole test run and only if a test asks for it."""

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from localstack.emulator import ROOT, emulator, installed
from tests.contracts.table import contract_table, source_table
from tests.delivery import judged


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Whatever a test sent to an SP is judged, and a fault fails that test."""
    try:
        result = yield
    finally:
        verdicts = judged.verdicts()
        # Beside the outcome, since it may be another process that reports.
        item.user_properties.append(("judged", judged.counted(verdicts)))
    faults = [fault for verdict in verdicts for fault in verdict.faults]
    assert not faults, "against the standard: " + "; ".join(faults)
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The contract's table, and the judges' report."""
    every = [each for some in terminalreporter.stats.values() for each in some if isinstance(each, pytest.TestReport)]
    properties = [named for each in every if each.when == "call" for named in each.user_properties]
    counts: list[Any] = [value for name, value in properties if name == "judged"]
    judges = judged.report([count for some in counts for count in some])
    tables = {"protocols and behaviours": contract_table(every), "sources and behaviours": source_table(every)}
    for title, lines in {**tables, "clients, as judged": judges}.items():
        if lines:
            terminalreporter.section(title)
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
