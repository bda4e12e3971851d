"""What compiled expressions call at run time: CEL's semantics where Python's differ.

Timestamps and durations are whole nanoseconds, told apart by their static types. Every fault is an EvaluationError.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from provisioning.core.expression.errors import EvaluationError

SECOND: Final = 1_000_000_000
_LARGEST: Final = 2**63
_EARLIEST: Final = -62135596800 * SECOND
_LATEST: Final = 253402300800 * SECOND - 1
_LONGEST: Final = 315_576_000_000 * SECOND
_TIMESTAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")
_DURATION: Final = re.compile(r"([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|ms|s|m|h))+)")
_PART: Final = re.compile(r"(\d+)(?:\.(\d*))?(ns|us|ms|s|m|h)")
_UNITS: Final = {"ns": 1, "us": 1000, "ms": 10**6, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
MOST_TEXT: Final = 1 << 16  # characters of any text that an expression makes


def select(target: Mapping[str, Any], name: str, what: str) -> Any:
    """The attribute of a record; an error if the record lacks it: `has` asks."""
    try:
        return target[name]
    except KeyError:
        raise EvaluationError(f"{what} is absent") from None


def index(items: Sequence[Any], position: int) -> Any:
    """An item of a list, from 0; there are no negative positions."""
    if not 0 <= position < len(items):
        raise EvaluationError(f"position {position} of a list of {len(items)}")
    return items[position]


def whole(value: int) -> int:
    """An int of 64 bits."""
    if not -_LARGEST <= value < _LARGEST:
        raise EvaluationError("the number overflows 64 bits")
    return value


def divide(left: int, right: int) -> int:
    """Truncates towards zero."""
    if right == 0:
        raise EvaluationError("division by zero")
    quotient = abs(left) // abs(right)
    return whole(quotient if (left < 0) == (right < 0) else -quotient)


def remainder(left: int, right: int) -> int:
    """Has the sign of the left side."""
    if right == 0:
        raise EvaluationError("division by zero")
    return left - divide(left, right) * right if right != -1 else 0


def divide_double(left: float, right: float) -> float:
    """IEEE 754: by zero it is infinite, or not a number."""
    try:
        return left / right
    except ZeroDivisionError:
        if left == 0 or left != left:
            return float("nan")
        positive = (str(left)[0] == "-") == (str(right)[0] == "-")
        return float("inf") if positive else float("-inf")


def contains_double(value: float, items: Sequence[float]) -> bool:
    """Membership by equality alone: Python's `in` also takes the same NaN for equal."""
    return any(value == item for item in items)


def bounded(text: str) -> str:
    """A text that an expression made."""
    if len(text) > MOST_TEXT:
        raise EvaluationError(f"a text of {len(text)} characters; at most {MOST_TEXT}")
    return text


@lru_cache(maxsize=1024)
def pattern(text: str) -> Callable[[str], bool]:
    """A search for an RE2 pattern: linear in the text, whatever the pattern."""
    import re2  # type: ignore[import-untyped]  # the package carries no types

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(text, options)
    except re2.error as error:
        raise EvaluationError(f"not a regular expression: {error}") from error
    return lambda value: compiled.search(value) is not None


def matches(text: str, expression: str) -> bool:
    """Whether any part of the text matches (RE2)."""
    return pattern(expression)(text)


def timestamp(text: str) -> int:
    """RFC 3339 → nanoseconds since 1970."""
    found = _TIMESTAMP.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        offset = "+00:00" if found[4] in "Zz" else found[4]
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{offset}")
    except ValueError:
        raise EvaluationError("not a timestamp such as 2026-09-01T08:00:00Z") from None
    seconds = int(moment.timestamp())
    return instant(seconds * SECOND + int((found[3] or "0").ljust(9, "0")))


def instant(nanoseconds: int) -> int:
    """A timestamp within the years 1 to 9999."""
    if not _EARLIEST <= nanoseconds <= _LATEST:
        raise EvaluationError("the timestamp is outside the years 1 to 9999")
    return nanoseconds


def duration(text: str) -> int:
    """Go's form, such as `1h30m` or `-2.5s` → nanoseconds."""
    found = _DURATION.fullmatch(text)
    if found is None or len(text) > 64:
        raise EvaluationError("not a duration such as 36h, 90m or 1.5s")
    total = 0
    for part in _PART.finditer(found[2]):
        unit, fraction = _UNITS[part[3]], part[2] or ""
        total += int(part[1]) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)
    return span(-total if found[1] == "-" else total)


def span(nanoseconds: int) -> int:
    """A duration of at most about 10,000 years."""
    if not -_LONGEST <= nanoseconds <= _LONGEST:
        raise EvaluationError("the duration is longer than 10,000 years")
    return nanoseconds


def text_of_timestamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC."""
    seconds, rest = divmod(nanoseconds, SECOND)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def text_of_duration(nanoseconds: int) -> str:
    """Seconds, such as `5400s`."""
    seconds, rest = divmod(abs(nanoseconds), SECOND)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{'-' if nanoseconds < 0 else ''}{seconds}{fraction}s"


def text_of_bool(value: bool) -> str:
    """`true` or `false`."""
    return "true" if value else "false"


def text_of_double(value: float) -> str:
    """The shortest text that is read as the same number."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def int_of_text(text: str) -> int:
    """A decimal number of 64 bits."""
    if not re.fullmatch(r"-?[0-9]{1,19}", text):
        raise EvaluationError("not a whole number")
    return whole(int(text))


def int_of_double(value: float) -> int:
    """Truncates towards zero."""
    if not -_LARGEST < value < _LARGEST:
        raise EvaluationError("the number does not fit 64 bits")
    return int(value)


def double_of_text(text: str) -> float:
    """A decimal number."""
    if not re.fullmatch(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", text[:64]) or len(text) > 64:
        raise EvaluationError("not a number")
    return float(text)


# Exact logic: what runs when the fast form of an expression has failed. Arguments are functions of nothing.

Thunk = Callable[[], Any]


def both(left: Thunk, right: Thunk) -> bool:
    """`&&`: false on either side wins over an error on the other."""
    return not either(lambda: not left(), lambda: not right())


def either(left: Thunk, right: Thunk) -> bool:
    """`||`: true on either side wins over an error on the other."""
    fault: EvaluationError | None = None
    for side in (left, right):
        try:
            if side():
                return True
        except EvaluationError as error:
            fault = fault or error
    if fault is not None:
        raise fault
    return False


def some(items: Sequence[Any], body: Callable[[Any], bool]) -> bool:
    """`exists`: true for one wins over errors for others."""
    fault: EvaluationError | None = None
    for item in items:
        try:
            if body(item):
                return True
        except EvaluationError as error:
            fault = fault or error
    if fault is not None:
        raise fault
    return False


def every(items: Sequence[Any], body: Callable[[Any], bool]) -> bool:
    """`all`: false for one wins over errors for others."""
    return not some(items, lambda item: not body(item))


def exact(thunk: Thunk) -> Any:
    """The value of an expression, or its fault as a value."""
    try:
        return thunk()
    except EvaluationError as error:
        return error


_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER: Final = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


def lower_ascii(text: str) -> str:
    """ASCII letters in lower case; others stay."""
    return text.translate(_LOWER)


def upper_ascii(text: str) -> str:
    """ASCII letters in upper case; others stay."""
    return text.translate(_UPPER)
