"""What every file of the bundle is made of."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema

from provisioning.core.errors import InvalidError
from provisioning.core.period import DURATION_PATTERN, Duration, parse_duration


class Model(BaseModel):
    """Every file of the bundle: unknown fields are errors, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Bulk(Model):
    """How much one request that carries several may hold: of SCIM (RFC 7644 3.7), or a batch of SPML."""

    operations: int = Field(ge=1, le=10000, description="operations of one request, at most")
    payload: int = Field(ge=1024, le=16777216, description="bytes of one request, at most")


def _read_duration(value: Any) -> Duration:
    if isinstance(value, Duration):
        return value
    try:
        return parse_duration(str(value))
    except InvalidError as error:
        raise ValueError(f"{error.problem}: {error.right}") from error


# Written and read as ISO 8601 text.
Span = Annotated[
    Duration,
    PlainValidator(_read_duration),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{DURATION_PATTERN}$", "examples": ["P30D", "P2W", "PT12H"]}),
]
