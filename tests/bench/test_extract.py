"""The benchmark of extracts measures what it says."""

import pytest

from tests.bench.extract import FORMATS, make, measure, world


@pytest.mark.parametrize("format_", FORMATS)
def test_every_row_is_in_the_file_whose_memory_is_measured(format_: str) -> None:
    result = measure(1200, format_)
    assert (result.rows, result.parts) == (1200, 1)
    assert result.megabytes > 0
    assert result.peak >= result.before > 0


async def test_a_part_is_let_go_before_the_next_one_begins() -> None:
    many = world(101_000, "csv")
    await make(many)
    assert [part["rows"] for part in many.manifest["parts"]] == [50_000, 50_000, 1_000]
