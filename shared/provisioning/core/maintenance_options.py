"""When an operator says that a service is being worked on."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from provisioning.core.model import Model

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# What a clock on the wall shows: times of the tenant's zone, so none has an offset from UTC.
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
_MOMENT: Final = f"2[01][0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}T{_TIME}"


def _is_wall(pattern: str, right: str) -> AfterValidator:
    """A check that a text has this pattern, which JSON Schema says too, and that a calendar has such a day."""

    def check(text: str) -> str:
        try:
            if re.fullmatch(pattern, text):
                datetime.fromisoformat(text if "T" in text else f"2000-01-01T{text}")
                return text
        except ValueError:  # such as 30 February
            pass
        raise ValueError(f"{text[:40]!r} is not {right}")

    return AfterValidator(check)


def _schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^({pattern})$"})


Time = Annotated[str, _is_wall(_TIME, 'a time such as "22:00"'), _schema(_TIME)]
Moment = Annotated[str, _is_wall(_MOMENT, "a date and a time such as 2026-12-24T00:00"), _schema(_MOMENT)]
_EITHER = f"{_TIME}|{_MOMENT}"
End = Annotated[
    str, _is_wall(_EITHER, 'a time such as "02:00", or a date and a time such as 2026-12-27T00:00'), _schema(_EITHER)
]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKLY: Final[dict[str, Any]] = {
    "properties": {
        "days": {"minItems": 1},
        "from": {"type": "string"},
        "since": {"type": "null"},
        "until": {"pattern": f"^{_TIME}$"},
    },
    "required": ["days", "from"],
}
_DATED: Final[dict[str, Any]] = {
    "properties": {
        "days": {"maxItems": 0},
        "from": {"type": "null"},
        "since": {"type": "string"},
        "until": {"pattern": f"^{_MOMENT}$"},
    },
    "required": ["since"],
}


class Window(Model):
    """A time in which nobody calls the service, by the clocks of the tenant's zone. Every week, or once.

    Every week: `{days: [sat, sun], from: "22:00", until: "02:00"}`; a day is that of `from`, and an `until` that is
    not after `from` is on the next one. Once: `{since: 2026-12-24T00:00, until: 2026-12-27T00:00}`.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [_WEEKLY, _DATED]})

    days: tuple[Day, ...] = Field(default=(), max_length=7, description="every week: the days on which it begins")
    start: Time | None = Field(default=None, alias="from", description='every week: when it begins, such as "22:00"')
    since: Moment | None = Field(default=None, description="once: when it begins, such as 2026-12-24T00:00")
    until: End = Field(description="the first minute after it: a time as `from` is, or a date as `since` is")

    @model_validator(mode="after")
    def _one_form(self) -> "Window":
        weekly = bool(self.days or self.start)
        if weekly is (self.since is not None):
            raise ValueError('one of `days`, `from: "22:00"` (every week) and `since: 2026-12-24T00:00` (once)')
        if weekly:
            self._check_week()
        else:
            self._check_dates()
        return self

    def _check_week(self) -> None:
        if not self.days:
            raise ValueError(f"no `days`: some of {', '.join(DAYS)}, on which it begins")
        if self.start is None:
            raise ValueError('no `from`: the time at which it begins, such as "22:00"')
        if len(self.until) > len(self.start):
            raise ValueError('`until` is a date: a time such as "02:00", since it comes every week')

    def _check_dates(self) -> None:
        if self.since is None or len(self.until) < len(self.since):
            raise ValueError("`until` is a time: a date and a time such as 2026-12-27T00:00, as `since` is")
        if datetime.fromisoformat(self.until) <= datetime.fromisoformat(self.since):
            raise ValueError("`until` is not after `since`: the minute at which the service may be called again")
