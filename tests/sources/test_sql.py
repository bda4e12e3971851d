"""PostgreSQL as a source: transactions that commit late, rows alike, faults of every kind."""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types
import pytest

from provisioning.adapters.sources.sql import open_sql
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source import Fields, Item
from tests.postgresql import Postgres
from tests.sources.sql_world import BY_COLUMN, BY_OUTBOX, SqlWorld, sql_world
from tests.sources.world import everything, since


@pytest.fixture
async def by_column(postgres: Postgres) -> AsyncIterator[SqlWorld]:
    async with sql_world(postgres, BY_COLUMN) as made:
        yield made


@pytest.fixture
async def by_outbox(postgres: Postgres) -> AsyncIterator[SqlWorld]:
    async with sql_world(postgres, BY_OUTBOX) as made:
        yield made


async def another(world: SqlWorld) -> Any:
    """A connection beside the world's."""
    return await asyncpg.connect(world.url.replace("postgresql+asyncpg", "postgresql"))


async def look(world: SqlWorld, position: str, **options: Any) -> tuple[set[str], str]:
    """Who changed, and the place after it."""
    async with open_sql(world.poll(**options), world.read) as source:
        items, place = await since(source, position)
    return {item.key for item in items}, place


async def begun(world: SqlWorld) -> str:
    async with world.open() as source:
        place = await source.begin()
    assert place is not None
    return place


async def test_by_column_a_transaction_that_commits_late_is_not_lost(by_column: SqlWorld) -> None:
    await by_column.put("p0", {"given": "A", "unit": "arts"})
    place, late = await begun(by_column), await another(by_column)
    transaction = late.transaction()
    await transaction.start()
    await late.execute("INSERT INTO people VALUES ('late', 'L', 'arts')")
    await by_column.put("p1", {"given": "B", "unit": "arts"})  # a later instant, and committed before
    seen, place = await look(by_column, place)
    assert "p1" in seen
    assert "late" not in seen
    await transaction.commit()
    seen, place = await look(by_column, place)
    assert "late" in seen
    await late.close()


async def test_by_outbox_a_number_that_is_committed_late_is_not_lost(by_outbox: SqlWorld) -> None:
    place, late = await begun(by_outbox), await another(by_outbox)
    transaction = late.transaction()
    await transaction.start()
    await late.execute("INSERT INTO people VALUES ('late', 'L', 'arts')")
    await late.execute("INSERT INTO outbox (person) VALUES ('late')")
    await by_outbox.put("p1", {"given": "B", "unit": "arts"})
    seen, place = await look(by_outbox, place)
    assert seen == {"p1"}
    seen, place = await look(by_outbox, place)
    assert seen == set()
    await transaction.commit()
    seen, place = await look(by_outbox, place)
    assert seen == {"late"}
    assert (await look(by_outbox, place))[0] == set()
    await late.close()


async def test_by_outbox_a_number_that_never_comes_is_asked_for_no_longer_than_it_takes(by_outbox: SqlWorld) -> None:
    place = await begun(by_outbox)
    failed = by_outbox.connection.transaction()
    await failed.start()
    await by_outbox.connection.execute("INSERT INTO outbox (person) VALUES ('nobody')")
    await failed.rollback()
    await by_outbox.put("p1", {"given": "B", "unit": "arts"})
    _, place = await look(by_outbox, place)
    assert list(json.loads(place)[1]) == ["1"]
    _, place = await look(by_outbox, place, overlap=0)
    assert json.loads(place)[1] == {}


async def test_by_outbox_whoever_held_a_number_when_it_began_is_not_lost(by_outbox: SqlWorld) -> None:
    late = await another(by_outbox)
    transaction = late.transaction()
    await transaction.start()
    await late.execute("INSERT INTO outbox (person) VALUES ('late')")
    await by_outbox.put("p1", {"given": "B", "unit": "arts"})
    place = await begun(by_outbox)
    await transaction.commit()
    seen, _ = await look(by_outbox, place)
    assert "late" in seen
    await late.close()


async def test_rows_of_one_instant_are_each_seen_and_the_look_ends(by_column: SqlWorld) -> None:
    await by_column.connection.execute(
        "INSERT INTO people SELECT 'p' || n, 'G', 'arts', '2027-01-01' FROM generate_series(1, 3000) AS n"
    )
    seen, place = await look(by_column, json.dumps(["2026-12-31", "2026-12-31", None]), page=500)
    assert len(seen) == 3000
    assert json.loads(place)[1].startswith("2027-01-01")


@pytest.mark.parametrize("kind", ["bigint", "uuid", 'text COLLATE "C"', "numeric", "char(8)"])
async def test_every_key_is_in_one_page(by_column: SqlWorld, kind: str) -> None:
    made = "md5(n::text)::uuid" if kind == "uuid" else "n"
    await by_column.connection.execute(f"CREATE TABLE t (id {kind} PRIMARY KEY, Given text)")
    await by_column.connection.execute(f"INSERT INTO t SELECT {made}, 'x' FROM generate_series(1, 250) AS n")  # noqa: S608  our own
    async with open_sql(by_column.poll(7, select="t", changed=None), by_column.read) as source:
        items, last = await everything(source)
        found = await source.fetch([items[0].key, "no such key", "x' OR 'x'='x"])
    assert len(items) == len({item.key for item in items}) == 250
    assert last.evidence is not None
    assert (last.evidence.expected, last.evidence.problem) == (250, "")
    assert [item.fields is not None for item in found] == [True, False, False]


async def test_a_query_is_a_source_and_what_may_change_without_the_subject_is_left_out(by_column: SqlWorld) -> None:
    await by_column.put("p0", {"given": "A\tB\n'", "unit": "arts"})
    select = "SELECT p.*, array['x', 'y'] AS roles, 1.50 AS share, NULL AS nothing FROM people p WHERE unit = 'arts';"
    poll = by_column.poll(select=select, exclude=["seen", "changed"], changed=None)
    async with open_sql(poll, by_column.read) as source:
        (item,), _ = await everything(source)
    assert isinstance(item.fields, Fields)
    assert dict(item.fields) == {
        "id": "p0", "given": "A\tB\n'", "unit": "arts", "roles": ["x", "y"], "share": 1.5, "nothing": None,
    }  # fmt: skip


async def test_keys_that_stand_twice_are_no_evidence(by_column: SqlWorld) -> None:
    await by_column.put("p0", {"given": "A", "unit": "arts"})
    poll = by_column.poll(select="SELECT * FROM people UNION ALL SELECT * FROM people", changed=None)
    async with open_sql(poll, by_column.read) as source:
        _, last = await everything(source)
    assert last.evidence is not None
    assert last.evidence.problem == "1 values of id stand in more than one row"


async def test_a_row_that_is_too_large_is_spoiled_and_stops_nobody(by_column: SqlWorld) -> None:
    await by_column.put("p0", {"given": "A", "unit": "arts"})
    await by_column.put("p1", {"given": "x" * 300_000, "unit": "arts"})
    async with by_column.open() as source:
        page = await source.snapshot(None)
        with pytest.raises(InvalidError, match="row of p1"):
            await source.fetch(["p1"])
    assert [item.key for item in page.items] == ["p0"]
    assert [(each.key, len(each.body)) for each in page.spoiled] == [("p1", 1000)]


async def test_a_server_that_restarts_in_the_middle_is_asked_again_where_we_were(by_column: SqlWorld) -> None:
    for number in range(9):
        await by_column.put(f"p{number}", {"given": "A", "unit": "arts"})
    async with by_column.open() as source:
        first = await source.snapshot(None)
        by_column.server.stop()
        with pytest.raises(TransientError):
            await source.snapshot(first.position)
    with pytest.raises(TransientError):
        async with by_column.open():
            pass
    by_column.server.start()
    items: list[Item] = list(first.items)
    position, more = first.position, True
    async with by_column.open() as source:
        while more:
            page = await source.snapshot(position)
            items += page.items
            position, more = page.position, page.more
    assert sorted(item.key for item in items) == [f"p{number}" for number in range(9)]


@pytest.mark.parametrize(
    ("options", "where", "fault"),
    [
        ({"select": "nowhere"}, "poll.sql", "nowhere"),
        ({"select": "SELECT nothing FROM people"}, "poll.sql", "nothing"),
        ({"select": "SELECT 1 AS id, 2 AS id"}, "poll.sql.select", "twice"),
        ({"select": "SELECT )"}, "poll.sql", "PostgresSyntaxError"),
        ({"key": "nobody"}, "poll.sql.key", "nobody"),
        ({"changed": "never"}, "poll.sql.changed", "never"),
        ({"exclude": ["what"]}, "poll.sql.exclude", "what"),
    ],
)
async def test_what_the_operator_must_mend_is_named(
    by_column: SqlWorld, options: dict[str, Any], where: str, fault: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        async with open_sql(by_column.poll(**options), by_column.read):
            pass
    assert caught.value.where == where
    assert fault in str(caught.value)
    assert caught.value.right


@pytest.mark.parametrize(
    ("secret", "error", "fault"),
    [
        ("nonsense", InvalidError, "not a URL"),
        ("mysql://u:hush@h/d", InvalidError, "a URL of mysql"),
        ("postgresql+asyncpg://engine:hush@127.0.0.1:{port}/postgres", InvalidError, "InvalidPasswordError"),
        ("postgresql+asyncpg://engine:hush@127.0.0.1:1/postgres", TransientError, "cannot be asked now"),
    ],
)
async def test_a_secret_that_is_of_no_use_is_told_without_it(
    by_column: SqlWorld, secret: str, error: type[Exception], fault: str
) -> None:
    async def read(_name: str) -> str:
        return secret.format(port=by_column.server.port)

    with pytest.raises(error, match=fault) as caught:
        async with open_sql(by_column.poll(), read):
            pass
    assert "hush" not in str(caught.value)


async def test_without_tls_nothing_is_said_unless_the_operator_allows_it(by_column: SqlWorld) -> None:
    with pytest.raises((TransientError, InvalidError)):
        async with open_sql(by_column.poll(private=False), by_column.read):
            pass


async def test_a_statement_that_takes_too_long_is_given_up(by_column: SqlWorld) -> None:
    slow = by_column.poll(select="SELECT p.*, pg_sleep(5) FROM people p", changed=None).model_copy(
        update={"timeout": 1}
    )
    await by_column.put("p0", {"given": "A", "unit": "arts"})
    async with open_sql(slow, by_column.read) as source:
        with pytest.raises(TransientError, match=r"QueryCanceled|Timeout"):
            await source.snapshot(None)


async def test_it_only_reads(by_column: SqlWorld) -> None:
    await by_column.put("p0", {"given": "A", "unit": "arts"})
    writing = "WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone"
    with pytest.raises((InvalidError, TransientError)):
        async with open_sql(by_column.poll(select=writing, changed=None), by_column.read) as source:
            await source.snapshot(None)
    assert await by_column.connection.fetchval("SELECT count(*) FROM people") == 1
