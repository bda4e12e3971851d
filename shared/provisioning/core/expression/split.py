"""Conditions by the text of one attribute: which are worth to be told apart by it, and which are tried for a text."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from provisioning.core.expression.needs import Path, Texts, needs, without
from provisioning.core.expression.tree import Typed

MOST_TEXTS: Final = 10  # that a condition may need, to be told apart by them; others are found by a hash as well
_GAIN: Final = 3  # conditions less to try, for which it is worth to look at an attribute


class Condition(NamedTuple):
    """`number`: its place among all. `left`: what of it is still to be tested; None: nothing, it holds."""

    number: int
    tree: Typed
    left: Typed | None


class Split(NamedTuple):
    """The conditions that need texts of one attribute, with those; and the other conditions."""

    path: Path
    needing: Sequence[tuple[Condition, Texts]]
    others: list[Condition]

    @property
    def conditions(self) -> list[Condition]:
        """Those that need texts, for data that is not as declared."""
        return [condition for condition, _ in self.needing]

    def groups(self) -> Iterator[tuple[list[Condition], list[str | None]]]:
        """The conditions to try, and for which texts (None: without one). Other texts make all of them false."""
        numbers: dict[str | None, list[int]] = {}
        for index, (_, texts) in enumerate(self.needing):
            for text in texts:
                numbers.setdefault(text, []).append(index)
        alike: dict[tuple[bool, tuple[int, ...]], list[str | None]] = {}
        for text, indexes in numbers.items():
            alike.setdefault((text is None, tuple(indexes)), []).append(text)
        for (absent, wanted), same in alike.items():
            tried = [self.needing[index][0] for index in wanted]
            yield tried if absent else [_known(condition, self.path) for condition in tried], same


def best(conditions: Sequence[Condition], known: Collection[Path]) -> Split | None:
    """By the attribute that leaves the fewest conditions to try, if one makes a difference that is not `known` yet.

    Which texts the data will hold is not known: the texts that are needed, and one more that is not, count alike.
    """
    needing: dict[Path, list[tuple[Condition, Texts]]] = {}
    for condition in conditions:
        for path, texts in needs(condition.left).items() if condition.left is not None else ():
            if path not in known and len(texts) <= MOST_TEXTS:
                needing.setdefault(path, []).append((condition, texts))
    gain, path = max(((_gain(found), path) for path, found in needing.items()), default=(0.0, ()))
    if gain < _GAIN:
        return None
    numbers = {condition.number for condition, _ in needing[path]}
    others = [condition for condition in conditions if condition.number not in numbers]
    return Split(path, needing[path], others)


def _gain(found: Sequence[tuple[Condition, Texts]]) -> float:
    known = [texts - {None} for _, texts in found]
    return len(found) - sum(map(len, known)) / (len(frozenset().union(*known)) + 1)


def _known(condition: Condition, path: Path) -> Condition:
    left = without(condition.left, path) if condition.left is not None else None
    return Condition(condition.number, condition.tree, left)
