"""Conditions → one Python function that gives those that hold. What the data cannot reach is not tried.

```
def p0(v0, v1):
    r0 = []
    try: t0 = f0(v1.get("type"))         # the function of the conditions that need this text, if there are any
    except f1: t0 = f2                   # the data is not as declared: that of all of them
    if t0 is not None: t0(r0, v0, v1)
    …                                    # attributes and shared parts of the other conditions, as in a program
    try:
        if a0 > 3 and a1 == "x": r0.append((5, True))
    except f1: f3(r0, v0, v1)            # the exact form
    r0.sort()
    return r0
```

Such a function is compiled when its text is first met, and asks for one more attribute in the same way. A condition
is part of one for each text that it needs, MOST_TEXTS at most, and of one more, for data that is not as declared. So
the code that can be in memory is bounded: (MOST_TEXTS + 1) ** DEPTH copies of a condition, and mostly it is one or two,
however many texts the data holds.
"""

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

from provisioning.core.expression.emit import Plain
from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.logic import FAULTS
from provisioning.core.expression.namespace import Namespace
from provisioning.core.expression.needs import Path
from provisioning.core.expression.places import Hoisted, argument, assign, load
from provisioning.core.expression.program import arguments, exact_form, function
from provisioning.core.expression.sharing import Sharing
from provisioning.core.expression.split import Condition, Split, best
from provisioning.core.expression.tree import Typed

Selection = Callable[..., list[tuple[int, bool | EvaluationError]]]

DEPTH: Final = 2  # attributes that are asked for inside of each other
_NONE: Final = ast.Constant(None)
_TRUE: Final = ast.Constant(value=True)


def select_trees(trees: Sequence[Typed], variables: Sequence[str]) -> Selection:
    """One function of the variables, in this order, that gives the numbers of the trees that are not false."""
    conditions = [Condition(number, tree, tree) for number, tree in enumerate(trees)]
    return _Part(variables).build(conditions, ())


class _Part:
    """Makes functions of the variables for some of the conditions."""

    def __init__(self, variables: Sequence[str]) -> None:
        self.variables = list(variables)

    def build(self, conditions: Sequence[Condition], asked: tuple[Path, ...]) -> Callable[..., Any]:
        """The first, before any attribute is asked for, makes the list; the others append to the one that they get."""
        namespace, others, body = Namespace(), list(conditions), list[ast.stmt]()
        while len(asked) < DEPTH and (split := best(others, asked)) is not None:
            others = split.others
            body += self.dispatch(namespace, split, (*asked, split.path))
        order = [_method("r0", "sort")] if body else []
        places = Hoisted(namespace, self.variables, Sharing(one.left for one in others if one.left is not None))
        form = Plain(namespace, places)
        shared = places.first(form)
        tests = [self.test(namespace, form, condition) for condition in others]
        body += [*places.prelude(), *shared, *tests]
        names = arguments(self.variables)
        if asked:
            return namespace.build(function(["r0", *names], body))
        made = assign("r0", ast.List([], ast.Load()))
        return namespace.build(function(names, [made, *body, *order, ast.Return(load("r0"))]))

    def dispatch(self, namespace: Namespace, split: Split, asked: tuple[Path, ...]) -> list[ast.stmt]:
        """Statements that call the function for the text of an attribute."""
        table: dict[str | None, Callable[..., Any]] = {}
        for conditions, texts in split.groups():
            self.fill(table, texts, conditions, asked)
        whole: dict[str | None, Callable[..., Any]] = {}
        self.fill(whole, [None], split.conditions, asked)
        found = load(argument(self.variables, split.path[0]))
        for name in split.path[1:]:
            found = ast.Call(ast.Attribute(found, "get", ast.Load()), [ast.Constant(name)], [])
        otherwise = assign("t0", namespace.call(whole.get, _NONE))
        there = ast.Compare(load("t0"), [ast.IsNot()], [_NONE])
        call = ast.Call(load("t0"), [load("r0"), *map(load, arguments(self.variables))], [])
        return [
            _attempt(namespace, assign("t0", namespace.call(table.get, found)), otherwise),
            ast.If(there, [ast.Expr(call)], []),
        ]

    def fill(
        self,
        table: dict[str | None, Callable[..., Any]],
        texts: Sequence[str | None],
        conditions: Sequence[Condition],
        asked: tuple[Path, ...],
    ) -> None:
        """Put a function into a table that is compiled, and takes its own place, when it is first called."""

        def first(*values: Any) -> None:
            compiled = self.build(conditions, asked)
            table.update(dict.fromkeys(texts, compiled))
            compiled(*values)

        table.update(dict.fromkeys(texts, first))

    def test(self, namespace: Namespace, form: Plain, condition: Condition) -> ast.stmt:
        """A statement that appends a condition if it holds, or if it has no value."""
        number = ast.Constant(condition.number)
        found = _method("r0", "append", ast.Tuple([number, _TRUE], ast.Load()))
        if condition.left is None:
            return found
        exactly = namespace.call(self.exactly(condition), load("r0"), *map(load, arguments(self.variables)))
        return _attempt(namespace, ast.If(form.condition(condition.left), [found], []), ast.Expr(exactly))

    def exactly(self, condition: Condition) -> Callable[..., None]:
        """The same by the exact form."""
        number, exact = condition.number, exact_form(condition.tree, self.variables)

        def run(found: list[tuple[int, Any]], *values: Any) -> None:
            value = exact(*values)
            if value is True or isinstance(value, EvaluationError):
                found.append((number, value))

        return run


def _attempt(namespace: Namespace, statement: ast.stmt, otherwise: ast.stmt) -> ast.stmt:
    return ast.Try([statement], [ast.ExceptHandler(namespace.reference(FAULTS), None, [otherwise])], [], [])


def _method(target: str, name: str, *values: ast.expr) -> ast.stmt:
    return ast.Expr(ast.Call(ast.Attribute(load(target), name, ast.Load()), list(values), []))
