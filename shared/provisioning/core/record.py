"""What one source says about one subject, read from untrusted data field by field.

A record is accepted whole or refused whole with the field that is wrong. Bounds come from the tenant's limits,
so that an expression's cost, computed from the same limits, holds for every record that was let in.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from provisioning.core.account import Json
from provisioning.core.catalog import Limits
from provisioning.core.errors import InvalidError
from provisioning.core.period import BEGINNING, FOREVER, Instant, Period, parse_end, parse_start, show
from provisioning.core.version import LARGEST_VERSION


@dataclass(frozen=True, slots=True)
class Affiliation:
    """A relationship with a start and an end, and what the source says of it, such as its type."""

    id: str
    start: Instant
    end: Instant
    facts: Mapping[str, Json] = field(default_factory=dict)

    @property
    def period(self) -> Period:
        return Period(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Record:
    """One source's word on one subject. A deletion is a record too: it has a version and is remembered."""

    source: str
    key: str
    version: int
    deleted: bool = False
    attributes: Mapping[str, Json] = field(default_factory=dict)
    affiliations: tuple[Affiliation, ...] = ()
    notices: tuple[str, ...] = ()  # what was odd but not wrong, for people
    observed: int = 0  # microseconds since 1970 at which the source began to show it; 0: it told of itself


@dataclass(frozen=True, slots=True)
class Absence:
    """A source showed nobody of this key when it was asked, at `observed`: microseconds since 1970."""

    source: str
    key: str
    observed: int


@dataclass(frozen=True, slots=True)
class Schema:
    """What a record may hold: attributes by their declared type, the tenant's zone and limits."""

    person: Mapping[str, str]
    affiliation: Mapping[str, str]
    zone: ZoneInfo
    limits: Limits


def read_record(source: str, data: Any, schema: Schema, observed: int = 0) -> Record:
    """Make a record of decoded JSON: `{key, version, deleted?, attributes?, affiliations?}`.

    Raises InvalidError that names the field and what would be right. Attributes that the tenant does not declare
    are dropped: a source may say more than this tenant wants to know.
    """
    if not isinstance(data, dict):
        raise InvalidError("the record is not an object", where="data", right="an object with key and version")
    key = text_of(data.get("key"), "data.key", schema.limits)
    version = data.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or not 0 <= version <= LARGEST_VERSION:
        raise InvalidError(
            "the record has no usable version", where="data.version", right=f"a whole number, 0 to {LARGEST_VERSION}"
        )
    deleted = data.get("deleted", False)
    if not isinstance(deleted, bool):
        raise InvalidError("deleted is neither true nor false", where="data.deleted", right="true or false")
    notices: list[str] = []
    attributes = _facts(data.get("attributes", {}), schema.person, "data.attributes", schema.limits)
    affiliations = _affiliations(data.get("affiliations", []), schema, notices)
    return Record(source, key, version, deleted, attributes, affiliations, tuple(notices), observed)


def _affiliations(entries: Any, schema: Schema, notices: list[str]) -> tuple[Affiliation, ...]:
    where, most = "data.affiliations", schema.limits.affiliations
    if not isinstance(entries, list):
        raise InvalidError("affiliations are not a list", where=where, right="a list of objects")
    if len(entries) > most:
        raise InvalidError(
            f"{len(entries)} affiliations", where=where, right=f"at most {most}; tenant.limits.affiliations sets it"
        )
    found: dict[str, Affiliation] = {}
    for number, entry in enumerate(entries):
        affiliation = _affiliation(entry, f"{where}[{number}]", schema, notices)
        if affiliation.id in found:
            raise InvalidError(
                f"affiliation {affiliation.id!r} twice",
                where=f"{where}[{number}].id",
                right="an id of its own for each",
            )
        found[affiliation.id] = affiliation
    return tuple(found[key] for key in sorted(found))


def _affiliation(entry: Any, where: str, schema: Schema, notices: list[str]) -> Affiliation:
    if not isinstance(entry, dict):
        raise InvalidError("the affiliation is not an object", where=where, right="an object with id, start, end")
    key = text_of(entry.get("id"), f"{where}.id", schema.limits)
    start = _boundary(entry.get("start"), f"{where}.start", schema.zone, BEGINNING, notices)
    end = _boundary(entry.get("end"), f"{where}.end", schema.zone, FOREVER, notices)
    if start > end:
        raise InvalidError(
            f"the period is reversed: {show(start)} to {show(end)}", where=where, right="start no later than end"
        )
    return Affiliation(key, start, end, _facts(entry, schema.affiliation, where, schema.limits))


def _boundary(text: Any, where: str, zone: ZoneInfo, absent: Instant, notices: list[str]) -> Instant:
    if text is None:
        return absent
    if not isinstance(text, str):
        raise InvalidError("the date is not text", where=where, right="a day such as 2026-09-01")
    try:
        instant, odd = (parse_start if absent == BEGINNING else parse_end)(text, zone)
    except InvalidError as error:
        raise InvalidError(error.problem, where=where, right=error.right) from error
    if odd:
        notices.append(f"{where}: {text} is out of range and taken as {show(instant)}")
    return instant


KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "bool": (bool,),
    "int": (int,),
    "double": (int, float),
    "timestamp": (str,),
    "duration": (str,),
}


def _facts(data: Any, declared: Mapping[str, str], where: str, limits: Limits) -> Mapping[str, Json]:
    if not isinstance(data, dict):
        raise InvalidError("attributes are not an object", where=where, right="an object of attributes")
    facts: dict[str, Json] = {}
    for name, kind in declared.items():
        value = data.get(name)
        if value is not None:  # null says as much as absence
            facts[name] = fact(value, kind, f"{where}.{name}", limits)
    return facts


def fact(value: Any, kind: str, where: str, limits: Limits) -> Json:
    """A value, if it is of its declared kind and within the limits. Raises InvalidError that names the place."""
    if kind.startswith("list("):
        if not isinstance(value, list):
            raise InvalidError("the value is not a list", where=where, right=kind)
        if len(value) > limits.values:
            raise InvalidError(
                f"{len(value)} values", where=where, right=f"at most {limits.values}; tenant.limits.values sets it"
            )
        return [fact(item, kind[5:-1], f"{where}[{number}]", limits) for number, item in enumerate(value)]
    kinds = KINDS[kind]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise InvalidError(f"the value is a {type(value).__name__}", where=where, right=kind)
    if isinstance(value, str):
        return text_of(value, where, limits, least=0)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_VERSION:
        raise InvalidError("the number does not fit 64 bits", where=where, right=kind)
    return value


def text_of(value: Any, where: str, limits: Limits, least: int = 1) -> str:
    """Text, as Unicode writes it in one form. Raises InvalidError that names the place."""
    if not isinstance(value, str) or len(value) < least:
        raise InvalidError("text is missing", where=where, right="text")
    if len(value) > limits.text:
        raise InvalidError(
            f"{len(value)} characters", where=where, right=f"at most {limits.text}; tenant.limits.text sets it"
        )
    if not value.isascii():
        if any(unicodedata.category(character) == "Cs" for character in value):
            raise InvalidError("half a surrogate pair", where=where, right="Unicode text")
        return unicodedata.normalize("NFC", value)  # so that equal names are equal
    if "\x00" in value:
        raise InvalidError("a NUL character", where=where, right="text without NUL")
    return value
