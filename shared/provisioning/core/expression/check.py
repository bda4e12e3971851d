"""Tree × declared types → typed tree. What passes here cannot fail for its types in production."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provisioning.core.expression import functions
from provisioning.core.expression.errors import EvaluationError, ExpressionError
from provisioning.core.expression.lexer import error
from provisioning.core.expression.overloads import FUNCTIONS, METHODS, OPERATORS, Overload
from provisioning.core.expression.tree import Node, Typed
from provisioning.core.expression.types import (
    ANY,
    BOOL,
    DOUBLE,
    DURATION,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    Type,
    agree,
    list_of,
)

MOST_STEPS: Final = 100_000  # of one evaluation, in the worst case that the limits allow


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that an expression may mention, and the longest list that their data may hold."""

    variables: Mapping[str, Type]
    maximum_list_length: int = 100


def check(text: str, node: Node, environment: Environment, expects: Type | None = None) -> Typed:
    """Type an expression. Raises ExpressionError at the part that is wrong."""
    checker = _Checker(text, environment)
    typed = checker.visit(node, {name: (f"v_{name}", kind) for name, kind in environment.variables.items()})
    if expects is not None and not agree(typed.type, expects):
        raise error(text, node.offset, f"this is of type {typed.type}", f"an expression of type {expects}")
    steps = _steps(typed, environment.maximum_list_length)
    if steps > MOST_STEPS:
        right = f"fewer loops inside loops: at most {MOST_STEPS} steps"
        raise error(text, node.offset, f"it could take {steps} steps for the longest lists", right)
    return typed


def _steps(node: Typed, longest: int) -> int:
    """How many steps an evaluation takes at most."""
    inner = [_steps(part, longest) for part in node.parts]
    if node.kind == "macro":
        return inner[0] + longest * (1 + inner[1])
    return sum(inner) + (longest if node.value == "in" else 1)


_Scope = Mapping[str, tuple[str, Type]]  # name: (its Python name, its type)


class _Checker:
    def __init__(self, text: str, environment: Environment) -> None:
        self.text, self.environment = text, environment

    def fault(self, node: Node, problem: str, right: str = "") -> ExpressionError:
        return error(self.text, node.offset, problem, right)

    def visit(self, node: Node, scope: _Scope) -> Typed:
        visitors: Mapping[str, Callable[[Node, _Scope], Typed]] = {
            "literal": self.literal,
            "name": self.name,
            "select": self.select,
            "has": self.has,
            "index": self.index,
            "list": self.list,
            "call": self.call,
            "method": self.method,
            "macro": self.macro,
        }
        return visitors[node.kind](node, scope)

    def literal(self, node: Node, _: _Scope) -> Typed:
        value = node.value
        if isinstance(value, bool):
            kind = BOOL
        elif isinstance(value, int):
            kind = INT
        elif isinstance(value, float):
            kind = DOUBLE
        else:
            kind = STRING if isinstance(value, str) else NULL
        return Typed("literal", value, (), kind)

    def name(self, node: Node, scope: _Scope) -> Typed:
        if node.value not in scope:
            raise self.fault(node, f"there is no {node.value!r} here", _suggest(node.value, scope))
        python_name, kind = scope[node.value]
        return Typed("name", python_name, (), kind)

    def attribute(self, node: Node, scope: _Scope) -> tuple[Typed, Type]:
        target = self.visit(node.parts[0], scope)
        if target.type.name != "record":
            raise self.fault(node, f"a {target.type} has no attribute {node.value!r}", "an attribute of a record")
        found = target.type.fields.get(node.value)
        if found is None:
            raise self.fault(node, f"there is no attribute {node.value!r}", _suggest(node.value, target.type.fields))
        return target, found

    def select(self, node: Node, scope: _Scope) -> Typed:
        target, kind = self.attribute(node, scope)
        selected = Typed("select", node.value, (target,), kind)
        if kind not in (TIMESTAMP, DURATION):
            return selected
        # Records hold JSON: the text is read when it is asked for.
        return Typed("call", kind.name, (selected,), kind, kind.name)

    def has(self, node: Node, scope: _Scope) -> Typed:
        target, _ = self.attribute(node, scope)
        return Typed("has", node.value, (target,), BOOL)

    def index(self, node: Node, scope: _Scope) -> Typed:
        items, position = (self.visit(part, scope) for part in node.parts)
        if items.type.item is None or position.type != INT:
            raise self.fault(node, f"{items.type}[{position.type}]", "a list and a whole number")
        return Typed("call", "[]", (items, position), items.type.item, "index")

    def list(self, node: Node, scope: _Scope) -> Typed:
        items = tuple(self.visit(part, scope) for part in node.parts)
        kind = items[0].type if items else ANY
        for part, item in zip(node.parts, items, strict=True):
            if not agree(item.type, kind):
                raise self.fault(part, f"a {item.type} in a list of {kind}", f"a {kind}")
            kind = item.type if kind == ANY or item.type == DOUBLE else kind
        return Typed("list", None, items, list_of(kind))

    def call(self, node: Node, scope: _Scope) -> Typed:
        overloads = OPERATORS.get(node.value) or FUNCTIONS.get(node.value)
        if overloads is None:
            raise self.fault(node, f"there is no function {node.value!r}", _suggest(node.value, FUNCTIONS))
        return self.resolve(node, overloads, scope)

    def method(self, node: Node, scope: _Scope) -> Typed:
        overloads = METHODS.get(node.value)
        if overloads is None:
            raise self.fault(node, f"there is no function {node.value!r}", _suggest(node.value, METHODS))
        return self.resolve(node, overloads, scope)

    def resolve(self, node: Node, overloads: Sequence[Overload], scope: _Scope) -> Typed:
        parts = tuple(self.visit(part, scope) for part in node.parts)
        kinds = tuple(part.type for part in parts)
        for overload in overloads:
            result = overload.result(kinds)
            if result is not None:
                return self.folded(node, Typed("call", node.value, parts, result, overload.function))
        given = ", ".join(str(kind) for kind in kinds)
        right = " or ".join(dict.fromkeys(overload.words for overload in overloads))
        raise self.fault(node, f"{node.value!r} does not take ({given})", right)

    def folded(self, node: Node, typed: Typed) -> Typed:
        """Read what is written out, so that a mistake in it is found now."""
        literals = [part.value for part in typed.parts if part.kind == "literal"]
        try:
            if typed.function in ("timestamp", "duration") and literals:
                read = functions.timestamp if typed.function == "timestamp" else functions.duration
                return Typed("literal", read(literals[0]), (), typed.type)
            if typed.function == "matches" and typed.parts[1].kind == "literal":
                functions.pattern(typed.parts[1].value)
        except EvaluationError as fault:
            raise self.fault(node, str(fault)) from fault
        return typed

    def macro(self, node: Node, scope: _Scope) -> Typed:
        name, variable = node.value
        items = self.visit(node.parts[0], scope)
        if items.type.item is None:
            raise self.fault(node, f"{name} of a {items.type}", "a list")
        body = self.visit(node.parts[1], {**scope, variable: (f"m_{variable}", items.type.item)})
        if name != "map" and body.type != BOOL:
            raise self.fault(node.parts[1], f"{name} with a {body.type}", "a condition")
        results = {"map": list_of(body.type), "filter": items.type}
        return Typed("macro", (name, f"m_{variable}"), (items, body), results.get(name, BOOL))


def _suggest(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"one of {', '.join(sorted(known)[:20])}" if known else ""
