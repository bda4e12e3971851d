"""Values of identifiers in the one form in which they are compared. What is no such value becomes nothing."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final

_MAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_ORCID: Final = re.compile(r"(?:https?://(?:www\.)?orcid\.org/)?(\d{4})-?(\d{4})-?(\d{4})-?(\d{3}[\dXx])")


def _trim(value: str) -> str:
    return " ".join(value.split())


def _email(value: str) -> str:
    """An address, folded whole: no provider is known that gives two people addresses that differ in case."""
    folded = unicodedata.normalize("NFKC", value).strip().casefold()
    return folded if _MAIL.fullmatch(folded) else ""


def _digits(value: str) -> str:
    """The ASCII digits of a value, and nothing else of it."""
    return "".join(character for character in value if character in "0123456789")


def _orcid(value: str) -> str:
    """An ORCID iD as 0000-0002-1825-0097; nothing if its check character (ISO 7064, MOD 11-2) is not right."""
    found = _ORCID.fullmatch(value.strip())
    if found is None or not value.isascii():
        return ""
    parts = [part.upper() for part in found.groups()]
    total = 0
    for digit in "".join(parts)[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return "-".join(parts) if parts[-1][-1] == ("X" if check == 10 else str(check)) else ""


NORMALIZERS: Final[Mapping[str, Callable[[str], str]]] = {
    "none": str,
    "trim": _trim,
    "lower": str.casefold,
    "email": _email,
    "digits": _digits,
    "orcid": _orcid,
}


def normalized(names: Sequence[str], value: str) -> str:
    """A value after these normalizers, in their order; empty if it is none of its kind."""
    for name in names:
        value = NORMALIZERS[name](value)
    return value
