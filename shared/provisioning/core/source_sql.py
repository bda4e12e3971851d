"""What the bundle says of a source that is extracted by `sql`: a table, a view or a query of PostgreSQL."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from provisioning.core.model import Model

Column = Annotated[str, StringConstraints(min_length=1, max_length=63)]
Query = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class Outbox(Model):
    """A table to which the IDMS adds a row for every change, in the same transaction."""

    table: Query = Field(description="its name, with or without its schema, or a query")
    id: Column = Field(default="id", description="a number that grows with each row, such as a bigserial")
    key: Column = Field(description="column of what the source calls the subject")


class Sql(Model):
    """One row for each subject. Other databases than PostgreSQL are not claimed: nothing else was tried.

    Changes are seen by `changed` or by `outbox`. Transactions commit in another order than they take an instant or a
    number: so each look goes back by `overlap`, or asks again for the numbers that were missing.
    """

    secret: str = Field(description="name of the secret that holds postgresql+asyncpg://user:password@host/database")
    select: Query = Field(description="a table, a view, or a query")
    key: Column = Field(description="column of what the source calls the subject; unique, and never null")
    changed: Column | None = Field(
        default=None, description="column that grows when a row changes: an instant or a number; indexed, best"
    )
    outbox: Outbox | None = None
    overlap: int = Field(
        default=300, ge=0, le=86_400, description="seconds, or numbers, that the longest transaction may lag behind"
    )
    exclude: tuple[Column, ...] = Field(
        default=(), max_length=1000, description="columns that change without the subject, such as the last login"
    )
    lag: int = Field(default=60, ge=0, le=86_400, description="seconds that a replica may be behind, at most")
    private: bool = Field(default=False, description="the connection may be without TLS, as within a private network")

    @model_validator(mode="after")
    def _one_way(self) -> "Sql":
        if self.changed is not None and self.outbox is not None:
            raise ValueError("changed or outbox: one of them")
        if self.key in self.exclude or self.changed in self.exclude:
            raise ValueError("key and changed cannot be excluded")
        return self
