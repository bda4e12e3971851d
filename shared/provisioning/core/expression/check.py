"""Tree × declared types → typed tree. What passes here can fail for its data only: absent, too large, by zero."""

from collections.abc import Mapping
from typing import Final

from provisioning.core.expression import texts, times
from provisioning.core.expression.environment import Environment, suggestion
from provisioning.core.expression.errors import EvaluationError, ExpressionError
from provisioning.core.expression.functions import FUNCTIONS
from provisioning.core.expression.lexer import fault
from provisioning.core.expression.operators import OPERATORS
from provisioning.core.expression.overloads import Resolution, resolve
from provisioning.core.expression.tree import Macro, Node, Typed
from provisioning.core.expression.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
    TYPE,
    UINT,
    UNBOUND,
    Type,
    article,
    join,
    list_of,
    map_of,
    settled,
)
from provisioning.core.expression.values import TYPES, UInt

_LITERALS: Final[Mapping[type, Type]] = {
    bool: BOOL, int: INT, UInt: UINT, float: DOUBLE, str: STRING, bytes: BYTES, type(None): NULL,
}  # fmt: skip
DEEPEST_LOOPS: Final = 10  # Python 3.12 and 3.13 crash when they compile some 25 list comprehensions in each other
_CONDITIONS: Final = frozenset({"bool", "dyn"})
_KEYS: Final = frozenset({"bool", "int", "uint", "string", "dyn"})
_READ_NOW: Final = {"timestamp": times.timestamp, "duration": times.duration}

Scope = Mapping[str, tuple[str, Type]]  # name: (its place in the compiled function, its type)


def check(text: str, node: Node, environment: Environment, expects: Type | None = None) -> Typed:
    """Type an expression. Raises ExpressionError at the part that is wrong."""
    outer = {name: (f"v{name}", kind) for name, kind in environment.variables.items()}
    typed = _Checker(text, outer).visit(node, outer)
    kind = settled(typed.type)
    if expects is not None and join(kind, expects) is None:
        raise fault(text, node.offset, f"the expression is {article(kind)}", article(expects))
    return typed


class _Checker:
    def __init__(self, text: str, outer: Scope) -> None:
        self.text, self.outer = text, outer
        self.count = self.loops = 0

    def fault(self, node: Node, problem: str, right: str = "") -> ExpressionError:
        return fault(self.text, node.offset, problem, right)

    def visit(self, node: Node, scope: Scope) -> Typed:
        match node.kind:
            case "literal":
                return Typed("literal", node.value, (), _LITERALS[type(node.value)], node.offset)
            case "name":
                return self.name(node, scope)
            case "select" | "has":
                return self.select(node, scope)
            case "list":
                return self.list(node, scope)
            case "map":
                return self.map(node, scope)
            case "method":
                return self.method(node, scope)
            case "macro":
                return self.macro(node, scope)
            case "bind":
                return self.bind(node, scope)
        return self.call(node, scope)

    def name(self, node: Node, scope: Scope) -> Typed:
        name: str = node.value
        if name.startswith("."):
            scope, name = self.outer, name[1:]
        if name in scope:
            place, kind = scope[name]
            return Typed("name", place, (), kind, node.offset)
        if name in TYPES:
            return Typed("literal", TYPES[name], (), TYPE, node.offset)
        raise self.fault(node, f"there is no '{name}' here", suggestion(name, scope))

    def qualified(self, node: Node, scope: Scope) -> str:
        """The dotted name that a selection spells, if it does not begin at a variable."""
        if node.kind == "name":
            name: str = node.value
            return "" if name in scope else name.lstrip(".")
        if node.kind != "select":
            return ""
        before = self.qualified(node.parts[0], scope)
        return before and f"{before}.{node.value}"

    def select(self, node: Node, scope: Scope) -> Typed:
        known = TYPES.get(self.qualified(node, scope)) if node.kind == "select" else None
        if known is not None:
            return Typed("literal", known, (), TYPE, node.offset)
        target = self.visit(node.parts[0], scope)
        match target.type.name:
            case "record":
                return self.attribute(node, target)
            case "map":
                if join(target.type.parameters[0], STRING) is None:
                    raise self.fault(
                        node, f"the keys of {article(target.type)} are not strings", "brackets: entries[key]"
                    )
                kind = target.type.parameters[1]
            case "dyn":
                kind = DYN
            case other:
                right = _method_hint(node.value, other)
                raise self.fault(node, f"{article(target.type)} has no attribute '{node.value}'", right)
        return Typed(node.kind, node.value, (target,), BOOL if node.kind == "has" else kind, node.offset)

    def attribute(self, node: Node, target: Typed) -> Typed:
        found = target.type.attributes.get(node.value)
        if found is None:
            right = suggestion(node.value, target.type.attributes)
            raise self.fault(node, f"there is no attribute '{node.value}'", right)
        kind = BOOL if node.kind == "has" else found.type
        return Typed(f"{node.kind} attribute", node.value, (target,), kind, node.offset)

    def list(self, node: Node, scope: Scope) -> Typed:
        items = tuple(self.visit(part, scope) for part in node.parts)
        return Typed("list", None, items, list_of(_common(items)), node.offset)

    def map(self, node: Node, scope: Scope) -> Typed:
        parts = tuple(self.visit(part, scope) for part in node.parts)
        for key, part in zip(parts[::2], node.parts[::2], strict=True):
            if key.type.name not in _KEYS:
                raise self.fault(part, f"{article(key.type)} cannot be the key of a map", "a string, int, uint or bool")
        literal = [(type(key.value), key.value) for key in parts[::2] if key.kind == "literal"]
        if len(set(literal)) < len(literal):
            raise self.fault(node, "the map has one key twice", "keys that differ")
        plain = "{}" if len(literal) == len(parts) // 2 and all(kind is str for kind, _ in literal) else ""
        return Typed("map", None, parts, map_of(_common(parts[::2]), _common(parts[1::2])), node.offset, inline=plain)

    def call(self, node: Node, scope: Scope) -> Typed:
        name = node.value
        parts = tuple(self.visit(part, scope) for part in node.parts)
        if name in ("&&", "||"):
            return self.logic(node, parts)
        if name == "?:":
            return self.choice(node, parts)
        overloads = OPERATORS.get(name) or FUNCTIONS.get(name)
        if overloads is None:
            callable_names = [known for known in FUNCTIONS if not known.startswith(".")]
            raise self.fault(node, f"there is no function '{name}'", suggestion(name, callable_names))
        return self.resolved(node, name, parts)

    def method(self, node: Node, scope: Scope) -> Typed:
        space = self.qualified(node.parts[0], scope)
        name = f"{space}.{node.value}"
        if space and name in FUNCTIONS:
            return self.resolved(node, name, tuple(self.visit(part, scope) for part in node.parts[1:]))
        name = f".{node.value}"
        parts = tuple(self.visit(part, scope) for part in node.parts)
        if name not in FUNCTIONS:
            methods = [known[1:] for known in FUNCTIONS if known.startswith(".")]
            raise self.fault(node, f"there is no function '{node.value}'", suggestion(node.value, methods))
        return self.resolved(node, name, parts)

    def resolved(self, node: Node, name: str, parts: tuple[Typed, ...]) -> Typed:
        overloads = OPERATORS.get(name) or FUNCTIONS[name]
        found = resolve(name.lstrip("."), overloads, tuple(part.type for part in parts))
        if found is None:
            given = ", ".join(str(settled(part.type)) for part in parts)
            right = " or ".join(dict.fromkeys(overload.words() for overload in overloads))
            if name in ("==", "!=") and any(part.type == NULL for part in parts):
                right = "has(…), which asks whether there is a value"
            raise self.fault(node, f"'{name.lstrip('.')}' does not take ({given})", right[:300])
        return self.folded(node, name, parts, found)

    def folded(self, node: Node, name: str, parts: tuple[Typed, ...], found: Resolution) -> Typed:
        """Read what is written out, so that a mistake in it is found now."""
        result, run, inline = found
        typed = Typed("call", name, parts, result, node.offset, run, inline)
        last = parts[-1]
        if last.kind != "literal" or not isinstance(last.value, str):
            return typed
        try:
            if name in _READ_NOW:
                return Typed("literal", _READ_NOW[name](last.value), (), result, node.offset)
            if name.endswith("matches"):
                return Typed("call", name, parts[:1], BOOL, node.offset, texts.pattern(last.value))
        except EvaluationError as error:
            raise self.fault(node, str(error)) from error
        return typed

    def logic(self, node: Node, parts: tuple[Typed, ...]) -> Typed:
        for part, written in zip(parts, node.parts, strict=True):
            if part.type.name not in _CONDITIONS:
                raise self.fault(written, f"'{node.value}' does not take {article(settled(part.type))}", "a condition")
        return Typed("call", node.value, parts, BOOL, node.offset)

    def choice(self, node: Node, parts: tuple[Typed, ...]) -> Typed:
        if parts[0].type.name not in _CONDITIONS:
            raise self.fault(node.parts[0], f"`?` after {article(settled(parts[0].type))}", "a condition")
        kind = join(parts[1].type, parts[2].type)
        if kind is None:
            given = f"{article(settled(parts[1].type))} or {article(settled(parts[2].type))}"
            raise self.fault(node, f"{given}: both sides of `:` must be of one type", "dyn(…) on both sides")
        return Typed("call", "?:", parts, kind, node.offset)

    def macro(self, node: Node, scope: Scope) -> Typed:
        macro: Macro = node.value
        entries = self.visit(node.parts[0], scope)
        kinds = _bound_types(entries.type, len(macro.variables))
        if kinds is None:
            raise self.fault(node, f"'{macro.name}' of {article(settled(entries.type))}", "a list or a map")
        if self.loops == DEEPEST_LOOPS:
            raise self.fault(node, f"more than {DEEPEST_LOOPS} loops inside each other", "fewer, or several rules")
        places = tuple(self.place() for _ in macro.variables)
        inner = {**scope, **dict(zip(macro.variables, zip(places, kinds, strict=True), strict=True))}
        self.loops += 1
        body = tuple(self.visit(part, inner) for part in node.parts[1:])
        self.loops -= 1
        conditions = body if macro.name not in ("map", "transform_map") else body[:-1]
        for condition, part in zip(conditions, node.parts[1:], strict=False):
            if condition.type.name not in _CONDITIONS:
                raise self.fault(part, f"'{macro.name}' by {article(settled(condition.type))}", "a condition")
        result = _loop_type(macro.name, entries.type, kinds, body[-1].type)
        return Typed("macro", Macro(macro.name, places), (entries, *body), result, node.offset)

    def bind(self, node: Node, scope: Scope) -> Typed:
        value = self.visit(node.parts[0], scope)
        place = self.place()
        body = self.visit(node.parts[1], {**scope, node.value: (place, value.type)})
        return Typed("bind", place, (value, body), body.type, node.offset)

    def place(self) -> str:
        self.count += 1
        return f"m{self.count}"


def _bound_types(kind: Type, count: int) -> tuple[Type, ...] | None:
    """The types of a loop's variables: entries of a list, or keys of a map; of two, position or key and value."""
    if kind.name == "dyn":
        return (DYN,) * count
    if kind.name == "list":
        entry = settled(kind.parameters[0])
        return (entry,) if count == 1 else (INT, entry)
    return tuple(map(settled, kind.parameters[:count])) if kind.name == "map" else None


def _loop_type(name: str, entries: Type, kinds: tuple[Type, ...], body: Type) -> Type:
    if name == "map":
        return list_of(body)
    if name == "transform_map":
        return map_of(INT if entries.name == "list" else kinds[0], body)
    if name == "filter":
        return entries if entries.name == "list" else list_of(kinds[0])
    return BOOL


def _common(items: tuple[Typed, ...]) -> Type:
    kind: Type | None = UNBOUND
    for item in items:
        kind = join(kind, item.type) if kind is not None else None
    return DYN if kind is None else kind


def _method_hint(name: str, kind: str) -> str:
    return f"{name}(…)" if f".{name}" in FUNCTIONS else f"an attribute of a record; this is a {kind}"
