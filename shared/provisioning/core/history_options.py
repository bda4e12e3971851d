"""How long it is remembered what became of a person."""

from typing import Final

from pydantic import Field, field_validator

from provisioning.core.model import Model, Span
from provisioning.core.period import Duration

TWO_YEARS: Final = Duration(days=730)


class History(Model):
    """The history of each person: names of what changed and of what was sent to whom, and by which rules; no values."""

    retention: Span = Field(default=TWO_YEARS, description="after which an entry is forgotten; at least a week")

    @field_validator("retention")
    @classmethod
    def _outlives_the_stream(cls, retention: Duration) -> Duration:
        if retention.days < 7:  # entries also tell which changes were told of; the stream holds a day
            raise ValueError(f"{retention} is too short: at least P7D")
        return retention
