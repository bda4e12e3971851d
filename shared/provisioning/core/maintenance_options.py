"""When a service is not to be called, as its operators write it."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from provisioning.core.model import Model

WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
_DATE: Final = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(T{_TIME})?"

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Wall = Annotated[str, StringConstraints(pattern=f"^({_TIME}|{_DATE})$")]


class Window(Model):
    """A time in which nothing is called at an SP, by the clocks of the tenant's zone.

    With `days` every week: from a time of day until the next such time, which may be on the day after; the same time
    twice is a whole day. Without `days` once: from and until a day, which is included, or a day with a time.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"days": {"minItems": 1}}, "required": ["days"]},
            "then": {"properties": {name: {"pattern": f"^{_TIME}$"} for name in ("from", "until")}},
            "else": {"properties": {name: {"pattern": f"^{_DATE}$"} for name in ("from", "until")}},
        }
    )

    days: tuple[Day, ...] = Field(default=(), max_length=7, description="the days on which it begins")
    since: Wall = Field(alias="from", examples=["22:00", "2026-12-24T18:00"])
    until: Wall = Field(examples=["02:00", "2026-12-26"])

    @model_validator(mode="after")
    def _of_one_kind(self) -> "Window":
        for name, text in (("from", self.since), ("until", self.until)):
            if self.days and len(text) != len("22:00"):
                raise ValueError(f"`{name}` of a window with `days` is a time such as 22:00")
            if not self.days and len(text) == len("22:00"):
                raise ValueError(f"`{name}` of a window without `days` is a date such as 2026-12-24T18:00")
        return self
