"""Expressions as trees: as parsed, and as checked."""

from dataclasses import dataclass
from typing import Any

from provisioning.core.expression.types import Type


@dataclass(frozen=True, slots=True)
class Node:
    """`kind` says what it is, `value` what it names or holds, `parts` what it is made of, `offset` where it begins.

    | kind | value | parts |
    |---|---|---|
    | literal | the value | |
    | name | the variable | |
    | select, has | the attribute | the object |
    | index | | list, position |
    | list | | items |
    | call | the function or operator | arguments |
    | method | the function | target, arguments |
    | macro | (macro's name, variable) | list, body |
    """

    kind: str
    value: Any
    parts: tuple["Node", ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Typed:
    """A checked node: `function` is the overload that runs, where there is one."""

    kind: str
    value: Any
    parts: tuple["Typed", ...]
    type: Type
    function: str = ""
