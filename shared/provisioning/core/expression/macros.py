"""Calls that are loops or bindings. They are told from functions by name and shape while the text is parsed."""

from collections.abc import Mapping
from typing import Any, Final

from provisioning.core.expression.lexer import Token, fault
from provisioning.core.expression.tree import Macro, Node

Parts = tuple[Node, ...]

# By name and number of arguments: how many of them are variables, and what the loop is called in the tree.
_LOOPS: Final[Mapping[tuple[str, int], tuple[int, str]]] = {
    ("all", 2): (1, "all"),
    ("all", 3): (2, "all"),
    ("exists", 2): (1, "exists"),
    ("exists", 3): (2, "exists"),
    ("exists_one", 2): (1, "exists_one"),
    ("exists_one", 3): (2, "exists_one"),
    ("existsOne", 2): (1, "exists_one"),
    ("existsOne", 3): (2, "exists_one"),
    ("filter", 2): (1, "filter"),
    ("map", 2): (1, "map"),
    ("map", 3): (1, "map"),
    ("transformList", 3): (2, "map"),
    ("transformList", 4): (2, "map"),
    ("transformMap", 3): (2, "transform_map"),
    ("transformMap", 4): (2, "transform_map"),
}


def expand(name: Token, target: Node, arguments: Parts, text: str) -> tuple[str, Any, Parts] | None:
    """Kind, value and parts of the node that this call is, or None if it is a function's."""
    if name.text == "bind" and target.kind == "name" and target.value == "cel" and len(arguments) == 3:
        return "bind", _variable(arguments[0], name, text), arguments[1:]
    loop = _LOOPS.get((name.text, len(arguments)))
    if loop is None:
        return None
    count, kind = loop
    variables = tuple(_variable(argument, name, text) for argument in arguments[:count])
    if len(set(variables)) < count:
        raise fault(text, name.offset, f"'{name.text}' binds one variable twice", "two names")
    return "macro", Macro(kind, variables), (target, *arguments[count:])


def _variable(node: Node, name: Token, text: str) -> str:
    if node.kind != "name" or node.value.startswith("."):
        raise fault(text, node.offset, f"'{name.text}' wants a variable first", f"{name.text}(x, …)")
    return str(node.value)
