"""When extracts are made: five fields of cron, as operators write them → as EventBridge reads them."""

import re
from typing import Final

_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PLAIN: Final = re.compile(r"(\*|[0-9]{1,2}(-[0-9]{1,2})?)(/[0-9]{1,2})?")
_BOUNDS: Final = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12))
# Written so that JSON Schema can say it too.
CRON_PATTERN: Final = r"^[-0-9*/,]+( [-0-9*/,]+){3} [-0-9*/,A-Za-z]+$"


def eventbridge(cron: str) -> str:
    """`0 3 * * mon-fri` → `cron(0 3 ? * MON-FRI *)`. Raises ValueError, which says what would be right.

    Of the days of the month and of the week one must be `*`: EventBridge cannot say either.
    """
    fields = cron.split()
    if len(fields) != 5:
        raise ValueError("five fields: minute, hour, day of the month, month, day of the week")
    for text, (name, first, last) in zip(fields[:4], _BOUNDS, strict=True):
        _check(text, name, first, last)
    minute, hour, day, month, week = fields
    week = ",".join(_days(part) for part in week.split(","))
    if week == "*":
        week = "?"
    elif day == "*":
        day = "?"
    else:
        raise ValueError("one of day of the month and day of the week must be *")
    return f"cron({minute} {hour} {day} {month} {week} *)"


def _check(text: str, name: str, first: int, last: int) -> None:
    for part in text.split(","):
        if _PLAIN.fullmatch(part) is None:
            raise ValueError(f"{part!r} is not a {name}: *, {first}, {first}-{last}, or */{max(2, first)}")
        base, _, step = part.partition("/")
        if step and ((base != "*" and "-" not in base) or not int(step)):
            raise ValueError(f"{part!r}: a step needs a range, and is at least 1")
        numbers = [int(number) for number in base.split("-")] if base != "*" else []
        if any(not first <= number <= last for number in numbers) or numbers != sorted(numbers):
            raise ValueError(f"{part!r} is not a {name} of {first} to {last}")


def _days(text: str) -> str:
    """A day of the week, or several: by name, or by number, of which 0 and 7 are Sunday."""
    if text == "*":
        return text
    ends = []
    for end in text.upper().split("-"):
        name = _DAYS[int(end) % 7] if end.isascii() and end.isdigit() and int(end) <= 7 else end
        if name not in _DAYS:
            raise ValueError(f"{end!r} is not a day of the week: one of {', '.join(_DAYS)}, or 0 to 7")
        ends.append(name)
    if len(ends) > 2:
        raise ValueError(f"{text!r} is not a range of days: such as MON-FRI")
    return "-".join(ends)
