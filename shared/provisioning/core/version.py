"""The version of a record: a number or an instant that its source gives, as one number that can be compared.

Versions of one source are compared with each other only, so each source must keep to one way of writing them.
"""

import re
from datetime import UTC, datetime
from typing import Any, Final

from provisioning.core.errors import InvalidError

LARGEST_VERSION: Final = 2**63 - 1
MICROSECONDS: Final = 1_000_000
_RIGHT: Final = "a whole number, an ISO 8601 instant, or a GeneralizedTime such as 20260901080000Z"
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
# RFC 4517 3.3.13, and as sources of SPML write it, without a zone.
_GENERALIZED: Final = re.compile(r"([0-9]{14})(?:[.,]([0-9]{1,9}))?(Z|[+-][0-9]{2}(?:[0-9]{2})?)?")


def read_version(value: Any, where: str) -> int:
    """A version as its source writes it: numbers as they are, instants as microseconds since 1970.

    An instant without a zone is taken as UTC. Raises InvalidError that names the place.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidError("the record has no usable version", where=where, right=_RIGHT)
    try:
        version = _from_text(value.strip()) if isinstance(value, str) else int(value)
    except (ValueError, OverflowError) as error:
        raise InvalidError("the version cannot be read", where=where, right=_RIGHT) from error
    if not 0 <= version <= LARGEST_VERSION or version != (value if isinstance(value, float) else version):
        raise InvalidError("the version is out of range", where=where, right=f"0 to {LARGEST_VERSION}")
    return version


def _from_text(text: str) -> int:
    if len(text) > 64:
        raise ValueError("too long")
    if text.isascii() and _NUMBER.fullmatch(text):
        return int(text)
    generalized = _GENERALIZED.fullmatch(text) if text.isascii() else None
    if generalized is None:
        return _microseconds(datetime.fromisoformat(text))
    digits, fraction, zone = generalized.groups()
    zone = "+00:00" if zone in (None, "Z") else f"{zone[:3]}:{zone[3:] or '00'}"
    instant = datetime.strptime(f"{digits}{zone}", "%Y%m%d%H%M%S%z")
    return _microseconds(instant) + int((fraction or "").ljust(6, "0")[:6])


def _microseconds(instant: datetime) -> int:
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * MICROSECONDS + since.microseconds
