"""What a place is written as: JSON that another process reads, and that is of use for the same question only."""

import json
from typing import Any, Final

_LONGEST: Final = 100_000  # characters


def read_told(text: str, question: str) -> dict[str, Any] | None:
    """The members of a place whose `of` is this question; None if it is of another, or cannot be read."""
    if len(text) > _LONGEST:
        return None
    try:
        told: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and told.get("of") == question else None
