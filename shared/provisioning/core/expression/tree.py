"""Expressions as trees: as parsed, and as checked."""

from collections.abc import Callable
from typing import Any, NamedTuple

from provisioning.core.expression.types import Type


class Node(NamedTuple):
    """`kind` says what it is, `value` what it names or holds, `parts` what it is made of, `offset` where to point.

    `text[start:end]` is how its author wrote it, without brackets around it.

    | kind | value | parts |
    |---|---|---|
    | literal | the value | |
    | name | the variable; `.x` is x of the outermost scope | |
    | select, has | the attribute | the object |
    | list | | entries |
    | map | | key, value, key, value, … |
    | call | the function or operator | arguments; of && and || two or more |
    | method | the function | target, arguments |
    | macro | Macro | range, [condition], body |
    | bind | the variable | its value, body |
    """

    kind: str
    value: Any
    parts: tuple["Node", ...]
    offset: int
    depth: int = 1  # of the tree below, itself included
    start: int = 0
    end: int = 0


class Macro(NamedTuple):
    """A loop: what it does with its range, and the variables that it binds, one or two."""

    name: str
    variables: tuple[str, ...]


class Typed(NamedTuple):
    """A checked node.

    `run` computes a call from its arguments, exactly; `inline` names a Python form that does the same for arguments
    of the static types, or raises. A name's `value` is its place: `v` and the name of a variable, or `m` and a
    number for what a loop binds. A `path` is an attribute reached from a variable through records alone.
    """

    kind: str
    value: Any
    parts: tuple["Typed", ...]
    type: Type
    offset: int
    run: Callable[..., Any] | None = None
    inline: str = ""
