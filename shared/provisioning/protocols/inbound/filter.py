"""SCIM filters and PATCH paths (RFC 7644 Figures 1 and 7), read within bounds."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.pushed import Kind
from provisioning.protocols.inbound.refusal import refuse
from provisioning.protocols.inbound.schema import CORE, SCHEMAS, schema_of

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
            str(value).encode()  # JSON can spell halves of a character, which no encoding has
        except ValueError:
            raise self._wrong("a value in JSON, texts in quotation marks") from None
        if isinstance(value, dict | list) or (operator not in ("eq", "ne") and isinstance(value, bool | None)):
            raise self._wrong("texts and numbers have an order, others are only equal or not")
        return Compare(path, operator, value)
