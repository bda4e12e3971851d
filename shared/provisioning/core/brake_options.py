"""How many removals at a service go through without a person's consent."""

from pydantic import Field, model_validator

from provisioning.core.model import Model, Span
from provisioning.core.period import DAY, Duration

_HOUR = 3600


class Announced(Model):
    """Ends of which was known long before they came, such as the end of a term, have a limit of their own."""

    ahead: Span = Field(default=Duration(days=2), description="how long before an end must have been known")
    removals: int = Field(default=100_000, ge=0, le=10_000_000)
    share: float = Field(default=0.5, gt=0, le=1)


class Brake(Model):
    """At most so many removals in any window: suspensions, deletions and lost memberships, whatever their cause.

    The limit is `removals`, or the `share` of the accounts that there are if that is less, and never under `least`.
    What it refuses is held until an operator releases or withdraws it. `off`: why there is none.
    """

    window: Span = Duration(days=1)
    removals: int = Field(default=1000, ge=0, le=1_000_000)
    share: float = Field(default=0.1, gt=0, le=1, description="of the accounts that are there, as counted lately")
    least: int = Field(default=20, ge=0, le=1000, description="so many go through however few accounts there are")
    announced: Announced = Announced()
    off: str | None = Field(default=None, min_length=1, max_length=4096, description="why nothing is ever held here")

    @model_validator(mode="after")
    def _bounded(self) -> "Brake":
        if not _HOUR <= seconds_of(self.window) <= 31 * DAY:
            raise ValueError("`window` is PT1H to P31D")
        return self


def seconds_of(span: Duration) -> int:
    """The length of a span, of days of 24 hours."""
    return span.days * DAY + span.seconds
