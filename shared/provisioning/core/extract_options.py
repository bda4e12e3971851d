"""What an operator says about a service's files."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from provisioning.core.extract_cron import CRON_PATTERN, eventbridge
from provisioning.core.model import Model, Span
from provisioning.core.period import Duration

Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _is_cron(text: str) -> str:
    eventbridge(text)
    return text


Cron = Annotated[str, StringConstraints(pattern=CRON_PATTERN, max_length=200), AfterValidator(_is_cron)]


class Extract(Model):
    """The files of a service. Columns: operation (if there are deltas), identity, the account's paths, phase, groups.

    OpenPGP is out of scope: files are encrypted at rest by the bucket, and on their way by TLS.
    """

    format: Literal["csv", "jsonl", "ldif", "parquet"] = "csv"
    schedule: Cron | None = Field(
        default=None, description="minute, hour, day, month, day of the week, in the tenant's zone; none: on command"
    )
    full_every: Span = Field(
        default=Duration(), description="a longer time: deltas are made between full extracts; none: all are full"
    )
    phases: tuple[Literal["active", "suspended"], ...] = Field(
        default=("active", "suspended"), min_length=1, description="the population: accounts in these phases"
    )
    operation: Column = Field(default="operation", description="column that says put or delete, if there are deltas")
    identity: Column | None = Field(default="identity", description="column of the identity's id; null: none")
    phase: Column | None = Field(default="phase", description="column of the phase; null: none")
    groups: Column | None = Field(default=None, description="column of the groups' names")
    separator: str = Field(default="|", min_length=1, max_length=1, description="between several values of one field")
    guard: bool = Field(default=True, description="an apostrophe before text that a spreadsheet would calculate; CSV")
    base: str | None = Field(default=None, description="the name under which entries are, for LDIF")
    classes: tuple[str, ...] = Field(default=("inetOrgPerson",), min_length=1, description="object classes, for LDIF")
    part_rows: int = Field(default=50_000, ge=1, le=500_000, description="rows of one file, at most")
    part_bytes: int = Field(default=33_554_432, ge=65_536, le=134_217_728, description="bytes of one file, about")
    shrinkage: float = Field(
        default=0.1, ge=0, le=1, description="share of the last full extract's rows that may go without being looked at"
    )
