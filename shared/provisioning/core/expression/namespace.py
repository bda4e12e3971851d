"""The names that compiled code may use, and the proof that it uses nothing else.

Compiled code is made of syntax trees. No text of a policy becomes Python text or a Python name: variables are
numbered, texts are constants, functions come from the tables of this package. There are no builtins.
"""

import ast
from collections.abc import Callable
from typing import Any, Final

_CONSTANTS: Final = frozenset({bool, int, float, str, bytes, type(None)})
_NODES: Final = frozenset({
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Expr, ast.Assign, ast.If, ast.Delete, ast.Try,
    ast.ExceptHandler, ast.Pass, ast.Name, ast.Load, ast.Store, ast.Del, ast.Constant, ast.Call, ast.Attribute,
    ast.Subscript, ast.Compare, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add,
    ast.Sub, ast.Mult, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot,
    ast.IfExp, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Lambda, ast.NamedExpr, ast.ListComp, ast.DictComp,
    ast.GeneratorExp, ast.comprehension,
})  # fmt: skip
_METHODS: Final = frozenset({"get", "startswith", "endswith", "append", "sort"})
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class Namespace:
    """Values that compiled code refers to, by name."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"__builtins__": {}}
        self._known: dict[int, str] = {}

    def reference(self, value: Any) -> ast.expr:
        """The expression for a value: a constant if Python has one for it, else a name."""
        if type(value) in _CONSTANTS:
            return ast.Constant(value)
        name = self._known.get(id(value))
        if name is None:
            name = self._known[id(value)] = f"f{len(self._known)}"
            self.values[name] = value  # which keeps it, and so its id, in being
        return ast.Name(name, ast.Load())

    def call(self, function: Callable[..., Any], *arguments: ast.expr) -> ast.expr:
        """A call of a function."""
        return ast.Call(self.reference(function), list(arguments), [])

    def build(self, function: ast.FunctionDef) -> Callable[..., Any]:
        """The function that a tree defines. Raises AssertionError for a tree that this package would not make."""
        setattr(function, "type_params", [])  # noqa: B010  a field since Python 3.12, which types of 3.11 lack
        module = ast.fix_missing_locations(ast.Module([function], []))
        for node in ast.walk(module):
            _prove(node)
        exec(compile(module, "<policy>", "exec"), self.values)  # noqa: S102  what it does is proved above
        built: Callable[..., Any] = self.values[function.name]
        return built


def _prove(node: ast.AST) -> None:
    name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else "x0"
    method = node.attr if isinstance(node, ast.Attribute) else "get"
    numbered = name.isascii() and name[0] in _LETTERS and name[1:].isdigit()
    if type(node) not in _NODES or not numbered or method not in _METHODS:
        raise AssertionError(f"compiled code would hold {ast.dump(node)[:200]}")
