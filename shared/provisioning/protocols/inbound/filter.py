"""SCIM filters and PATCH paths (RFC 7644 Figures 1 and 7): read within bounds, and held against a resource."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.pushed import Kind
from provisioning.protocols.inbound.refusal import refuse
from provisioning.protocols.inbound.schema import CORE, SCHEMAS, attribute_of, key_in, schema_of

LONGEST: Final = 4096  # characters
DEEPEST: Final = 10
MOST: Final = 100  # comparisons
_NAME: Final = r"\$?[A-Za-z][\w$-]*"
_PATH: Final = re.compile(rf"(?:(?P<urn>urn:[^\s\[\]\"()]+):)?(?P<name>{_NAME})(?:\.(?P<sub>{_NAME}))?", re.IGNORECASE)
_TOKEN: Final = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<mark>[\[\]()])|(?P<word>[^\s\[\]()"]+))', re.DOTALL
)
_OPERATORS: Final = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})


@dataclass(frozen=True, slots=True)
class Path:
    """An attribute: of a schema (None: the resource's own), and of its sub-attributes, if one is meant."""

    schema: str | None
    name: str
    sub: str | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison; `operator` "pr" has no value."""

    path: Path
    operator: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Within:
    """Of the entries of an attribute, one for which a filter holds."""

    path: Path
    inner: "Filter"


@dataclass(frozen=True, slots=True)
class Logic:
    """`and` or `or` of two filters, or `not` of the left one."""

    word: str
    left: "Filter"
    right: "Filter | None" = None


Filter = Compare | Within | Logic


@dataclass(frozen=True, slots=True)
class Target:
    """What a PATCH operation speaks of. `chosen`: only these entries; `name` empty: the schema's whole extension."""

    path: Path
    chosen: Filter | None = None


def read_path(text: str, kind: Kind) -> Path | None:
    """A plain path; None if it is none. A schema's own URN before an attribute of the resource says nothing new."""
    match = _PATH.fullmatch(text)
    if match is None:
        return None
    schema = schema_of(match["urn"]) if match["urn"] else None
    return Path(None if schema == CORE + kind else schema, match["name"], match["sub"])


def read_target(text: Any, kind: Kind) -> Target:
    """The path of a PATCH operation (RFC 7644 3.5.2). Raises RefusedError."""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise refuse("invalidPath", f"a path is a text of at most {LONGEST} characters")
    text = text.strip()
    if schema_of(text) in SCHEMAS:
        return Target(Path(schema_of(text), ""))
    opened, closed = text.find("["), text.rfind("]")
    if opened < 0:
        path = read_path(text, kind)
        if path is not None:
            return Target(path)
    elif closed > opened:
        path, rest = read_path(text[:opened].strip(), kind), text[closed + 1 :].strip()
        if path is not None and path.sub is None and re.fullmatch(rf"(\.{_NAME})?", rest):
            chosen = _Reader(text[opened + 1 : closed], kind, "invalidPath").all()
            return Target(Path(path.schema, path.name, rest[1:] or None), chosen)
    raise refuse("invalidPath", 'a path such as title, name.givenName or emails[type eq "work"].value')


def read_filter(text: str, kind: Kind) -> Filter:
    """A filter (RFC 7644 3.4.2.2). Raises RefusedError."""
    return _Reader(text, kind, "invalidFilter").all()


class _Reader:
    """A filter's text, token by token."""

    def __init__(self, text: str, kind: Kind, fault: str) -> None:
        if len(text) > LONGEST:
            raise refuse(fault, f"at most {LONGEST} characters")
        self._kind, self._fault, self._at, self._count = kind, fault, 0, 0
        self._tokens = list(self._split(text))

    def _split(self, text: str) -> Iterator[str]:
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._wrong()
            yield match["string"] or match["mark"] or match["word"]
            at = match.end()

    def _wrong(self, right: str = 'such as userName eq "ann" and active eq true') -> Exception:
        return refuse(self._fault, f"not a filter: {right}")

    def all(self) -> Filter:
        found = self._either(0)
        if self._at < len(self._tokens):
            raise self._wrong()
        return found

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            raise self._wrong()
        self._at += 1
        return token

    def _either(self, depth: int) -> Filter:
        """`or` binds weaker than `and` (RFC 7644 3.4.2.2)."""
        found = self._both(depth)
        while self._peek().lower() == "or":
            self._take()
            found = Logic("or", found, self._both(depth))
        return found

    def _both(self, depth: int) -> Filter:
        found = self._one(depth)
        while self._peek().lower() == "and":
            self._take()
            found = Logic("and", found, self._one(depth))
        return found

    def _one(self, depth: int) -> Filter:
        self._count += 1
        if depth > DEEPEST or self._count > MOST:
            raise self._wrong(f"at most {MOST} comparisons and {DEEPEST} levels")
        negated = self._peek().lower() == "not"
        if negated:
            self._take()
        if negated or self._peek() == "(":
            self._take("(")
            inner = self._either(depth + 1)
            self._take(")")
            return Logic("not", inner) if negated else inner
        path = read_path(self._take(), self._kind)
        if path is None:
            raise self._wrong()
        if self._peek() == "[":
            self._take()
            inner = self._either(depth + 1)
            self._take("]")
            return Within(path, inner)
        return self._compare(path)

    def _compare(self, path: Path) -> Filter:
        operator = self._take().lower()
        if operator == "pr":
            return Compare(path, "pr")
        if operator not in _OPERATORS:
            raise self._wrong(f"one of {', '.join(sorted(_OPERATORS))}, pr")
        text = self._take()
        try:
            value = json.loads(text if text.startswith('"') else text.lower(), strict=False)
        except ValueError:
            raise self._wrong("a value in JSON, texts in quotation marks") from None
        if isinstance(value, dict | list) or (operator not in ("eq", "ne") and isinstance(value, bool | None)):
            raise self._wrong("texts and numbers have an order, others are only equal or not")
        return Compare(path, operator, value)


def holds(filter_: Filter, resource: Mapping[str, Any], kind: Kind) -> bool:
    """Whether a filter holds for a resource as it is shown."""
    if isinstance(filter_, Logic):
        left = holds(filter_.left, resource, kind)
        if filter_.word == "not" or filter_.right is None:
            return not left
        right = holds(filter_.right, resource, kind)
        return (left and right) if filter_.word == "and" else (left or right)
    if isinstance(filter_, Within):
        entries = _values(resource, Path(filter_.path.schema, filter_.path.name))
        return any(entry_holds(filter_.inner, entry, kind, filter_.path) for entry in entries)
    return _compares(filter_, resource, kind)


def entry_holds(filter_: Filter, entry: Any, kind: Kind, of: Path) -> bool:
    """Whether a filter within brackets holds for one entry of an attribute."""
    if isinstance(filter_, Logic):
        left = entry_holds(filter_.left, entry, kind, of)
        if filter_.word == "not" or filter_.right is None:
            return not left
        right = entry_holds(filter_.right, entry, kind, of)
        return (left and right) if filter_.word == "and" else (left or right)
    if isinstance(filter_, Within):
        return False
    fields = entry if isinstance(entry, dict) else {"value": entry}
    held = fields.get(key_in(fields, filter_.path.name))
    return _meets(filter_, [held], _exact(kind, Path(of.schema, of.name, filter_.path.name)))


def _compares(filter_: Compare, resource: Mapping[str, Any], kind: Kind) -> bool:
    values = _values(resource, filter_.path)
    if filter_.operator != "pr":
        values = [each.get(key_in(each, "value")) if isinstance(each, dict) else each for each in values]
    return _meets(filter_, values, _exact(kind, filter_.path))


def _meets(filter_: Compare, values: list[Any], exact: bool) -> bool:
    values = [each for each in values if each is not None]
    if filter_.operator == "pr":
        return any(each not in ("", [], {}) for each in values)
    if filter_.operator == "ne":
        return not _meets(Compare(filter_.path, "eq", filter_.value), values, exact)
    if filter_.value is None:
        return not values
    return any(_meet(filter_.operator, each, filter_.value, exact) for each in values)


def _meet(operator: str, held: Any, wanted: Any, exact: bool) -> bool:
    if isinstance(held, bool) or isinstance(wanted, bool):  # some clients write "true"
        return operator == "eq" and str(held).lower() == str(wanted).lower()
    if isinstance(held, str) and isinstance(wanted, str):
        held, wanted = (held, wanted) if exact else (held.casefold(), wanted.casefold())
        texts = {"co": wanted in held, "sw": held.startswith(wanted), "ew": held.endswith(wanted)}
        if operator in texts:
            return bool(texts[operator])
    elif not (isinstance(held, int | float) and isinstance(wanted, int | float)):
        return False
    orders = {
        "eq": held == wanted, "gt": held > wanted, "ge": held >= wanted, "lt": held < wanted, "le": held <= wanted,
    }  # fmt: skip
    return bool(orders.get(operator))


def _values(resource: Mapping[str, Any], path: Path) -> list[Any]:
    """What is held at a path: of a list, each entry's."""
    holder: Any = resource if path.schema is None else resource.get(key_in(resource, path.schema), {})
    held = holder.get(key_in(holder, path.name)) if isinstance(holder, dict) else None
    entries = held if isinstance(held, list) else [] if held is None else [held]
    if path.sub is None:
        return entries
    return [entry.get(key_in(entry, path.sub)) for entry in entries if isinstance(entry, dict)]


def _exact(kind: Kind, path: Path) -> bool:
    attribute = attribute_of(kind, path.schema, path.name)
    if attribute is None:
        return False
    named = attribute.sub(path.sub or "value") if attribute.subs else attribute
    return named is not None and named.exact


def equalities(filter_: Filter) -> list[Compare]:
    """Comparisons by `eq` that must hold for the whole: by any of them a resource may be looked up."""
    if isinstance(filter_, Logic) and filter_.word == "and" and filter_.right is not None:
        return equalities(filter_.left) + equalities(filter_.right)
    return [filter_] if isinstance(filter_, Compare) and filter_.operator == "eq" else []


def member_ids(filter_: Filter) -> list[str] | None:
    """The ids that a filter compares with `members`; None if it asks of them anything else."""
    if isinstance(filter_, Logic):
        left, right = member_ids(filter_.left), [] if filter_.right is None else member_ids(filter_.right)
        return None if left is None or right is None else left + right
    if filter_.path.schema is not None or filter_.path.name.lower() != "members":
        return []
    return value_ids(filter_.inner) if isinstance(filter_, Within) else value_ids(Compare(
        Path(None, filter_.path.sub or "value"), filter_.operator, filter_.value))  # fmt: skip


def value_ids(filter_: Filter) -> list[str] | None:
    """The ids of a filter within `members[…]`: `value eq`, alone or joined by `or`; None for anything else."""
    if isinstance(filter_, Logic) and filter_.word == "or" and filter_.right is not None:
        left, right = value_ids(filter_.left), value_ids(filter_.right)
        return None if left is None or right is None else left + right
    if not isinstance(filter_, Compare) or filter_.operator != "eq" or filter_.path.name.lower() != "value":
        return None
    return [filter_.value] if isinstance(filter_.value, str) else None


def mentions(filter_: Filter, name: str) -> bool:
    """Whether a filter speaks of an attribute of the resource's own."""
    if isinstance(filter_, Logic):
        return mentions(filter_.left, name) or (filter_.right is not None and mentions(filter_.right, name))
    return filter_.path.schema is None and filter_.path.name.lower() == name
