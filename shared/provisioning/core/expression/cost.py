"""How long an expression can take, and how large a value it can make, before it ever runs.

Both are bounded from the longest lists that the data may hold. A step is about what one comparison costs. Text that
is made costs by its characters, so that what all steps make together is bounded too: loops cannot fill the memory.
"""

from functools import reduce
from typing import Final, NamedTuple

from provisioning.core.expression.environment import Environment
from provisioning.core.expression.lexer import fault
from provisioning.core.expression.normalizers import MOST_ASCII, MOST_FOLDED
from provisioning.core.expression.texts import MOST_PARTS, MOST_TEXT
from provisioning.core.expression.tree import Typed
from provisioning.core.expression.types import Type

MOST_STEPS: Final = 100_000
MOST_ENTRIES: Final = 100_000  # of one value, with all entries of its entries
_PATTERN: Final = 20  # steps of one `matches`, beside those for its text
_TEXT: Final = 2_048  # characters of one value of the data: the usual limit of those who let it in
_NUMBER: Final = 320  # characters of a number or a time that is written out
_CHARACTERS: Final = 1_024  # that one step makes
_PHONE: Final = 1_000  # steps of reading one telephone number, of whatever length
_LETTERS: Final = 2  # characters that one step transliterates
_MATCHED: Final = 64  # characters that one step matches
_DEEPEST: Final = 4  # lists inside lists of values whose type is not declared


class Size(NamedTuple):
    """The most entries of a value, and the size of the largest of them; of a text, its characters."""

    length: int = 0
    entry: "Size | None" = None
    text: int = 0

    @property
    def weight(self) -> int:
        """All entries at every depth, with the value itself."""
        return 1 + self.length * (self.entry.weight if self.entry is not None else 1)

    @property
    def written(self) -> int:
        """Characters, if all of it is written out."""
        return max(self.text, _NUMBER) + self.length * (self.entry.written if self.entry is not None else _NUMBER)


Bound = tuple[int, Size]  # the most steps of an expression, and the size of what it gives
_SCALAR: Final = Size()
_TEXTS: Final = ("string", "bytes")
_PASSING: Final = ("[]", "?:", "dyn")  # make nothing: what they give is one of their arguments


def limit(text: str, tree: Typed, environment: Environment) -> None:
    """Refuse what could take long or grow large. Raises ExpressionError at the outermost part that could."""
    _Estimate(text, environment.maximum_list_length).visit(tree, {})


class _Estimate:
    def __init__(self, text: str, longest: int) -> None:
        self.text, self.longest = text, longest

    def visit(self, node: Typed, scope: dict[str, Size]) -> Bound:
        if node.kind == "macro":
            bound = self.macro(node, scope)
        elif node.kind == "bind":
            value = self.visit(node.parts[0], scope)
            body = self.visit(node.parts[1], {**scope, node.value: value[1]})
            bound = (value[0] + body[0], body[1])
        else:
            bound = self.plain(node, [self.visit(part, scope) for part in node.parts], scope)
        steps, weight = bound[0], bound[1].weight
        made = node.kind not in ("name", "select", "select attribute")  # what the data holds was let in before
        if steps > MOST_STEPS or (made and weight > MOST_ENTRIES):
            long = steps > MOST_STEPS
            problem = f"up to {steps} steps" if long else f"a value of up to {weight} entries"
            right = f"at most {MOST_STEPS if long else MOST_ENTRIES}: fewer loops inside loops, or a smaller maximum"
            raise fault(self.text, node.offset, problem, right)
        return bound

    def macro(self, node: Typed, scope: dict[str, Size]) -> Bound:
        reached, entries = self.visit(node.parts[0], scope)
        length, entry = entries.length, entries.entry or _SCALAR
        if node.parts[0].type.name == "dyn":
            length, entry = length or self.longest, entries.entry or Size(self.longest)
        inner = {**scope, **dict.fromkeys(node.value.variables, entry)}
        body = [self.visit(part, inner) for part in node.parts[1:]]
        steps = reached + 1 + length * (1 + sum(each for each, _ in body))
        match node.value.name:
            case "map" | "transform_map":
                return (steps, Size(length, body[-1][1]))
            case "filter":
                return (steps, Size(length, entry))
        return (steps, _SCALAR)

    def plain(self, node: Typed, parts: list[Bound], scope: dict[str, Size]) -> Bound:
        steps = 1 + sum(each for each, _ in parts)
        sizes = [size for _, size in parts]
        if node.kind == "name":
            return (steps, scope.get(node.value) or self.declared(node.type))
        if node.kind in ("list", "map"):
            entries = sizes[1::2] if node.kind == "map" else sizes
            return (steps, Size(len(entries), reduce(_larger, entries, _SCALAR)))
        if node.kind == "call":
            size = self.result(node, sizes)
            made = size.text if node.type.name in _TEXTS and node.value not in _PASSING else 0
            return (steps + self.beyond(node, sizes) + made // _CHARACTERS, size)
        return (steps, self.selected(node, sizes))

    def beyond(self, node: Typed, sizes: list[Size]) -> int:
        """Steps beyond one: going through the entries of arguments."""
        if node.value in (".matches", "matches"):
            return _PATTERN + sizes[0].text // _MATCHED
        if node.value == ".phone":
            return _PHONE
        if node.value == ".ascii":
            return sizes[0].text // _LETTERS
        if node.value in ("size", ".size", "&&", "||", *_PASSING):
            return 0
        return sum(size.weight - 1 for size in sizes)

    def result(self, node: Typed, sizes: list[Size]) -> Size:
        match node.value:
            case "+":
                entry = _larger(*(size.entry or _SCALAR for size in sizes))
                return Size(sizes[0].length + sizes[1].length, entry, min(MOST_TEXT, sizes[0].text + sizes[1].text))
            case "?:":
                return _larger(sizes[1], sizes[2])
            case "[]":
                return sizes[0].entry or _SCALAR
            case "dyn":
                return sizes[0]
            case ".split":
                return Size(MOST_PARTS, Size(text=sizes[0].text))
        if node.type.name in _TEXTS:
            return Size(text=min(MOST_TEXT, _made(node.value, sizes)))
        return _SCALAR if node.type.name not in ("list", "map", "dyn") else reduce(_larger, sizes, _SCALAR)

    def selected(self, node: Typed, sizes: list[Size]) -> Size:
        if node.kind == "select":
            return sizes[0].entry or _SCALAR
        if node.kind == "literal" and isinstance(node.value, str | bytes):
            return Size(text=len(node.value))
        return self.declared(node.type) if node.kind == "select attribute" else _SCALAR

    def declared(self, kind: Type, depth: int = 0) -> Size:
        """The size of data of a type."""
        length = self.longest if kind.maximum is None else kind.maximum
        if kind.name in ("list", "map"):
            return Size(length, self.declared(kind.parameters[-1], depth + 1))
        if kind.name == "dyn" and depth < _DEEPEST:
            return Size(length, Size(text=_TEXT), _TEXT)
        if kind.name in (*_TEXTS, "dyn"):
            return Size(text=_TEXT)
        if kind.name == "record":
            return Size(len(kind.attributes))
        return _SCALAR


def _made(function: str, sizes: list[Size]) -> int:
    """How many characters a function makes at most."""
    first = sizes[0]
    match function:
        case ".replace":
            return first.text + (first.text + 1) * sizes[2].text
        case ".join":
            return first.written + first.length * (sizes[1].text if len(sizes) > 1 else 0)
        case ".format":
            return first.text + sizes[1].written
        case "strings.quote" | "base64.encode" | "base64.decode":
            return 2 * first.text + 4
        case "string" | "bytes":
            return first.written
        case ".ascii":
            return MOST_ASCII * first.text
        case ".nfc" | ".lower" | ".upper" | ".capitalized":
            return MOST_FOLDED * first.text
    return first.text


def _larger(one: Size, other: Size) -> Size:
    length, text = max(one.length, other.length), max(one.text, other.text)
    if one.entry is None or other.entry is None:
        return Size(length, one.entry or other.entry, text)
    return Size(length, _larger(one.entry, other.entry), text)
