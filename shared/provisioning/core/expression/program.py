"""Typed trees → one Python function of the variables.

```
def p0(v0, v1):
    try:                         # attributes, once each; what is absent is left unbound,
        a0 = v0.get("type")      # so that using it raises without a test in every rule
        if a0 is None: del a0
    except f0: pass
    try: r0 = a0 == "student" and a1.startswith("arts")
    except f0: r0 = f1(v0, v1)   # the exact form, compiled when it is first needed
    return [r0, …]
```
"""

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

from provisioning.core.expression.emit import Exact, Plain
from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.logic import FAULTS
from provisioning.core.expression.namespace import Namespace
from provisioning.core.expression.places import Direct, Hoisted, assign, load
from provisioning.core.expression.sharing import Sharing
from provisioning.core.expression.tree import Typed
from provisioning.core.expression.types import Type
from provisioning.core.expression.values import native

Program = Callable[..., list[Any]]
_CHANGED: Final = frozenset({"uint", "timestamp", "duration", "type", "dyn", "unbound"})  # when they leave


def compile_trees(trees: Sequence[Typed], variables: Sequence[str]) -> Program:
    """One function of the variables, in this order; it gives a value, or an EvaluationError, for each tree."""
    namespace = Namespace()
    places = Hoisted(namespace, variables, Sharing(trees))
    form = Plain(namespace, places)
    shared = places.first(form)
    results: list[ast.stmt] = []
    for number, tree in enumerate(trees):
        exact = namespace.call(exact_form(tree, variables), *map(load, arguments(variables)))
        value = _leaving(namespace, tree.type, form.visit(tree))
        results.append(places.attempt([assign(f"r{number}", value)], assign(f"r{number}", exact)))
    returned = ast.Return(ast.List([load(f"r{number}") for number in range(len(trees))], ast.Load()))
    return namespace.build(function(arguments(variables), [*places.prelude(), *shared, *results, returned]))


def exact_form(tree: Typed, variables: Sequence[str]) -> Callable[..., Any]:
    """The exact form of one tree, compiled when it is first called. It returns an error as a value."""
    built: list[Callable[..., Any]] = []

    def run(*values: Any) -> Any:
        if not built:
            namespace = Namespace()
            value = Exact(namespace, Direct(namespace, variables)).visit(tree)
            body = ast.Return(_leaving(namespace, tree.type, value))
            built.append(namespace.build(function(arguments(variables), [body])))
        try:
            return built[0](*values)
        except EvaluationError as error:
            error.__traceback__ = error.__context__ = None  # which would keep the data alive
            return error
        except FAULTS as error:
            return EvaluationError(f"the data is not as declared ({type(error).__name__})")

    return run


def _leaving(namespace: Namespace, kind: Type, value: ast.expr) -> ast.expr:
    return namespace.call(native, value) if _changes(kind) else value


def _changes(kind: Type) -> bool:
    return kind.name in _CHANGED or any(map(_changes, kind.parameters))


def arguments(variables: Sequence[str]) -> list[str]:
    """The names under which compiled code has the variables."""
    return [f"v{index}" for index in range(len(variables))]


def function(names: Sequence[str], body: list[ast.stmt]) -> ast.FunctionDef:
    """A function of positional arguments."""
    parameters = ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
    return ast.FunctionDef("p0", parameters, body, [], None, lineno=0)
