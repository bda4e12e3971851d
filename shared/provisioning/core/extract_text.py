"""Rows as CSV (RFC 4180) and as JSON lines."""

import json
import re
from typing import Final

from provisioning.core.account import Phase
from provisioning.core.extract_rows import Layout, Row, cells, text_of

# What a spreadsheet takes for the beginning of a formula, full-width forms among it (OWASP, CSV injection).
_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")
_QUOTED: Final = re.compile(r'[",\r\n]|^ | $')


def csv_header(layout: Layout) -> bytes:
    """The first line: the names of the columns."""
    return _line([_quoted(name) for name in layout.columns])


def csv_row(layout: Layout, row: Row) -> bytes:
    """One line. Text that would be a formula gets an apostrophe before it, unless the service says otherwise."""
    fields = []
    for value in cells(layout, row):
        text = text_of(value, layout.separator)
        if layout.guard and text.startswith(_FORMULA) and isinstance(value, str | list | tuple):
            text = f"'{text}"
        fields.append(_quoted(text))
    return _line(fields)


def _quoted(text: str) -> str:
    if _QUOTED.search(text) is None:
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _line(fields: list[str]) -> bytes:
    # A single empty field would be an empty line, which readers pass over.
    text = ",".join(fields) if fields != [""] else '""'
    return f"{text}\r\n".encode(errors="replace")


def json_row(layout: Layout, row: Row) -> bytes:
    """One object on one line, its names in the order of the columns. Of a deletion, only what is known."""
    found = dict(zip(layout.columns, cells(layout, row), strict=True))
    if row.phase is Phase.ABSENT:
        found = {name: value for name, value in found.items() if value is not None}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"
