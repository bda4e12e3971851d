"""Rows in every format, as other readers than ours understand them."""

import base64
import csv
import io
import json
import re
import sys
import tracemalloc
from typing import Any

import pytest
from arro3.core import DataType
from arro3.io import read_parquet
from hypothesis import given
from hypothesis import strategies as st

from provisioning.adapters.delivery.files import parquet_writer
from provisioning.core.account import Account, Desired, Json, Known, Phase
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.extract_rows import Layout, Row, cells, layout_of, row_of, stage, text_of
from provisioning.core.extract_writer import line_writer

# As JSON can have it, lone surrogates too.
TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)
VALUE = st.one_of(st.none(), TEXT, st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
                  st.lists(TEXT, max_size=3))  # fmt: skip


def service(**options: Any) -> Service:
    return Service.model_validate({
        "id": "badges", "protocol": "extract", "endpoint": "s3:///badges", "match": "uid",
        "account": {"uid": "person.login", "mail": "person.mail", "tags": "person.tags"},
        "extract": {"base": "ou=people,dc=campus", **options},
    })  # fmt: skip


def layout(**options: Any) -> Layout:
    return layout_of(service(**options))


def body(of: Layout, *rows: Row, delta: bool = False) -> bytes:
    writer = line_writer(of, delta=delta)
    assert writer is not None
    for row in rows:
        writer.add(row)
    assert writer.size
    return writer.finish()


def row(identity: str = "i1", **values: Json) -> Row:
    return Row(identity, Phase.ACTIVE, {"uid": "ada", **values}, ("readers",))


GONE = Row("i2", Phase.ABSENT, {"uid": "bob"})


def clean(text: str) -> str:
    """Text as UTF-8 can hold it."""
    return text.encode(errors="replace").decode()


# Columns


def test_columns_are_the_mapping_s_paths_in_order_between_what_is_configured() -> None:
    assert layout().columns == ("identity", "uid", "mail", "tags", "phase")
    assert layout(full_every="P1D", groups="roles").columns == (
        "operation", "identity", "uid", "mail", "tags", "phase", "roles",
    )  # fmt: skip
    assert layout(identity=None, phase=None).columns == ("uid", "mail", "tags")
    assert layout(full_every="P1D", operation="op", identity="id", phase="state").columns[:2] == ("op", "id")


def test_a_row_has_its_values_in_the_order_of_the_columns() -> None:
    of = layout(full_every="P1D", groups="roles")
    assert cells(of, row(mail="a@b")) == ["put", "i1", "ada", "a@b", None, "active", ["readers"]]
    assert cells(of, GONE) == ["delete", "i2", "bob", None, None, "absent", None]


@given(st.lists(TEXT.map(lambda text: text.replace("\\", "x") if text.endswith("\\") else text), min_size=1))
def test_several_values_in_one_field_can_be_told_apart_again(values: list[str]) -> None:
    joined = text_of(values, "|")
    parts = re.findall(r"((?:\\.|[^\\|])*)(?:\||$)", joined, re.DOTALL)[: len(values)]
    assert [re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in parts] == values


# Staging


ACTIVE = Desired(Phase.ACTIVE, {"uid": "ada", "mail": "a@b"}, ("readers",))


def test_a_staged_row_is_as_wanted() -> None:
    known = stage(service(), ACTIVE, Known())
    assert known == Known(Phase.ACTIVE, None, ACTIVE.values, ("readers",), staged=True)


def test_a_row_that_is_gone_keeps_its_key_and_nothing_else() -> None:
    known = stage(service(), ACTIVE, Known())
    assert stage(service(), Desired(Phase.ABSENT), known) == Known(Phase.ABSENT, values={"uid": "ada"}, staged=True)
    assert stage(service(), Desired(Phase.ABSENT), Known()) == Known(Phase.ABSENT, staged=True)


def test_values_that_only_a_new_account_gets_stay_as_they_were() -> None:
    wanted = Desired(Phase.ACTIVE, {"uid": "new", "mail": "new"}, once=frozenset({"uid"}), fill=frozenset({"mail"}))
    assert stage(service(), wanted, Known()).values == {"uid": "new", "mail": "new"}
    before = Known(Phase.ACTIVE, values={"uid": "old", "mail": "old"}, staged=True)
    assert stage(service(), wanted, before).values == {"uid": "old", "mail": "old"}
    assert stage(service(), wanted, Known(Phase.ACTIVE, values={"uid": None})).values == {"mail": "new"}
    again = Known(Phase.ABSENT, values={"uid": "old"}, staged=True)
    assert stage(service(), wanted, again).values == {"uid": "old", "mail": "new"}, "the key, by which the SP knows it"


@pytest.mark.parametrize(
    ("phase", "full", "delta"),
    [("active", "put", "put"), ("suspended", None, "delete"), ("absent", None, "delete")],
)
def test_who_is_not_of_the_population_is_a_deletion_in_a_delta(phase: str, full: str | None, delta: str | None) -> None:
    of = layout(phases=["active"])
    account = Account("i1", "badges", Known(Phase(phase), values={"uid": "ada"}))
    in_full, in_delta = row_of(of, account, delta=False), row_of(of, account, delta=True)
    assert (in_full and in_full.operation, in_delta and in_delta.operation) == (full, delta)


# CSV


@given(st.lists(st.fixed_dictionaries({"uid": TEXT, "mail": VALUE, "tags": VALUE}), max_size=5))
def test_csv_is_read_by_others_as_it_was_written(values: list[dict[str, Json]]) -> None:
    of = layout(guard=False)
    text = body(of, *(Row("i", Phase.ACTIVE, each) for each in values)).decode()
    found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert found[0] == list(of.columns)
    expected = [[clean(text_of(cell, "|")) for cell in cells(of, Row("i", Phase.ACTIVE, each))] for each in values]
    assert found[1:] == expected
    assert text.endswith("\r\n")


@pytest.mark.parametrize("text", ["=1+1", "+31", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1"])
def test_text_that_a_spreadsheet_would_calculate_is_guarded_unless_switched_off(text: str) -> None:
    (guarded,) = list(csv.reader(io.StringIO(body(layout(), row(mail=text)).decode(), newline="")))[1:]
    (plain,) = list(csv.reader(io.StringIO(body(layout(guard=False), row(mail=text)).decode(), newline="")))[1:]
    assert (guarded[2], plain[2]) == (f"'{text}", text)


def test_numbers_are_not_guarded() -> None:
    assert body(layout(), row(mail=-5)).splitlines()[1] == b"i1,ada,-5,,active"


def test_a_file_of_one_empty_column_has_no_empty_line() -> None:
    of = layout_of(service(identity=None, phase=None).model_copy(update={"account": {"uid": "x"}}))
    assert body(of, Row("i", Phase.ACTIVE, {"uid": ""})) == b'uid\r\n""\r\n'


# JSON lines


@given(st.fixed_dictionaries({"uid": TEXT, "mail": VALUE, "tags": VALUE}))
def test_json_lines_have_one_object_a_line(values: dict[str, Json]) -> None:
    of = layout(format="jsonl", full_every="P1D")
    lines = body(of, Row("i", Phase.ACTIVE, values), GONE).decode().split("\n")
    assert len(lines) == 3
    first, second = json.loads(lines[0]), json.loads(lines[1])
    assert list(first) == list(of.columns)
    assert first["mail"] == json.loads(json.dumps(values["mail"], ensure_ascii=False).encode(errors="replace"))
    assert second == {"operation": "delete", "identity": "i2", "uid": "bob", "phase": "absent"}


# LDIF


def parse(text: bytes) -> list[list[tuple[str, str]]]:
    """Records of LDIF, read by the standard and by nothing of ours."""
    lines = text.decode("ascii").replace("\n ", "").split("\n")
    assert lines[0] == "version: 1"
    records: list[list[tuple[str, str]]] = []
    for line in lines[1:]:
        if not line:
            records.append([])
        elif line == "-":
            records[-1].append(("-", ""))
        else:
            name, _, value = line.partition(":")
            if value.startswith(":"):
                value = base64.b64decode(value[1:].strip(), validate=True).decode()
            else:
                value = value.removeprefix(" ")
                assert not value.startswith((" ", ":", "<"))
            records[-1].append((name, value))
    return [record for record in records if record]


@given(st.lists(TEXT.filter(bool), min_size=1, max_size=3), TEXT)
def test_an_entry_has_every_value_whatever_it_is(tags: list[str], mail: str) -> None:
    text = body(layout(format="ldif"), row(tags=tags, mail=mail))
    assert max(len(line) for line in text.split(b"\n")) <= 76
    (record,) = parse(text)
    assert record[0] == ("dn", "uid=ada,ou=people,dc=campus")
    assert ("objectClass", "inetOrgPerson") in record
    assert [value for name, value in record if name == "tags"] == [clean(tag) for tag in dict.fromkeys(tags)]
    assert [value for name, value in record if name == "mail"] == ([clean(mail)] if mail else [])


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("a,b", r"a\,b"), (' a+"<>;=\\ ', r"\ a\+\"\<\>\;\=\\\ "), ("#1", r"\#1"), ("zoë", "zoë"), (" ", r"\ "),
        ("a\x00", r"a\00"),
    ],
)  # fmt: skip
def test_a_name_is_escaped(uid: str, name: str) -> None:
    (record,) = parse(body(layout(format="ldif"), Row("i", Phase.ACTIVE, {"uid": uid})))
    assert record[0] == ("dn", f"uid={name},ou=people,dc=campus")


def test_a_delta_has_changes() -> None:
    of = layout(format="ldif", full_every="P1D", identity=None, groups="memberOf")
    added, changed, deleted = parse(body(of, row(mail="a@b"), GONE, delta=True))
    assert added[1:] == [
        ("changetype", "add"), ("objectClass", "inetOrgPerson"), ("uid", "ada"), ("mail", "a@b"), ("phase", "active"),
        ("memberOf", "readers"),
    ]  # fmt: skip
    assert changed[1:] == [
        ("changetype", "modify"), ("replace", "mail"), ("mail", "a@b"), ("-", ""), ("replace", "tags"), ("-", ""),
        ("replace", "phase"), ("phase", "active"), ("-", ""), ("replace", "memberOf"), ("memberOf", "readers"),
        ("-", ""),
    ]  # fmt: skip
    assert deleted == [("dn", "uid=bob,ou=people,dc=campus"), ("changetype", "delete")]


def test_an_entry_without_a_name_is_not_said() -> None:
    account = Account("i1", "badges", Known(Phase.ACTIVE, values={"mail": "a@b"}))
    assert row_of(layout(format="ldif"), account, delta=True) is None


# Parquet


def test_parquet_is_read_as_it_was_written() -> None:
    writer = parquet_writer(layout(format="parquet", full_every="P1D"))
    writer.add(row(mail="zoë\ud800", tags=["a", "b|c"]))
    writer.add(GONE)
    assert writer.size > 20
    found = read_parquet(io.BytesIO(writer.finish())).read_all().to_struct_array().to_pylist()
    assert found == [
        {"operation": "put", "identity": "i1", "uid": "ada", "mail": "zoë?", "tags": "a|b\\|c", "phase": "active"},
        {"operation": "delete", "identity": "i2", "uid": "bob", "mail": None, "tags": None, "phase": "absent"},
    ]


def test_every_column_of_a_part_in_parquet_is_text_that_may_be_missing() -> None:
    of = layout(format="parquet", phase="state", groups="groups")
    writer = parquet_writer(of)
    for number in range(9000):  # more than are packed at once
        writer.add(Row(f"i{number}", Phase.SUSPENDED, {"uid": f"u{number}", "tags": number}))
    table = read_parquet(io.BytesIO(writer.finish())).read_all()
    assert table.column_names == list(of.columns)
    fields = [table.schema.field(name) for name in of.columns]
    assert {(str(field.type), field.nullable) for field in fields} == {(str(DataType.utf8()), True)}
    assert table.column("uid").to_pylist() == [f"u{number}" for number in range(9000)]
    assert table.column("tags").to_pylist()[-1] == "8999"
    assert set(table.column("state").to_pylist()) == {"suspended"}
    assert set(table.column("mail").to_pylist()) == {None}


def test_rows_of_a_part_in_parquet_do_not_stay_python_s() -> None:
    writer = parquet_writer(layout(format="parquet"))
    tracemalloc.start()
    try:
        for number in range(40_960):
            writer.add(Row(f"identity-{number}", Phase.ACTIVE, {"uid": f"user-{number}", "mail": f"{number}@campus"}))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert writer.size > 1_500_000
    assert held < 1_000_000


def test_a_part_in_parquet_may_have_columns_and_no_row() -> None:
    table = read_parquet(io.BytesIO(parquet_writer(layout(format="parquet")).finish())).read_all()
    assert (table.num_rows, table.column_names) == (0, ["identity", "uid", "mail", "tags", "phase"])


def test_without_its_library_parquet_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arro3.io", None)
    with pytest.raises(InvalidError, match=r"Parquet is not installed.*provisioning\[parquet\]"):
        parquet_writer(layout(format="parquet"))
