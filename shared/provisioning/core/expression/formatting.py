"""`format`: a text with values in the places of `%s`, `%d`, `%f`, `%e`, `%x`, `%X`, `%o` and `%b`."""

import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from provisioning.core.expression.arithmetic import text_of_double
from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.texts import decoded, fits
from provisioning.core.expression.times import duration_text, timestamp_text
from provisioning.core.expression.values import kind_of

_FINEST: Final = 100  # decimals


@cache
def _clause() -> re.Pattern[str]:
    return re.compile(r"%(?:(%)|(?:\.([0-9]{1,3}))?([sdfexXob])|)", re.ASCII)


def formatted(text: str, values: Sequence[Any]) -> str:
    """The text with each clause replaced by its value. Raises EvaluationError for a clause that does not fit it."""
    pieces: list[str] = []
    position = used = length = 0
    for clause in _clause().finditer(text):
        pieces.append(text[position : clause.start()])
        position = clause.end()
        if clause[1]:
            pieces.append("%")
            continue
        if not clause[3]:
            raise EvaluationError(f"{text[clause.start() : clause.start() + 2]!r} is no place for a value in a format")
        if used >= len(values):
            raise EvaluationError(f"the format has more places than its {len(values)} values")
        piece = _piece(clause[3], clause[2], values[used])
        length += len(piece)
        fits(length + len(text))
        pieces.append(piece)
        used += 1
    return "".join([*pieces, text[position:]])


def _piece(letter: str, decimals: str | None, value: Any) -> str:
    kind = kind_of(value)
    if letter in "fe":
        return _real(letter, 6 if decimals is None else int(decimals), value, kind)
    if decimals is not None:
        raise EvaluationError(f"%{letter} takes no decimals")
    if letter == "s":
        return shown(value)
    if kind == "double" and letter == "d" and not math.isfinite(value):
        return _special(value)
    if letter in "xX" and kind in ("string", "bytes"):
        digits = str((value.encode() if kind == "string" else value).hex())
        return digits.upper() if letter == "X" else digits
    if kind not in ("int", "uint") and not (kind == "bool" and letter == "b"):
        raise EvaluationError(f"%{letter} does not take a {kind}")
    return format(int(value), letter)


def _real(letter: str, decimals: int, value: Any, kind: str) -> str:
    if kind not in ("int", "uint", "double"):
        raise EvaluationError(f"%{letter} does not take a {kind}")
    if decimals > _FINEST:
        raise EvaluationError(f"{decimals} decimals; at most {_FINEST}")
    return f"{float(value):.{decimals}{letter}}" if math.isfinite(value) else _special(value)


def _special(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def shown(value: Any) -> str:
    """A value as `%s` writes it; entries of maps in the order of their keys' texts."""
    kind = kind_of(value)
    if kind == "list":
        return f"[{', '.join(map(shown, value))}]"
    if kind == "map":
        entries = sorted((shown(key), shown(item)) for key, item in value.items())
        return f"{{{', '.join(f'{key}: {item}' for key, item in entries)}}}"
    return _WRITERS[kind](value)


_WRITERS: Final[dict[str, Callable[[Any], str]]] = {
    "null_type": lambda _: "null",
    "bool": lambda value: "true" if value else "false",
    "int": str,
    "uint": str,
    "double": lambda value: text_of_double(value) if math.isfinite(value) else _special(value),
    "string": lambda value: value,
    "bytes": decoded,
    "timestamp": timestamp_text,
    "duration": duration_text,
    "type": lambda value: value.name,
}
