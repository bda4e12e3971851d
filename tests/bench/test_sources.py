"""The benchmark of sources measures what it says."""

import pytest

from tests import postgresql
from tests.bench import sources as bench


def test_every_row_is_read_by_all_and_sent_once() -> None:
    if postgresql.find() is None:
        pytest.skip(postgresql.MISSING)
    results = bench.measure(12_000)
    assert {each.rows for each in results.values()} == {12_000}
    assert results["snapshot"].sent == 12_000
    assert all(each.cpu > 0 and each.peak > 0 for each in results.values())


async def test_everybody_is_taken_in_and_requests_are_counted() -> None:
    loaded, requests = await bench.load(200)
    assert loaded.rows == 200
    assert (requests["TransactWriteItems"], requests["BatchGetItem"]) == (200, 20)
