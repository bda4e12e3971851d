"""The statements of one source. Names are quoted, values are arguments; the operator's query is a query in brackets."""

from dataclasses import dataclass
from typing import Final

from provisioning.adapters.sources.sql_connection import Database
from provisioning.core.errors import InvalidError
from provisioning.core.source_sql import Sql

LARGEST: Final = 240_000  # characters and bytes of one row's JSON


@dataclass(frozen=True, slots=True)
class Query:
    """Statements whose rows are (key as text, fields as JSON).

    `first`: the first page, of $1 rows. `next`: those after key $1, of $2 rows. `fetched`: the keys of list $1.
    `counted`: rows, and of those without a key. `doubled`: keys that stand twice. `of` and `shown` for others to be
    built of; `types` by column.
    """

    of: str
    shown: str
    types: dict[str, str]
    first: str
    next: str
    fetched: str
    counted: str
    doubled: str
    is_unique: bool


async def query_of(database: Database, options: Sql) -> Query:
    """The statements. Raises InvalidError if a column is not there."""
    of = f"{relation(options.select)} AS s"
    types = await database.columns(of)
    for option, name in (
        ("key", options.key),
        ("changed", options.changed),
        *(("exclude", n) for n in options.exclude),
    ):
        if name is not None and name not in types:
            right = f"one of {', '.join(types)}"
            raise InvalidError(f"there is no column {name!r}", f"poll.sql.{option}", right=right[:1000])
    column = f"s.{quoted(options.key)}"
    if options.exclude:  # of a plain row the database writes the JSON at half the cost
        left = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}'" for name in options.exclude)
        fields = f"(to_jsonb(s) - ARRAY[{left}]::text[])::text"
    else:
        fields = "row_to_json(s)::text"
    # Of a row that is too large no more comes than shows that it is.
    shown = f"SELECT {column}::text, left({fields}, {LARGEST + 1}) FROM {of}"
    kind = types[options.key]
    return Query(
        of=of,
        shown=shown,
        types=types,
        first=f"{shown} WHERE {column} IS NOT NULL ORDER BY {column} LIMIT $1",
        next=f"{shown} WHERE {column} > ($1::text)::{kind} ORDER BY {column} LIMIT $2",
        # Compared as text, so that what cannot be a key of this type is nobody, and no fault.
        fetched=f"{shown} WHERE {column}::text = ANY($1::text[])",
        counted=f"SELECT count({column}), count(*) - count({column}) FROM {of}",
        doubled=f"SELECT count(*) - count(DISTINCT {column}) FROM {of} WHERE {column} IS NOT NULL",
        is_unique=await _is_unique(database, options),
    )


async def _is_unique(database: Database, options: Sql) -> bool:
    """Whether an index of the table promises it; of a query or a view nobody knows."""
    rows = await database.rows(
        "SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        " WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL"
        " AND i.indexprs IS NULL AND a.attname = $2",
        table(options.select) if is_name(options.select) else None,
        options.key,
    )
    return bool(rows)


def is_name(text: str) -> bool:
    """Whether a text is the name of a table or view, and not a query."""
    return not any(character.isspace() or character in "()" for character in text.strip())


def table(text: str) -> str:
    """A name with or without a schema, quoted."""
    return ".".join(quoted(part.strip('"')) for part in text.strip().split("."))


def relation(text: str) -> str:
    """What stands after FROM."""
    return table(text) if is_name(text) else f"({text.strip().rstrip(';')})"


def quoted(name: str) -> str:
    """A name as an identifier."""
    return '"' + name.replace('"', '""') + '"'
