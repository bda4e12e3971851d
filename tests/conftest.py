"""What many folders need: the embedded AWS, started once for a whole test run and only if a test asks for it."""

import os
from collections.abc import Iterator

import pytest

from localstack.emulator import ROOT, emulator, installed


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
