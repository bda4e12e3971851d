"""Which texts an attribute must hold for a condition to be anything but false.

`affiliation.type == "student" && …` is false for staff, whatever the rest is: false wins over errors. So for another
text in the attribute the condition need not be evaluated. Where the attribute is absent that is an error and the rest
decides, unless `has` of the attribute is a part of the condition too.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from provisioning.core.expression.emit import path_of
from provisioning.core.expression.tree import Typed

Path = tuple[str, ...]
Texts = frozenset[str | None]  # None: it must be evaluated where the attribute is absent

_ABSENT: Final[Texts] = frozenset({None})


def needs(tree: Typed) -> Mapping[Path, Texts]:
    """The attributes on which a condition depends so, each with the texts for which it has to be evaluated."""
    if tree.kind != "call":
        return {}
    if tree.value == "||":
        sides = [needs(part) for part in tree.parts]
        common = [path for path in sides[0] if all(path in side for side in sides)]
        return {path: frozenset[str | None]().union(*(side[path] for side in sides)) for path in common}
    if tree.value != "&&":
        return _equality(tree)
    found: dict[Path, Texts] = {}
    present = set()
    for part in conjuncts(tree):
        if part.kind == "has attribute":
            present.add(path_of(part))
        for path, texts in needs(part).items():
            found[path] = found[path] & texts if path in found else texts
    return {path: texts - _ABSENT if path in present else texts for path, texts in found.items()}


def without(tree: Typed, path: Path) -> Typed | None:
    """What is left of a condition where an attribute holds one of the texts that it needs; None: it holds."""
    parts = conjuncts(tree)
    left = [part for part in parts if not _about(part, path)]
    if len(left) == len(parts):
        return tree
    if len(left) > 1:
        return tree._replace(parts=tuple(left))
    return left[0] if left else None


def conjuncts(tree: Typed) -> list[Typed]:
    """The conditions that a condition joins by `&&`."""
    return list(_conjuncts(tree))


def _conjuncts(tree: Typed) -> Iterator[Typed]:
    if tree.kind == "call" and tree.value == "&&":
        for part in tree.parts:
            yield from _conjuncts(part)
    else:
        yield tree


def _equality(tree: Typed) -> dict[Path, Texts]:
    """`attribute == "text"`, either way round, and `attribute in ["text", …]`."""
    if tree.value == "==":
        for attribute, other in (tree.parts, tree.parts[::-1]):
            path = _attribute(attribute)
            if path is not None and _is_text(other):
                return {path: frozenset({other.value, None})}
    elif tree.value == "in" and tree.parts[1].kind == "list":
        path, entries = _attribute(tree.parts[0]), tree.parts[1].parts
        if path is not None and all(map(_is_text, entries)):
            return {path: frozenset({None, *(entry.value for entry in entries)})}
    return {}


def _attribute(node: Typed) -> Path | None:
    return path_of(node) if node.kind == "select attribute" and node.type.name == "string" else None


def _is_text(node: Typed) -> bool:
    return node.kind == "literal" and isinstance(node.value, str)


def _about(part: Typed, path: Path) -> bool:
    """Whether a condition asks for nothing but the text of an attribute, or whether it is there."""
    if part.kind == "has attribute":
        return path_of(part) == path
    if part.kind != "call":
        return False
    if part.value == "||":
        return all(_about(side, path) and side.kind == "call" for side in part.parts)
    return path in _equality(part)
