"""JSON of which a part may be unfit: NaN, a member twice, a number that is too large spoil their object, not the rest.

Whoever reads a page of many subjects asks of each part for its fault, and of what is around the parts as well.
"""

import json
import math
from collections import Counter
from typing import Any, Final

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError
from provisioning.core.wire import DEEPEST

_DIGITS: Final = 300  # of one number


class Unfit:
    """In place of a value that is none. `reason`: why."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        """For people, in what is kept of a spoiled part."""
        return f"({self.reason})"


class Doubled(dict[str, Any]):
    """An object in which a name stands twice: nobody knows which was meant. Those names are left out."""


def read_loose(body: bytes) -> Any:
    """The value of a body, in UTF-8. Raises InvalidError if it is no JSON at all."""
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidError(f"not UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise InvalidError(f"not JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise InvalidError("too deeply nested", right=f"at most {DEEPEST} levels") from None


def fault_of(value: Json) -> str:
    """Why a value cannot be taken as it is; nothing: it can."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for each in level:
            if isinstance(each, Unfit):
                return each.reason
            if isinstance(each, Doubled):
                return "a name stands twice in one object"
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
        level = [each for each in below if isinstance(each, Unfit | dict | list)]
        if not level:
            return ""
    return f"nested more than {DEEPEST} levels deep"


def fault_around(value: Json, part: Json) -> str:
    """As `fault_of`, of all that is not in `part`, which is itself somewhere in the value."""
    return "" if value is part else fault_of(_without(value, part, DEEPEST))


def _without(value: Json, part: Json, depth: int) -> Json:
    if value is part or depth == 0:
        return None
    if isinstance(value, dict) and not isinstance(value, Doubled):
        return {name: _without(each, part, depth - 1) for name, each in value.items()}
    return value


def shown(value: Json) -> str:
    """As text for people, whatever is in it."""
    try:
        return json.dumps(value, default=repr, ensure_ascii=False, sort_keys=True)
    except RecursionError:
        return "(too deeply nested)"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    times = Counter(name for name, _ in pairs)
    return Doubled({name: each for name, each in value.items() if times[name] == 1})


def _constant(name: str) -> Unfit:
    return Unfit(f"{name} is not a JSON value")


def _finite(text: str) -> float | Unfit:
    value = float(text)
    return Unfit("a number beyond the largest") if math.isinf(value) else value


def _whole(text: str) -> int | Unfit:
    return int(text) if len(text) <= _DIGITS else Unfit(f"a number of {len(text)} digits")


_DECODER: Final = json.JSONDecoder(
    parse_constant=_constant, parse_float=_finite, parse_int=_whole, object_pairs_hook=_object
)
