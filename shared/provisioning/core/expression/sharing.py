"""Which subexpressions several expressions have in common, and so are computed once.

One that two expressions evaluate whatever the data is computed first. One that is only reached sometimes, and is
dear, is computed when it is first reached.
"""

from collections.abc import Iterable
from typing import Any, Final

from provisioning.core.expression.tree import Typed

_CHEAP: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "!", "len", "same", "-_"})
_OFTEN: Final = 4  # uses that make it worth to remember a cheap one
Key = tuple[Any, ...]


class Use:
    """How often an expression occurs, and how often it is certain to be evaluated."""

    def __init__(self, node: Typed) -> None:
        self.node = node
        self.height = self.total = self.certain = 0


class Sharing:
    """`first` are computed before all else, parts before what they are part of; `later` when first reached."""

    def __init__(self, trees: Iterable[Typed]) -> None:
        self._keys: dict[int, Key] = {}
        self._kept: list[Typed] = []
        self._uses: dict[Key, Use] = {}
        for tree in trees:
            self._count(tree, certain=True)
        worth = {key: use for key, use in self._uses.items() if use.total > 1 and use.node.kind in ("call", "macro")}
        first = sorted((use.height, index, key) for index, (key, use) in enumerate(worth.items()) if use.certain > 1)
        self.first = {key: worth[key].node for _, _, key in first}
        self.later = {
            key: use.node
            for key, use in worth.items()
            if key not in self.first and use.node.type.name == "bool" and (_dear(use.node) or use.total >= _OFTEN)
        }

    def key(self, node: Typed) -> Key:
        """The same for expressions that mean the same."""
        known = self._keys.get(id(node))
        if known is None:
            known = self._keys[id(node)] = _key(node, {})
            self._kept.append(node)  # so that its id stays its own
        return known

    def _count(self, node: Typed, *, certain: bool) -> int:
        if node.kind not in ("call", "macro"):
            return max((self._count(part, certain=certain) for part in _parts(node)), default=0) + 1
        key = self.key(node)
        use = self._uses.get(key)
        if use is None:
            use = self._uses[key] = Use(node)
            conditional = node.kind == "call" and node.run is None
            use.height = 1 + max(
                (
                    self._count(part, certain=certain and not (conditional and index))
                    for index, part in enumerate(_parts(node))
                ),
                default=0,
            )
        use.total += 1
        use.certain += certain
        return use.height


def _parts(node: Typed) -> tuple[Typed, ...]:
    """Parts that are evaluated outside of loops and bindings."""
    return () if node.kind in ("macro", "bind") else node.parts


def _dear(node: Typed) -> bool:
    return node.kind == "macro" or (node.run is not None and node.inline not in _CHEAP)


def _key(node: Typed, bound: dict[str, int]) -> Key:
    value: Any = node.value
    if node.kind == "name":
        value = bound.get(node.value, node.value)
    elif node.kind == "macro":
        bound = bound | {name: len(bound) + index for index, name in enumerate(node.value.variables)}
        value = (node.value.name, len(node.value.variables))
    elif node.kind == "bind":
        bound, value = bound | {node.value: len(bound)}, None
    elif node.kind == "literal":
        value = (type(node.value), repr(node.value))
    return (node.kind, value, id(node.run), str(node.type), *(_key(part, bound) for part in node.parts))
