"""Structured logs: one JSON line for each word that a stage says. Never attribute values."""

import json
import sys
from typing import Any, Final

_EMPTY: Final[tuple[Any, ...]] = (None, "", [])
_LINE: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


def log(word: str, **fields: Any) -> None:
    """Write one line; empty fields are left out, since logs are billed by the byte."""
    sys.stdout.write(_line(word, fields))


def log_aside(word: str, **fields: Any) -> None:
    """The same for a command, whose standard output is its answer."""
    sys.stderr.write(_line(word, fields))


def _line(word: str, fields: dict[str, Any]) -> str:
    line = {"word": word, **{name: value for name, value in fields.items() if value or value not in _EMPTY}}
    return _LINE.encode(line) + "\n"
