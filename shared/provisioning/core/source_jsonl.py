"""JSON lines, read piece by piece: one object on each line."""

import json
from dataclasses import replace

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError
from provisioning.core.file_lines import LONGEST, Lines
from provisioning.core.file_rows import Mark, Rows, spoiled
from provisioning.core.source import Item, Spoiled
from provisioning.core.source_files import Files
from provisioning.core.wire import read_json

_BOM = b"\xef\xbb\xbf"


class JsonLines:
    """A Reader of them."""

    def __init__(self, options: Files, where: str, mark: Mark) -> None:
        self._options, self._where, self._mark = options, where, mark
        self._lines = Lines(where, mark.offset, mark.line)
        self._rows = Rows(options)

    @property
    def mark(self) -> Mark:
        return replace(self._mark, offset=self._lines.offset, line=self._lines.number)

    @property
    def finished(self) -> bool:
        return self._lines.ended and self._lines.peek() is None

    def feed(self, data: bytes, *, last: bool) -> None:
        self._lines.feed(data, last=last)

    def read(self, most: int) -> list[Item | Spoiled]:
        found: list[Item | Spoiled] = []
        bad = 0
        lines = self._lines
        while len(found) < most and (line := lines.peek()) is not None:
            if lines.offset == 0:
                line = line.removeprefix(_BOM)
            if line and not line.isspace():
                row = self._row(line)
                if row is not None:
                    found.append(row)
                    bad += isinstance(row, Spoiled)
            lines.take()
        self._mark = replace(self._mark, rows=self._mark.rows + len(found), spoiled=self._mark.spoiled + bad)
        return found

    def _row(self, line: bytes) -> Item | Spoiled | None:
        where = f"{self._where}:{self._lines.number}"
        if (size := self._lines.size) > LONGEST:
            return spoiled(where, f"{size} bytes, more than {LONGEST}", line)
        value = self._value(line, where)
        if isinstance(value, str):
            if self._lines.cut and self._lines.is_last():  # an object says itself where it ends, without a break
                self._problem(f"cut off in line {self._lines.number}")
            return spoiled(where, value, line)
        if self._mark.stated is not None:
            self._problem("rows after its trailer")
        trailer = self._options.trailer
        if trailer is not None and value.keys() == {trailer}:
            self._trailer(value[trailer])
            return None
        made = self._rows.item(value)
        return made if isinstance(made, Item) else spoiled(where, made, line)

    def _value(self, line: bytes, where: str) -> dict[str, Json] | str:
        """The object of a line, or why there is none."""
        try:
            text = line.decode(self._options.encoding)
        except UnicodeDecodeError as error:
            return f"not {self._options.encoding} at byte {error.start + 1}"
        try:
            value = read_json(text, where, LONGEST)
        except InvalidError as error:
            return error.problem
        if not isinstance(value, dict):
            return "not an object"
        if "\\u" in text:
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError:  # it can be written so, and stored nowhere
                return "half a character (a surrogate) in a text"
        return value

    def _trailer(self, stated: Json) -> None:
        if isinstance(stated, int) and not isinstance(stated, bool):
            self._mark = replace(self._mark, stated=stated)
        else:
            self._problem("its trailer is no count")

    def _problem(self, problem: str) -> None:
        self._mark = replace(self._mark, problem=f"{self._where}: {problem}")
