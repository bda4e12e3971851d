"""Where a search or a list of updates goes on, within its id: nothing is stored, and any process goes on with it.

An id holds what the client asked for, and up to which object it was answered. A client that makes one up sees what
it could have asked for; it is known by its credential and not by this.
"""

import base64
import json
import re
import zlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

from provisioning.core.errors import InvalidError
from provisioning.core.wire import canonical
from provisioning.protocols.inbound.spml_message import FailureError
from provisioning.protocols.inbound.spml_query import MOST_CLAUSES, Query
from provisioning.protocols.xml import DEEPEST, Element

LONGEST: Final = 8192  # characters of an id
_LONGEST_TEXT: Final = 65_536  # of what it stands for
T = TypeVar("T")
_WRITTEN: Final = re.compile(r"[su]1-[A-Za-z0-9_-]+")  # an xsd:ID, as the schema wants it


def write_iterator(kind: str, value: list[Any]) -> str:
    """The id of an iterator. `kind`: s of a search, u of updates. Raises FailureError for a query too long."""
    content = canonical(value)
    packed = base64.urlsafe_b64encode(zlib.compress(content, 6)).decode().rstrip("=")
    if len(packed) > LONGEST - 3 or len(content) > _LONGEST_TEXT:
        raise FailureError("customError", "the query is too long to be answered in pages")
    return f"{kind}1-{packed}"


def read_iterator(iterator: Element | None, kind: str, make: Callable[[list[Any]], T]) -> T:
    """What an iterator's id stands for. Raises FailureError for an id that was never given."""
    text = iterator.attributes.get("ID", "").strip() if iterator is not None else ""
    try:
        if len(text) > LONGEST or not _WRITTEN.fullmatch(text) or text[0] != kind:
            raise InvalidError("no iterator")
        unpacked = zlib.decompressobj()
        content = unpacked.decompress(base64.urlsafe_b64decode(text[3:] + "=" * (-len(text[3:]) % 4)), _LONGEST_TEXT)
        if not unpacked.eof:
            raise InvalidError("a part of an iterator")
        return make(json.loads(content))
    except (InvalidError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, zlib.error):
        raise FailureError("noSuchIdentifier", "no iterator has this ID") from None


def read_query_value(value: list[Any]) -> Query:
    """The query of its JSON. Raises ValueError for what `Query.value` never was."""
    clause, scope, base = value
    if scope not in ("pso", "oneLevel", "subTree") or not isinstance(base, str | None):
        raise ValueError("no scope")
    _check(clause, [0], 0)
    return Query(clause, scope, base)


def _check(clause: Any, counted: list[int], depth: int) -> None:
    counted[0] += 1
    if counted[0] > 2 * MOST_CLAUSES or depth > DEEPEST:  # a query and the joints between its clauses
        raise ValueError("no query of ours")
    word, *rest = clause
    if word in ("and", "or", "not"):
        if word == "not" and len(rest) != 1:
            raise ValueError("no negation")
        for each in rest:
            _check(each, counted, depth + 1)
    elif word == "sub":
        name, initial, some, final = rest
        if not all(isinstance(each, str) for each in (name, initial, final, *some)):
            raise ValueError("no parts")
    elif len(rest) != {"eq": 2, "ge": 2, "le": 2, "is": 2, "has": 1, "active": 0}[word] or not all(
        isinstance(each, str) for each in rest
    ):
        raise ValueError("no clause")
