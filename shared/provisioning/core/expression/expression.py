"""A compiled expression, and programs of many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.core.expression.check import Environment, check
from provisioning.core.expression.compile import Program, compile_trees
from provisioning.core.expression.errors import EvaluationError, ExpressionError
from provisioning.core.expression.parser import parse
from provisioning.core.expression.tree import Typed
from provisioning.core.expression.types import Type


@dataclass(frozen=True, slots=True)
class Expression:
    """Checked text. `variables`: the declared variables that it mentions."""

    text: str
    tree: Typed
    variables: frozenset[str]

    @property
    def type(self) -> Type:
        """What it evaluates to."""
        return self.tree.type

    def evaluate(self, **variables: Any) -> Any:
        """Its value for these variables. Raises EvaluationError."""
        (result,) = compile_trees([self.tree], tuple(variables))(*variables.values())
        if isinstance(result, EvaluationError):
            raise result
        return result


def compile_expression(
    text: str, environment: Environment, *, where: str = "", expects: Type | None = None
) -> Expression:
    """Parse and check a text. Raises ExpressionError with `where`, line and column, and what would be right."""
    try:
        tree = check(text, parse(text), environment, expects)
    except ExpressionError as error:
        error.where = where
        raise
    return Expression(text, tree, frozenset(_mentions(tree)))


def _mentions(tree: Typed) -> set[str]:
    names = {tree.value[2:]} if tree.kind == "name" and tree.value.startswith("v_") else set()
    return names.union(*(_mentions(part) for part in tree.parts)) if tree.parts else names


def compile_program(expressions: Sequence[Expression], variables: Sequence[str]) -> Program:
    """One function for all of them: positional variables in, a value or an EvaluationError for each out."""
    return compile_trees([expression.tree for expression in expressions], variables)
