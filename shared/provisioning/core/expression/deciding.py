"""Which part of a condition decided: the condition itself, told part by part. For people, not for speed."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from provisioning.core.expression.compile import Expression
from provisioning.core.expression.emit import path_of
from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.parser import parse
from provisioning.core.expression.program import compile_trees
from provisioning.core.expression.tree import Node, Typed

Holds = bool | EvaluationError
_LOGIC: Final = frozenset({"&&", "||", "!", "?:"})


class Part(NamedTuple):
    """A part of a condition as its author wrote it, and whether it holds; `None` if it could not be evaluated.

    `facts`: the attributes that it mentions, with what the data holds; None for what is absent.
    """

    text: str
    holds: bool | None
    error: str = ""
    facts: tuple[tuple[str, Any], ...] = ()


def deciding(expression: Expression) -> Callable[..., tuple[Part, ...]]:
    """A function of the expression's variables, by name: the parts that decided whether the condition holds.

    Of `a && b` that holds both decided; of one that does not, the first that is false, or else the first that could
    not be evaluated. `||` the other way round; of `a ? b : c` the condition and the branch taken; `!` of logic is told
    by what decided that.
    """
    order = sorted(expression.variables)
    root = _Step(expression.text, parse(expression.text), expression.tree, order)

    def run(**variables: Any) -> tuple[Part, ...]:
        return tuple(root.parts([variables[name] for name in order]))

    return run


class _Step:
    """A node of the condition's logic, or below that a part which is told as a whole."""

    def __init__(self, text: str, node: Node, typed: Typed, order: Sequence[str]) -> None:
        self.text, self.typed, self.order = text[node.start : node.end], typed, order
        self.logic = typed.value if _logical(typed) else ""
        pairs = zip(node.parts, typed.parts, strict=True) if self.logic else ()
        self.below = [_Step(text, part, below, order) for part, below in pairs]

    @functools.cached_property
    def _program(self) -> Callable[..., list[Any]]:
        return compile_trees([self.typed], self.order)

    def holds(self, values: Sequence[Any]) -> Holds:
        result: Holds = self._program(*values)[0]
        return result

    def parts(self, values: Sequence[Any]) -> Iterator[Part]:
        if not self.logic:
            yield self._told(values)
        elif self.logic == "?:":
            condition, yes, no = self.below
            taken = condition.holds(values)
            yield from condition.parts(values)
            if not isinstance(taken, EvaluationError):
                yield from (yes if taken else no).parts(values)
        else:
            for step in self._deciders(values):
                yield from step.parts(values)

    def _deciders(self, values: Sequence[Any]) -> Sequence["_Step"]:
        decisive = self.logic == "||"
        found = [(step, step.holds(values)) for step in self.below]
        decided = [step for step, holds in found if holds is decisive]
        failed = [step for step, holds in found if isinstance(holds, EvaluationError)]
        if self.logic == "!":
            return self.below
        return decided[:1] or failed[:1] or self.below

    def _told(self, values: Sequence[Any]) -> Part:
        result = self.holds(values)
        facts = {
            ".".join(path): _found(dict(zip(self.order, values, strict=True)), path) for path in _paths(self.typed)
        }
        if isinstance(result, EvaluationError):
            return Part(self.text, None, str(result), tuple(facts.items()))
        return Part(self.text, result, "", tuple(facts.items()))


def _logical(node: Typed) -> bool:
    """Whether a node is told by its parts: logic, and the negation of logic, but `!has(…)` as it is written."""
    if node.kind != "call" or node.value not in _LOGIC:
        return False
    return node.value != "!" or _logical(node.parts[0])


def _paths(node: Typed) -> Iterator[tuple[str, ...]]:
    path = path_of(node)
    if path is not None:
        yield path
        return
    for part in node.parts:
        yield from _paths(part)


def _found(values: Any, path: Sequence[str]) -> Any:
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values
