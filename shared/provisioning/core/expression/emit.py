"""Typed trees → Python expressions, in two forms.

The plain form is ordinary Python: `and`, `==`, `.startswith`, `any`. It gives the language's answer or raises. The
exact form never raises where the language has an answer: true and false win over errors. So the price of exactness
is paid only by what fails.
"""

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from provisioning.core.expression import access, arithmetic, logic, times
from provisioning.core.expression.namespace import Namespace
from provisioning.core.expression.readers import reader
from provisioning.core.expression.tree import Macro, Typed
from provisioning.core.expression.values import make_map

_COMPARE: Final[Mapping[str, Callable[[], ast.cmpop]]] = {
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "in": ast.In,
}  # fmt: skip
_ARITHMETIC: Final[Mapping[str, Callable[[], ast.operator]]] = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult}
_CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "whole": arithmetic.whole,
    "unsigned": arithmetic.unsigned,
    "instant": times.instant,
    "span": times.span,
    "between": times.between,
}
_FEW: Final = 3  # constants that are searched one by one as fast as by their hash


class Places(ABC):
    """Where variables and their attributes are found."""

    @abstractmethod
    def variable(self, node: Typed) -> ast.expr:
        """The value of a variable, read as its type."""

    @abstractmethod
    def attribute(self, node: Typed, path: tuple[str, ...]) -> ast.expr:
        """An attribute that is reached from a variable through records alone."""

    @abstractmethod
    def has(self, node: Typed, path: tuple[str, ...]) -> ast.expr:
        """Whether there is such an attribute."""

    @abstractmethod
    def shared(self, node: Typed, form: "Plain") -> ast.expr | None:
        """What stands for an expression that others have too."""


def path_of(node: Typed) -> tuple[str, ...] | None:
    """Variable and attributes, if a node is reached through records alone."""
    if node.kind == "name" and node.value.startswith("v"):
        return (node.value[1:],)
    if node.kind in ("select attribute", "has attribute"):
        before = path_of(node.parts[0])
        return before and (*before, node.value)
    return None


class Plain:
    """The plain form."""

    def __init__(self, namespace: Namespace, places: Places) -> None:
        self.namespace, self.places = namespace, places
        self.inside = 0  # loops and bindings around

    def visit(self, node: Typed) -> ast.expr:
        """The Python expression of a node."""
        shared = None if self.inside else self.places.shared(node, self)
        return self.made(node) if shared is None else shared

    def made(self, node: Typed) -> ast.expr:
        """The same without a look at what is shared."""
        match node.kind:
            case "literal":
                return self.namespace.reference(node.value)
            case "name":
                return self.places.variable(node) if node.value.startswith("v") else _name(node.value)
            case "select attribute" | "has attribute":
                return self.attribute(node)
            case "select" | "has":
                run = access.entry if node.kind == "select" else access.has_entry
                return self.namespace.call(run, self.visit(node.parts[0]), ast.Constant(node.value))
            case "list":
                return ast.List([self.visit(part) for part in node.parts], ast.Load())
            case "map":
                return self.map(node)
            case "macro":
                return self.within(self.macro, node)
            case "bind":
                return self.within(self.bind, node)
        return self.call(node)

    def within(self, form: Callable[[Typed], ast.expr], node: Typed) -> ast.expr:
        self.inside += 1
        made = form(node)
        self.inside -= 1
        return made

    def condition(self, node: Typed) -> ast.expr:
        """A bool: what is so only by the data is asserted."""
        made = self.visit(node)
        return made if node.type.name == "bool" else self.namespace.call(logic.truth, made)

    def attribute(self, node: Typed) -> ast.expr:
        path, asks = path_of(node), node.kind == "has attribute"
        if path is not None:
            return self.places.has(node, path) if asks else self.places.attribute(node, path)
        target, name = self.visit(node.parts[0]), ast.Constant(node.value)
        if asks:
            return self.namespace.call(access.has_attribute, target, name)
        value, read = self.namespace.call(access.attribute, target, name), reader(node.type)
        return value if read is None else self.namespace.call(read, value)

    def map(self, node: Typed) -> ast.expr:
        parts = [self.visit(part) for part in node.parts]
        if node.inline == "{}":
            return ast.Dict(list(parts[::2]), parts[1::2])
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return self.namespace.call(make_map, *(ast.Tuple(list(pair), ast.Load()) for pair in pairs))

    def call(self, node: Typed) -> ast.expr:
        if node.run is None:
            return self.logic(node)
        if node.inline == "in" and _texts(node.parts[1]):
            constants: list[ast.expr] = [ast.Constant(part.value) for part in node.parts[1].parts]
            return ast.Compare(self.visit(node.parts[0]), [ast.In()], [ast.Set(constants)])
        parts = [self.visit(part) for part in node.parts]
        return self.inline(node.inline, parts) if node.inline else self.namespace.call(node.run, *parts)

    def inline(self, form: str, parts: list[ast.expr]) -> ast.expr:
        if form in _COMPARE:
            return ast.Compare(parts[0], [_COMPARE[form]()], [parts[1]])
        match form:
            case "contains":
                return ast.Compare(parts[1], [ast.In()], [parts[0]])
            case ".startswith" | ".endswith":
                return ast.Call(ast.Attribute(parts[0], form[1:], ast.Load()), [parts[1]], [])
            case "[]":
                return ast.Subscript(parts[0], parts[1], ast.Load())
            case "!":
                return _negated(parts[0])
            case "len":
                return self.namespace.call(len, parts[0])
            case "same":
                return parts[0]
        sign, _, check = form.partition(" ")
        made: ast.expr = ast.UnaryOp(ast.USub(), parts[0])
        if sign in _ARITHMETIC:
            made = ast.BinOp(parts[0], _ARITHMETIC[sign](), parts[1])
        return self.namespace.call(_CHECKS[check], made) if check else made

    def logic(self, node: Typed) -> ast.expr:
        if node.value == "?:":
            return ast.IfExp(self.condition(node.parts[0]), self.visit(node.parts[1]), self.visit(node.parts[2]))
        operator = ast.And() if node.value == "&&" else ast.Or()
        return ast.BoolOp(operator, [self.condition(part) for part in node.parts])

    def bind(self, node: Typed) -> ast.expr:
        value, body = (self.visit(part) for part in node.parts)
        return ast.Call(_lambda([node.value], body), [value], [])

    def macro(self, node: Typed) -> ast.expr:
        if node.value.name in ("all", "exists"):
            return self.quantifier(node)
        loop = self.loop(node)
        body = node.parts[-1]
        match node.value.name:
            case "map":
                loop.ifs = [self.condition(part) for part in node.parts[1:-1]]
                return ast.ListComp(self.visit(body), [loop])
            case "transform_map":
                loop.ifs = [self.condition(part) for part in node.parts[1:-1]]
                return ast.DictComp(_name(node.value.variables[0]), self.visit(body), [loop])
            case "filter":
                loop.ifs = [self.condition(body)]
                return ast.ListComp(_name(node.value.variables[0]), [loop])
        loop.ifs = [self.condition(body)]
        ones = ast.GeneratorExp(ast.Constant(1), [loop])
        return self.namespace.call(logic.only, self.namespace.call(sum, ones))

    def loop(self, node: Typed) -> ast.comprehension:
        entries, macro = node.parts[0], node.value
        target: ast.expr = ast.Name(macro.variables[0], ast.Store())
        source = self.visit(entries)
        if len(macro.variables) > 1:
            target = ast.Tuple([ast.Name(name, ast.Store()) for name in macro.variables], ast.Store())
            source = self.namespace.call(access.pairs, source)
        elif entries.type.name == "dyn":
            source = self.namespace.call(access.entries, source)
        return ast.comprehension(target, source, [], 0)

    def quantifier(self, node: Typed) -> ast.expr:
        within: ast.cmpop = ast.NotIn() if node.value.name == "all" else ast.In()
        wanted = _membership(node)
        if wanted is not None:
            return ast.Compare(self.visit(wanted), [within], [self.visit(node.parts[0])])
        loop = self.loop(node)
        decisive = ast.Constant(node.value.name != "all")
        # Lists are short: to go through all of one takes half as long as to begin a generator.
        return ast.Compare(decisive, [within], [ast.ListComp(self.condition(node.parts[1]), [loop])])


class Exact(Plain):
    """The exact form."""

    def logic(self, node: Typed) -> ast.expr:
        if node.value == "?:":
            return super().logic(node)
        run = logic.both if node.value == "&&" else logic.either
        return self.namespace.call(run, *(_lambda([], self.visit(part)) for part in node.parts))

    def quantifier(self, node: Typed) -> ast.expr:
        macro: Macro = node.value
        source = self.namespace.call(
            access.rows if len(macro.variables) == 1 else access.pairs, self.visit(node.parts[0])
        )
        body = _lambda(list(macro.variables), self.visit(node.parts[1]))
        return self.namespace.call(logic.every if macro.name == "all" else logic.some, source, body)


def _membership(node: Typed) -> Typed | None:
    """The value of `list.exists(x, x == value)` or `list.all(x, x != value)`, where Python's `in` means the same."""
    body, entries = node.parts[1], node.parts[0].type
    if len(node.value.variables) > 1 or entries.name != "list" or entries.parameters[0].name == "double":
        return None
    sign = "==" if node.value.name == "exists" else "!="
    if (body.kind, body.value, body.inline) != ("call", sign, sign):
        return None
    own = [part.kind == "name" and part.value == node.value.variables[0] for part in body.parts]
    other = body.parts[own.index(True) ^ 1] if True in own else None
    return other if other is not None and (other.kind == "literal" or path_of(other) is not None) else None


def _negated(made: ast.expr) -> ast.expr:
    match made:
        case ast.Compare(left, [ast.Eq()], others):
            return ast.Compare(left, [ast.NotEq()], others)
        case ast.Compare(left, [ast.In()], others):
            return ast.Compare(left, [ast.NotIn()], others)
    return ast.UnaryOp(ast.Not(), made)


def _texts(node: Typed) -> bool:
    return (
        node.kind == "list"
        and len(node.parts) > _FEW
        and all(part.kind == "literal" and isinstance(part.value, str) for part in node.parts)
    )


def _name(text: str) -> ast.expr:
    return ast.Name(text, ast.Load())


def _lambda(parameters: list[str], body: ast.expr) -> ast.expr:
    return ast.Lambda(ast.arguments([], [ast.arg(name) for name in parameters], None, [], [], None, []), body)
