"""Functions of strings. Positions and lengths count code points.

No text grows beyond MOST_TEXT: it is refused before it is made.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import AnyStr, Final

from provisioning.core.expression.errors import EvaluationError

MOST_TEXT: Final = 1 << 17  # characters, or bytes
MOST_PATTERN: Final = 1_000  # characters of a regular expression
MOST_PARTS: Final = 1_000  # entries of a list that `split` makes
_PATTERN_MEMORY: Final = 1 << 20  # bytes of one compiled pattern
_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"  # noqa: E501
_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER: Final = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_QUOTED: Final = str.maketrans(
    {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", "\\": r"\\", '"': r"\""}
)


def fits(length: int) -> None:
    """Raises EvaluationError for a text of this length that must not be made."""
    if length > MOST_TEXT:
        raise EvaluationError(f"the text would have {length} characters; at most {MOST_TEXT}")


def concatenate(left: AnyStr, right: AnyStr) -> AnyStr:
    """`+`."""
    fits(len(left) + len(right))
    return left + right


def pattern(expression: str) -> Callable[[str], bool]:
    """A search for an RE2 pattern: its time is linear in the text, whatever the pattern."""
    if len(expression) > MOST_PATTERN:
        raise EvaluationError(f"a regular expression of {len(expression)} characters; at most {MOST_PATTERN}")
    return _pattern(expression)


@lru_cache(maxsize=256)
def _pattern(expression: str) -> Callable[[str], bool]:
    import re2  # type: ignore[import-untyped]  # ships no marker; imported here, so that only those pay who match

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        search = re2.compile(expression, options).search
    except re2.error as error:
        raise EvaluationError(f"not a regular expression: {_words(error)}") from None
    return lambda text: search(text) is not None


def _words(error: Exception) -> str:
    message = error.args[0] if error.args else ""
    words = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    return words.partition(": ")[0]  # what follows is of the pattern, which may be data


def matches(text: str, expression: str) -> bool:
    """Whether any part of the text matches (RE2)."""
    return pattern(expression)(text)


def char_at(text: str, position: int) -> str:
    """One character; nothing at the end."""
    _within(text, position)
    return text[position : position + 1]


def index_of(text: str, part: str, start: int = 0) -> int:
    """Where a part first begins, at `start` or after; -1 if it does not."""
    _within(text, start)
    return text.find(part, start)


def last_index_of(text: str, part: str, start: int | None = None) -> int:
    """Where a part last begins, at `start` or before; -1 if it does not."""
    if start is None:
        return text.rfind(part)
    _within(text, start)
    return text.rfind(part, 0, start + len(part))


def substring(text: str, start: int, end: int | None = None) -> str:
    """The part from `start` up to `end`, which is not in it."""
    _within(text, start)
    if end is None:
        return text[start:]
    _within(text, end)
    if end < start:
        raise EvaluationError(f"a part of a text from {start} to {end}")
    return text[start:end]


def _within(text: str, position: int) -> None:
    if not 0 <= position <= len(text):
        raise EvaluationError(f"position {position} of a text of {len(text)} characters")


def replace(text: str, old: str, new: str, limit: int = -1) -> str:
    """Parts replaced from the left, at most `limit` of them unless it is negative."""
    count = text.count(old) if limit < 0 else min(limit, text.count(old))
    fits(len(text) + count * (len(new) - len(old)))
    return text.replace(old, new, max(count, 0))


def split(text: str, separator: str, limit: int = -1) -> list[str]:
    """Parts between separators, at most `limit` of them unless it is negative. Nothing separates characters."""
    count = len(text) if not separator else text.count(separator) + 1
    count = count if limit < 0 else min(limit, count)
    if count > MOST_PARTS:
        raise EvaluationError(f"the text splits into {count} parts; at most {MOST_PARTS}")
    if count <= 0:
        return []
    if not separator:
        return [*text[: count - 1], text[count - 1 :]]
    return text.split(separator, count - 1)


def joined(parts: Sequence[str], separator: str = "") -> str:
    """Parts with a separator between them."""
    fits(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def lower_ascii(text: str) -> str:
    """ASCII letters in lower case; others stay."""
    return text.translate(_LOWER)


def upper_ascii(text: str) -> str:
    """ASCII letters in upper case; others stay."""
    return text.translate(_UPPER)


def trim(text: str) -> str:
    """Without Unicode's white space at both ends."""
    return text.strip(_SPACE)


def backwards(text: str) -> str:
    """The characters from last to first."""
    return text[::-1]


def quote(text: str) -> str:
    """In double quotes, with what needs it escaped."""
    fits(len(text) * 2 + 2)
    return f'"{text.translate(_QUOTED)}"'


def encoded(text: str) -> bytes:
    """UTF-8."""
    return text.encode()


def decoded(data: bytes) -> str:
    """From UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise EvaluationError("the bytes are no UTF-8") from None
