"""Queries of SPML clients: which objects are meant, as values that fit into an iterator, held against objects."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.source_spml import PushedSpml
from provisioning.protocols.inbound.spml_data import Values, held_values, read_id
from provisioning.protocols.inbound.spml_message import FailureError, plain
from provisioning.protocols.xml import Element

MOST_CLAUSES: Final = 100  # of one query
LONGEST: Final = 1024  # characters of a value that is asked for
_SCOPES: Final = {"pso": "pso", "onelevel": "oneLevel", "sublevel": "subTree", "subtree": "subTree"}
_COMPARED: Final = {
    "equalityMatch": "eq", "approxMatch": "eq", "greaterOrEqual": "ge", "lessOrEqual": "le",
}  # fmt: skip
_SELECT: Final = re.compile(r'/?(?:[\w.-]+:)?(?P<entity>[\w.-]+)(?:\[(?:[\w.-]+:)?(?P<name>[\w.-]+)'
                            r'=(?P<text>"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\')\])?')  # fmt: skip

# A clause as JSON: ["and", …], ["or", …], ["not", x], ["eq"|"ge"|"le", name, text], ["has", name], ["active"],
# ["sub", name, initial, [any, …], final]
Clause = Sequence[Any]
EVERYTHING: Final[Clause] = ("and",)


@dataclass(frozen=True, slots=True)
class Query:
    """Which objects are meant. `base` None: all of the target; else that object, or those added in it, or both."""

    clause: Clause = EVERYTHING
    scope: str = "subTree"
    base: str | None = None

    @property
    def value(self) -> list[Any]:
        """As JSON."""
        return [self.clause, self.scope, self.base]


def read_query(query: Element | None, options: PushedSpml) -> Query:
    """The query of a request; without one all objects are meant. Raises FailureError."""
    if query is None:
        return Query()
    target = query.attributes.get("targetID", options.target).strip()
    if target != options.target:
        raise FailureError("noSuchIdentifier", f"the target is {options.target}")
    said = query.attributes.get("scope", "subTree").rpartition(":")[2].casefold()
    if said not in _SCOPES:
        raise FailureError("malformedRequest", "scope is pso, oneLevel or subTree")
    base: str | None = None
    clauses: list[Clause] = []
    counted = [0]
    for child in query.children:
        if child.name == "basePsoID":
            base = read_id(child, options) if child.attributes.get("ID") else None
        elif child.name != "attributes":  # what of each object is wanted; all of it is shown
            clauses.append(_clause(child, options, counted))
    if base is None and _SCOPES[said] == "pso":
        raise FailureError("malformedRequest", "the scope pso wants basePsoID")
    return Query(("and", *clauses), _SCOPES[said], base)


def _clause(element: Element, options: PushedSpml, counted: list[int]) -> Clause:
    counted[0] += 1
    if counted[0] > MOST_CLAUSES:
        raise FailureError("customError", f"at most {MOST_CLAUSES} clauses in one query")
    name = element.name
    if name in ("and", "or"):
        return (name, *(_clause(child, options, counted) for child in element.children))
    if name in ("filter", "not"):
        if len(element.children) != 1:
            raise FailureError("malformedRequest", f"{name} holds one clause")
        inner = _clause(element.children[0], options, counted)
        return inner if name == "filter" else ("not", inner)
    if name in _COMPARED:
        return (_COMPARED[name], _name(element), _text(element.one("value")))
    if name == "present":
        return ("has", _name(element))
    if name == "substrings":
        initial, final = (_text(element.one(part)) for part in ("initial", "final"))
        return ("sub", _name(element), initial, [_text(each) for each in element.all("any")], final)
    if name == "isActive":
        return ("active",)
    if name == "select":
        return _selected(element, options)
    code = "unsupportedOperation" if name == "hasReference" else "unsupportedSelectionType"
    raise FailureError(code, f"no query by {plain(name)[:40]} is understood")


def _name(element: Element) -> str:
    name = element.attributes.get("name", "").strip()
    if not 0 < len(name) <= 128:
        raise FailureError("malformedRequest", f"{element.name} has the name of an attribute")
    return name


def _text(element: Element | None) -> str:
    text = "" if element is None else element.text
    if len(text) > LONGEST:
        raise FailureError("customError", f"a value that is asked for has at most {LONGEST} characters")
    return text


def _selected(element: Element, options: PushedSpml) -> Clause:
    """The subset of paths by which the XSD profile selects: an object's element, or that with an element's text."""
    found = _SELECT.fullmatch(element.attributes.get("path", "").strip())
    if options.profile != "xsd" or found is None or found["entity"] != options.entity:
        raise FailureError("unsupportedSelectionType", f'a path is /{options.entity} or /{options.entity}[name="text"]')
    if found["name"] is None:
        return EVERYTHING
    text = found["text"]
    return ("is", found["name"], text[1:-1].replace(text[0] * 2, text[0])[:LONGEST])


def wanted_value(clause: Clause, name: str) -> str | None:
    """The value that an attribute must have, if a query says so for every object that it selects."""
    if clause[0] in ("eq", "is") and clause[1].casefold() == name.casefold():
        return str(clause[2])
    if clause[0] == "and":
        return next((found for each in clause[1:] if (found := wanted_value(each, name)) is not None), None)
    return None


def selects(query: Query, id_: str, content: Mapping[str, Any]) -> bool:
    """Whether an object is meant."""
    inside = content.get("container") == query.base
    if query.base is not None and not (
        (inside and query.scope != "pso") or (id_ == query.base and query.scope != "oneLevel")
    ):
        return False
    values = {name.casefold(): some for name, some in held_values(content).items()}
    return holds(query.clause, values, active=content.get("active") is not False)


def holds(clause: Clause, values: Values, *, active: bool) -> bool:
    """Whether a clause holds for an object, its values by name in lower case.

    Values are compared without case, as directories do; a path's exactly.
    """
    word = clause[0]
    if word == "and":
        return all(holds(each, values, active=active) for each in clause[1:])
    if word == "or":
        return any(holds(each, values, active=active) for each in clause[1:])
    if word == "not":
        return not holds(clause[1], values, active=active)
    if word == "active":
        return active
    some = values.get(clause[1].casefold(), ())
    if word == "is":
        return clause[2] in some
    if word == "has":
        return bool(some)
    folded = [each.casefold() for each in some]
    if word == "sub":
        return any(_has_parts(each, clause[2], clause[3], clause[4]) for each in folded)
    asked = clause[2].casefold()
    if word == "eq":
        return asked in folded
    return any(_order(each, asked) * (1 if word == "ge" else -1) >= 0 for each in folded)


def _order(one: str, other: str) -> int:
    """Whole numbers by their value, all else by its characters."""
    if len(one) < 20 and len(other) < 20 and one.isascii() and other.isascii() and one.isdigit() and other.isdigit():
        return int(one) - int(other)
    return (one > other) - (one < other)


def _has_parts(text: str, initial: str, some: Sequence[str], final: str) -> bool:
    initial, final = initial.casefold(), final.casefold()
    if not text.startswith(initial) or not text[len(initial) :].endswith(final):
        return False
    place, end = len(initial), len(text) - len(final)
    for part in some:
        found = text.find(part.casefold(), place, end)
        if found < 0:
            return False
        place = found + len(part.casefold())
    return True
