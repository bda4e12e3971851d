"""What the bundle says of a source that is extracted by `files`: what an IDMS leaves in a folder of S3."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from provisioning.core.model import Model

Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]
# One star, which stands for what orders the files: a number, a day, an instant. It matches within one folder.
Pattern = Annotated[str, StringConstraints(pattern=r"^[^*?\[\]]*\*?[^*?\[\]]*$", min_length=1, max_length=300)]
Letter = Annotated[str, StringConstraints(min_length=1, max_length=1, pattern=r"^[\x01-\x09\x0b\x0c\x0e-\x7f]$")]


class Files(Model):
    """Files of rows: full ones, which show everybody, and deltas, which show what changed since the ones before.

    What the star stands for orders full files and deltas together, numbers in it by their value: a delta changes what
    the full files before it say. So both are named alike, such as people-2026-01-31.csv and changes-2026-01-31T10.csv.
    """

    place: str = Field(
        pattern=r"^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?/[A-Za-z0-9._=/-]+$",
        max_length=300,
        description="s3://<bucket>/<folder>, or s3:///<folder> for sources/<folder> in the engine's own bucket",
    )
    format: Literal["csv", "jsonl"] = "csv"
    full: Pattern = Field(description="names of full files, such as people-*.csv; a name that ends in .gz is unpacked")
    delta: Pattern | None = Field(
        default=None, description="names of deltas, such as changes-*.csv; none: there are none"
    )
    numbered: bool = Field(default=False, description="deltas have whole numbers in a row; a gap calls for a snapshot")
    done: bool = Field(default=False, description="a file is read once there is another with its name and .done")
    count: Literal["none", "trailer", "file", "manifest"] = Field(
        default="none",
        description="what says how many rows there are: a last row, a file with the name and .count, or a manifest as "
        "extracts have it (`full` and `delta` are names of manifests then, such as *-full/manifest.json)",
    )
    trailer: Column | None = Field(
        default=None,
        description="with count: trailer; the first cell of the last row, whose second is the count. In JSON lines, "
        "the name of the last object's only member",
    )
    key: Column = Field(description="column, or member of the object, of what the source calls the subject")
    columns: tuple[Column, ...] = Field(default=(), max_length=1000, description="those that a file of CSV must have")
    header: tuple[Column, ...] = Field(
        default=(), max_length=1000, description="names of the columns of CSV that has no line of names"
    )
    exclude: tuple[Column, ...] = Field(
        default=(), max_length=1000, description="columns that change without the subject, such as the last login"
    )
    operation: Column | None = Field(default=None, description="column of deltas that says whether the subject is gone")
    deletes: tuple[str, ...] = Field(
        default=("delete",), min_length=1, max_length=20, description="what it says then; case matters"
    )
    encoding: Literal["utf-8", "iso-8859-1", "iso-8859-15", "windows-1252"] = "utf-8"
    delimiter: Letter = Field(default=",", description="between the cells of a row")
    quote: Letter = Field(default='"', description="around a cell; twice inside of it, it stands for itself (RFC 4180)")
    ended: bool = Field(
        default=True, description="the last line ends as the others do; one that does not is taken for cut off"
    )
    largest: int = Field(
        default=5_000_000_000, ge=1, le=100_000_000_000, description="bytes of a file, unpacked, at most"
    )

    @property
    def secret(self) -> None:
        """None: the engine's role may read the folder."""
        return

    @model_validator(mode="after")
    def _fit_together(self) -> "Files":
        for name in ("full", "delta"):
            pattern = getattr(self, name)
            if pattern is not None and self.delta is not None and "*" not in pattern:
                raise ValueError(f"{name} has no star: with deltas, both need one, which stands for their order")
        if self.full == self.delta:
            raise ValueError("full and delta are the same: different names")
        if (self.trailer is not None) != (self.count == "trailer"):
            raise ValueError("trailer and count: trailer belong together: both or none")
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote are the same: two different ones")
        if self.format != "csv" and (self.header or self.columns):
            raise ValueError("header and columns are of CSV: leave them out with format jsonl")
        if self.key in self.exclude or self.key == self.operation:
            raise ValueError("key is the column that names the subject: it is not excluded, nor is it the operation")
        if self.header and self.key not in self.header:
            raise ValueError("key is not in header: one of its names")
        return self
