"""Typed trees → one Python function, built as syntax trees. Policy text never becomes Python text.

Each expression is compiled twice. The fast form is plain Python: `and`, `or`, dictionary look-ups, `any`. If anything
in it raises, the exact form decides: it has CEL's logic, in which true and false win over errors. They agree
whenever the fast one does not raise, so the price of exactness is paid by failures only.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from provisioning.core.expression import functions
from provisioning.core.expression.tree import Typed

Program = Callable[..., list[Any]]

# Everything that compiled code can name. There are no builtins beside these.
_NAMES: Final[Mapping[str, Any]] = {
    **{
        function.__name__: function
        for function in (
            functions.both, functions.bounded, functions.contains_double, functions.divide, functions.divide_double,
            functions.double_of_text, functions.duration, functions.either, functions.every, functions.exact,
            functions.index, functions.instant, functions.int_of_double, functions.int_of_text, functions.lower_ascii,
            functions.matches, functions.remainder, functions.select, functions.some, functions.span,
            functions.text_of_bool, functions.text_of_double, functions.text_of_duration, functions.text_of_timestamp,
            functions.timestamp, functions.upper_ascii, functions.whole,
        )
    },
    **{kind.__name__: kind for kind in (all, any, float, len, str, sum, Exception)},
    "__builtins__": {},
}  # fmt: skip
_COMPARE: Final[Mapping[str, type[ast.cmpop]]] = {
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "in": ast.In,
}  # fmt: skip
_ARITHMETIC: Final[Mapping[str, tuple[type[ast.operator], str]]] = {
    "+": (ast.Add, ""), "-": (ast.Sub, ""), "*": (ast.Mult, ""),
    "+int": (ast.Add, "whole"), "-int": (ast.Sub, "whole"), "*int": (ast.Mult, "whole"),
    "+text": (ast.Add, "bounded"), "+instant": (ast.Add, "instant"), "-instant": (ast.Sub, "instant"),
    "+span": (ast.Add, "span"), "-span": (ast.Sub, "span"),
}  # fmt: skip


def compile_trees(trees: Sequence[Typed], variables: Sequence[str]) -> Program:
    """One function of the variables, in this order; it gives a value, or an EvaluationError, for each tree."""
    body: list[ast.stmt] = []
    for number, tree in enumerate(trees):
        target: list[ast.expr] = [ast.Name(f"r{number}", ast.Store())]
        guarded = _call("exact", _thunk(_Exact().visit(tree)))
        handler = ast.ExceptHandler(_name("Exception"), None, [ast.Assign(target, guarded, lineno=0)])
        body.append(ast.Try([ast.Assign(target, _Fast().visit(tree), lineno=0)], [handler], [], []))
    body.append(ast.Return(ast.List([_name(f"r{number}") for number in range(len(trees))], ast.Load())))
    arguments = ast.arguments([], [ast.arg(f"v_{name}") for name in variables], None, [], [], None, [])
    function = ast.FunctionDef("program", arguments, body, [], None, lineno=0)
    function.type_params = []  # type: ignore[attr-defined]  # a field since Python 3.12; 3.11 ignores it
    module = ast.fix_missing_locations(ast.Module([function], []))
    namespace = dict(_NAMES)
    # The module is made of the node types in this file alone, with names that start with v_, m_, r or stand above.
    exec(compile(module, "<policy>", "exec"), namespace)  # noqa: S102
    program: Program = namespace["program"]
    return program


class _Fast:
    """The fast form: wherever CEL's answer needs more than Python's, it raises."""

    def visit(self, node: Typed) -> ast.expr:
        match node.kind:
            case "literal":
                return ast.Constant(node.value)
            case "name":
                return _name(node.value)
            case "select":
                return self.select(node)
            case "has":
                return ast.Compare(ast.Constant(node.value), [ast.In()], [self.visit(node.parts[0])])
            case "list":
                return ast.List([self.visit(part) for part in node.parts], ast.Load())
            case "macro":
                return self.macro(node)
            case _:
                return self.call(node)

    def select(self, node: Typed) -> ast.expr:
        return ast.Subscript(self.visit(node.parts[0]), ast.Constant(node.value), ast.Load())

    def call(self, node: Typed) -> ast.expr:
        function, parts = node.function, [self.visit(part) for part in node.parts]
        if function in _COMPARE:
            return ast.Compare(parts[0], [_COMPARE[function]()], [parts[1]])
        if function in _ARITHMETIC:
            operator, check = _ARITHMETIC[function]
            made: ast.expr = ast.BinOp(parts[0], operator(), parts[1])
            return _call(check, made) if check else made
        if function in ("&&", "||"):
            return self.logic(function, parts)
        return self.special(function, parts)

    def special(self, function: str, parts: list[ast.expr]) -> ast.expr:
        match function:
            case "!":
                return ast.UnaryOp(ast.Not(), parts[0])
            case "neg":
                return ast.UnaryOp(ast.USub(), parts[0])
            case "neg_int":
                return _call("whole", ast.UnaryOp(ast.USub(), parts[0]))
            case "?:":
                return ast.IfExp(*parts)
            case "contains":
                return ast.Compare(parts[1], [ast.In()], [parts[0]])
            case ".startswith" | ".endswith":
                return ast.Call(ast.Attribute(parts[0], function[1:], ast.Load()), [parts[1]], [])
            case "same":
                return parts[0]
        return _call(function, *parts)

    def logic(self, function: str, parts: list[ast.expr]) -> ast.expr:
        return ast.BoolOp(ast.And() if function == "&&" else ast.Or(), parts)

    def macro(self, node: Typed) -> ast.expr:
        name, variable = node.value
        items, body = (self.visit(part) for part in node.parts)
        target = ast.Name(variable, ast.Store())
        match name:
            case "map":
                return ast.ListComp(body, [ast.comprehension(target, items, [], 0)])
            case "filter":
                return ast.ListComp(_name(variable), [ast.comprehension(target, items, [body], 0)])
            case "exists_one":
                ones = ast.GeneratorExp(ast.Constant(1), [ast.comprehension(target, items, [body], 0)])
                return ast.Compare(_call("sum", ones), [ast.Eq()], [ast.Constant(1)])
        return self.quantifier(name, variable, items, body)

    def quantifier(self, name: str, variable: str, items: ast.expr, body: ast.expr) -> ast.expr:
        target = ast.Name(variable, ast.Store())
        conditions = ast.GeneratorExp(body, [ast.comprehension(target, items, [], 0)])
        return _call("any" if name == "exists" else "all", conditions)


class _Exact(_Fast):
    """The exact form: every fault has its words, and logic absorbs the faults that it should."""

    def select(self, node: Typed) -> ast.expr:
        return _call("select", self.visit(node.parts[0]), ast.Constant(node.value), ast.Constant(_words(node)))

    def logic(self, function: str, parts: list[ast.expr]) -> ast.expr:
        return _call("both" if function == "&&" else "either", *(_thunk(part) for part in parts))

    def quantifier(self, name: str, variable: str, items: ast.expr, body: ast.expr) -> ast.expr:
        arguments = ast.arguments([], [ast.arg(variable)], None, [], [], None, [])
        return _call("some" if name == "exists" else "every", items, ast.Lambda(arguments, body))


def _words(node: Typed) -> str:
    """A selection as its author wrote it."""
    inner = node.parts[0]
    before = _words(inner) if inner.kind == "select" else str(inner.value)[2:] if inner.kind == "name" else "…"
    return f"{before}.{node.value}"


def _name(text: str) -> ast.expr:
    return ast.Name(text, ast.Load())


def _call(function: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(_name(function), list(arguments), [])


def _thunk(body: ast.expr) -> ast.expr:
    return ast.Lambda(ast.arguments([], [], None, [], [], None, []), body)
