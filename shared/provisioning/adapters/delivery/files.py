"""Parts of files in Parquet. The library is an extra, imported when the first such part is made."""

from io import BytesIO
from typing import Any, Final

from provisioning.core.errors import InvalidError
from provisioning.core.extract_rows import Layout, Row, cells, text_of
from provisioning.core.extract_writer import Writer

# Rows that are Python's before they become Arrow's: a text of Python's is fifty bytes and its letters.
_TOGETHER: Final = 4096


class ParquetWriter:
    """A part in columns. Every column is text that may be missing: the mapping's values have no one type.

    Several values of one field are joined as in CSV. Raises InvalidError if the library is not installed.
    """

    def __init__(self, layout: Layout) -> None:
        try:
            import arro3.core
            import arro3.io
        except ImportError as error:
            raise InvalidError("Parquet is not installed", right="the extra provisioning[parquet]") from error
        self._arrow, self._io = arro3.core, arro3.io
        self._layout = layout
        fields = [arro3.core.Field(name, arro3.core.DataType.utf8(), nullable=True) for name in layout.columns]
        self._schema = arro3.core.Schema(fields)
        self._columns: list[list[str | None]] = [[] for _ in layout.columns]
        self._batches: list[Any] = []
        self._rows = self._size = 0

    @property
    def size(self) -> int:
        return self._size

    def add(self, row: Row) -> None:
        for column, value in zip(self._columns, cells(self._layout, row), strict=True):
            text = None if value is None else text_of(value, self._layout.separator)
            if text is not None and not text.isascii():
                text = text.encode(errors="replace").decode()
            column.append(text)
            self._size += len(text or "") + 1
        self._rows += 1
        if self._rows == _TOGETHER:
            self._pack()

    def finish(self) -> bytes:
        self._pack()
        table = self._arrow.Table.from_batches(self._batches, schema=self._schema)
        self._batches = []
        body = BytesIO()
        self._io.write_parquet(table, body, compression="zstd(3)")
        return body.getvalue()

    def _pack(self) -> None:
        text = self._schema.field(0).type
        arrays = [self._arrow.Array(column, text) for column in self._columns]
        self._batches.append(self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        for column in self._columns:
            column.clear()
        self._rows = 0


def parquet_writer(layout: Layout) -> Writer:
    """A part in Parquet."""
    return ParquetWriter(layout)
