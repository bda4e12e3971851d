"""Functions by the types that they take; a name with a dot before it is called on its first argument.

One literal table, and everything that an expression can call is in it.
"""

import base64
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from provisioning.core.expression import arithmetic, mathematics, normalizers, texts, times
from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.formatting import formatted
from provisioning.core.expression.operators import LIST, MAP
from provisioning.core.expression.overloads import Overload
from provisioning.core.expression.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Type,
    list_of,
)
from provisioning.core.expression.values import UInt, type_of

_TEXTS: Final = list_of(STRING)


def same(value: Any) -> Any:
    """The value itself."""
    return value


def _one(kind: Type, result: Type, run: Callable[..., Any], inline: str = "") -> Overload:
    return Overload((kind,), result, run, inline)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise EvaluationError("the text is no base64") from None


def _to_base64(data: bytes) -> str:
    texts.fits(len(data) * 4 // 3 + 4)
    return base64.b64encode(data).decode()


_SIZE: Final = tuple(_one(kind, INT, len, "len") for kind in (STRING, BYTES, LIST, MAP))
_MATCHES: Final = (Overload((STRING, STRING), BOOL, texts.matches),)


def _extremes(of_values: Callable[..., Any], of_list: Callable[..., Any]) -> tuple[Overload, ...]:
    return (
        *(Overload((list_of(kind),), kind, of_list) for kind in (INT, UINT, DOUBLE)),
        _one(LIST, DYN, of_list),
        *(Overload((kind,), kind, of_values, variadic=True) for kind in (INT, UINT, DOUBLE)),
        Overload((DYN,), DYN, of_values, rule=_all_numbers, variadic=True),
    )


def _all_numbers(given: tuple[Type, ...]) -> Type | None:
    return DYN if all(kind.name in ("int", "uint", "double", "dyn") for kind in given) else None


def _bits(function: Callable[[int, int], int]) -> tuple[Overload, ...]:
    return (
        Overload((INT, INT), INT, function),
        Overload((UINT, UINT), UINT, lambda left, right: UInt(function(left, right))),
    )


def _accessors() -> dict[str, tuple[Overload, ...]]:
    made: dict[str, tuple[Overload, ...]] = {
        f".{name}": (Overload((TIMESTAMP,), INT, read), Overload((TIMESTAMP, STRING), INT, read))
        for name, read in times.TIMESTAMP_PARTS.items()
    }
    for name, read in times.DURATION_PARTS.items():
        made[f".{name}"] += (Overload((DURATION,), INT, read),)
    return made


FUNCTIONS: Final[Mapping[str, tuple[Overload, ...]]] = {
    "size": _SIZE,
    ".size": _SIZE,
    "matches": _MATCHES,
    ".matches": _MATCHES,
    "dyn": (_one(DYN, DYN, same, "same"),),
    "type": (_one(DYN, TYPE, type_of),),
    # Conversions.
    "bool": (_one(BOOL, BOOL, same, "same"), _one(STRING, BOOL, arithmetic.bool_of_text)),
    "int": (
        _one(INT, INT, same, "same"),
        _one(UINT, INT, lambda value: arithmetic.whole(int(value))),
        _one(DOUBLE, INT, arithmetic.int_of_double),
        _one(STRING, INT, arithmetic.int_of_text),
        _one(TIMESTAMP, INT, times.seconds_of_timestamp),
    ),
    "uint": (
        _one(UINT, UINT, same, "same"),
        _one(INT, UINT, arithmetic.unsigned),
        _one(DOUBLE, UINT, arithmetic.uint_of_double),
        _one(STRING, UINT, arithmetic.uint_of_text),
    ),
    "double": (
        _one(DOUBLE, DOUBLE, same, "same"),
        _one(INT, DOUBLE, float),
        _one(UINT, DOUBLE, float),
        _one(STRING, DOUBLE, arithmetic.double_of_text),
    ),
    "string": (
        _one(STRING, STRING, same, "same"),
        _one(INT, STRING, str),
        _one(UINT, STRING, str),
        _one(DOUBLE, STRING, arithmetic.text_of_double),
        _one(BOOL, STRING, lambda value: "true" if value else "false"),
        _one(BYTES, STRING, texts.decoded),
        _one(TIMESTAMP, STRING, times.timestamp_text),
        _one(DURATION, STRING, times.duration_text),
    ),
    "bytes": (_one(BYTES, BYTES, same, "same"), _one(STRING, BYTES, texts.encoded)),
    "timestamp": (
        _one(TIMESTAMP, TIMESTAMP, same, "same"),
        _one(STRING, TIMESTAMP, times.timestamp),
        _one(INT, TIMESTAMP, times.timestamp_of_seconds),
    ),
    "duration": (_one(DURATION, DURATION, same, "same"), _one(STRING, DURATION, times.duration)),
    **_accessors(),
    # Strings.
    ".startsWith": (Overload((STRING, STRING), BOOL, str.startswith, ".startswith"),),
    ".endsWith": (Overload((STRING, STRING), BOOL, str.endswith, ".endswith"),),
    ".contains": (Overload((STRING, STRING), BOOL, operator.contains, "contains"),),
    ".charAt": (Overload((STRING, INT), STRING, texts.char_at),),
    ".indexOf": (Overload((STRING, STRING), INT, texts.index_of), Overload((STRING, STRING, INT), INT, texts.index_of)),
    ".lastIndexOf": (
        Overload((STRING, STRING), INT, texts.last_index_of),
        Overload((STRING, STRING, INT), INT, texts.last_index_of),
    ),
    ".lowerAscii": (_one(STRING, STRING, texts.lower_ascii),),
    ".upperAscii": (_one(STRING, STRING, texts.upper_ascii),),
    # Normalizers, which are not CEL's.
    ".nfc": (_one(STRING, STRING, normalizers.nfc),),
    ".ascii": (_one(STRING, STRING, normalizers.to_ascii),),
    ".phone": (Overload((STRING, STRING), STRING, normalizers.phone),),
    ".lower": (_one(STRING, STRING, normalizers.lower),),
    ".upper": (_one(STRING, STRING, normalizers.upper),),
    ".capitalized": (_one(STRING, STRING, normalizers.capitalized),),
    ".replace": (
        Overload((STRING, STRING, STRING), STRING, texts.replace),
        Overload((STRING, STRING, STRING, INT), STRING, texts.replace),
    ),
    ".split": (
        Overload((STRING, STRING), _TEXTS, texts.split),
        Overload((STRING, STRING, INT), _TEXTS, texts.split),
    ),
    ".substring": (
        Overload((STRING, INT), STRING, texts.substring),
        Overload((STRING, INT, INT), STRING, texts.substring),
    ),
    ".trim": (_one(STRING, STRING, texts.trim),),
    ".reverse": (_one(STRING, STRING, texts.backwards),),
    ".join": (_one(_TEXTS, STRING, texts.joined), Overload((_TEXTS, STRING), STRING, texts.joined)),
    ".format": (Overload((STRING, LIST), STRING, formatted),),
    "strings.quote": (_one(STRING, STRING, texts.quote),),
    "base64.encode": (_one(BYTES, STRING, _to_base64),),
    "base64.decode": (_one(STRING, BYTES, _from_base64),),
    # Mathematics.
    "math.greatest": _extremes(mathematics.greatest, mathematics.greatest_of),
    "math.least": _extremes(mathematics.least, mathematics.least_of),
    "math.ceil": (_one(DOUBLE, DOUBLE, mathematics.ceil),),
    "math.floor": (_one(DOUBLE, DOUBLE, mathematics.floor),),
    "math.round": (_one(DOUBLE, DOUBLE, mathematics.nearest),),
    "math.trunc": (_one(DOUBLE, DOUBLE, mathematics.trunc),),
    "math.abs": (_one(INT, INT, mathematics.magnitude), _one(UINT, UINT, same), _one(DOUBLE, DOUBLE, abs)),
    "math.sign": (
        _one(INT, INT, mathematics.sign),
        _one(UINT, UINT, lambda value: UInt(value > 0)),
        _one(DOUBLE, DOUBLE, mathematics.sign_of_double),
    ),
    "math.isNaN": (_one(DOUBLE, BOOL, math.isnan),),
    "math.isInf": (_one(DOUBLE, BOOL, math.isinf),),
    "math.isFinite": (_one(DOUBLE, BOOL, math.isfinite),),
    "math.sqrt": tuple(_one(kind, DOUBLE, mathematics.square_root) for kind in (DOUBLE, INT, UINT)),
    "math.bitAnd": _bits(operator.and_),
    "math.bitOr": _bits(operator.or_),
    "math.bitXor": _bits(operator.xor),
    "math.bitNot": (_one(INT, INT, operator.invert), _one(UINT, UINT, mathematics.inverted)),
    "math.bitShiftLeft": (
        Overload((INT, INT), INT, mathematics.shift_left),
        Overload((UINT, INT), UINT, mathematics.shift_left_unsigned),
    ),
    "math.bitShiftRight": (
        Overload((INT, INT), INT, mathematics.shift_right),
        Overload((UINT, INT), UINT, mathematics.shift_right_unsigned),
    ),
}  # fmt: skip
