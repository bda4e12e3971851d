"""Text → a checked expression, and expressions → a program."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from provisioning.core.errors import InvalidError
from provisioning.core.expression.check import check
from provisioning.core.expression.cost import limit
from provisioning.core.expression.environment import Environment
from provisioning.core.expression.errors import EvaluationError, ExpressionError
from provisioning.core.expression.parser import parse
from provisioning.core.expression.places import argument
from provisioning.core.expression.program import Program, compile_trees
from provisioning.core.expression.selection import Selection, select_trees
from provisioning.core.expression.tree import Typed
from provisioning.core.expression.types import BOOL, DYN, Type, settled
from provisioning.core.expression.values import Value


@dataclass(frozen=True)  # without slots, so that its function can be kept when it is first needed
class Expression:
    """Checked text. `variables` are the declared variables that it mentions."""

    text: str
    type: Type
    variables: frozenset[str]
    tree: Typed = field(repr=False, compare=False)

    def evaluate(self, /, **variables: Any) -> Value:
        """Its value for this data: plain Python, with timestamps and durations as text as in JSON.

        Raises EvaluationError if it has none: an attribute is absent, a number overflows, a variable is not given.
        """
        order, program = self._program
        missing = [name for name in order if name not in variables]
        if missing:
            raise EvaluationError(f"no value is given for {', '.join(missing)}")
        (result,) = program(*(variables[name] for name in order))
        if isinstance(result, EvaluationError):
            raise result
        return result

    def reads(self, variable: str) -> frozenset[str]:
        """The attributes of a variable that it reads, or asks for; `*` if it takes the variable as a whole."""
        return frozenset(_read(self.tree, f"v{variable}"))

    @cached_property
    def _program(self) -> tuple[list[str], Program]:
        order = sorted(self.variables)
        return order, compile_trees([self.tree], order)


def compile_expression(
    text: str,
    environment: Environment,
    *,
    where: str = "",
    line: int = 1,
    column: int = 1,
    expects: Type | None = None,
) -> Expression:
    """Parse and check a text. `where` names its file; `line` and `column` are where in it the text begins, from 1.

    Raises ExpressionError at the part that is wrong, with what would be right: for its syntax, for a name that is
    not declared, for types that do not fit or are not what is expected, and for what could run long.
    """
    try:
        tree = check(text, parse(text), environment, expects)
        limit(text, tree, environment)
    except ExpressionError as error:
        error.where = where
        error.line += line - 1
        error.column += column - 1  # a block in YAML begins all its lines in one column
        raise
    return Expression(text, settled(tree.type), frozenset(_mentioned(tree)), tree)


def compile_program(expressions: Sequence[Expression], variables: Sequence[str]) -> Program:
    """One Python function for all expressions: positional arguments in the order of `variables`.

    It gives one entry for each expression, in order: its value, or its EvaluationError as a value; it never raises
    one. What several expressions have in common is computed once. Raises InvalidError if an expression mentions a
    variable that is no argument.
    """
    return compile_trees([expression.tree for expression in expressions], variables)


def compile_selection(expressions: Sequence[Expression], variables: Sequence[str]) -> Selection:
    """One Python function for all conditions: positional arguments in the order of `variables`.

    It gives, in order, the position of each expression that holds, with True, and of each that has no value, with its
    EvaluationError: what compile_program gives, without what is not true. Expressions that cannot hold because of the
    text of an attribute are not tried. Raises InvalidError for an expression that cannot be a bool by its type, and if
    one mentions a variable that is no argument.
    """
    for expression in expressions:
        if expression.type not in (BOOL, DYN):
            raise InvalidError(f"the expression is a {expression.type}", right="a bool")
    for name in sorted(frozenset().union(*(expression.variables for expression in expressions))):
        argument(variables, name)
    return select_trees([expression.tree for expression in expressions], variables)


def _read(tree: Typed, name: str) -> set[str]:
    if tree.kind == "name":
        return {"*"} if tree.value == name else set()
    if tree.kind in ("select attribute", "has attribute") and tree.parts[0].value == name:
        return {tree.value}
    return set().union(*(_read(part, name) for part in tree.parts))


def _mentioned(tree: Typed) -> set[str]:
    if tree.kind == "name":
        return {tree.value[1:]} if tree.value.startswith("v") else set()
    return set().union(*map(_mentioned, tree.parts))
