"""Parts of files in Parquet. The library is an extra, imported when the first such part is made."""

from io import BytesIO

from provisioning.core.errors import InvalidError
from provisioning.core.extract_rows import Layout, Row, cells, text_of
from provisioning.core.extract_writer import Writer


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
        self._columns: list[list[str | None]] = [[] for _ in layout.columns]
        self._size = 0

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

    def finish(self) -> bytes:
        arrow, text = self._arrow, self._arrow.DataType.utf8()
        fields = [arrow.Field(name, text, nullable=True) for name in self._layout.columns]
        arrays = [arrow.Array(column, text) for column in self._columns]
        batch = arrow.RecordBatch.from_arrays(arrays, schema=arrow.Schema(fields))
        self._columns = []
        body = BytesIO()
        self._io.write_parquet(batch, body, compression="zstd(3)")
        return body.getvalue()


def parquet_writer(layout: Layout) -> Writer:
    """A part in Parquet."""
    return ParquetWriter(layout)
