"""Tokens → tree, by recursive descent. Depth is bounded before it recurses, size as it goes."""

from typing import Final

from provisioning.core.expression.errors import ExpressionError
from provisioning.core.expression.lexer import RESERVED, Token, error, tokens, unquote
from provisioning.core.expression.tree import Node

DEEPEST: Final = 40
MOST_NODES: Final = 2000
MACROS: Final = frozenset({"exists", "exists_one", "all", "map", "filter"})
# Binary operators by how tightly they bind; all but `?:` associate to the left.
_LEVELS: Final = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
_SMALLEST_DIGITS: Final = "9223372036854775808"  # allowed after a minus only


def parse(text: str) -> Node:
    """The tree of an expression. Raises ExpressionError with line and column."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.position = text, tokens(text), 0
        self.depth = self.count = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def whole(self) -> Node:
        node = self.ternary()
        if self.token.kind != "end":
            raise self.fault(f"{self.token.text!r} is not expected here", "the end of the expression, or an operator")
        return node

    def fault(self, problem: str, right: str = "", token: Token | None = None) -> ExpressionError:
        return error(self.text, (token or self.token).offset, problem, right)

    def node(self, kind: str, value: object, parts: tuple[Node, ...], offset: int) -> Node:
        self.count += 1
        if self.count > MOST_NODES:
            raise self.fault(f"more than {MOST_NODES} parts", "a shorter expression, or several rules")
        return Node(kind, value, parts, offset)

    def take(self, *texts: str) -> Token | None:
        token = self.token
        if token.kind in ("operator", "name") and token.text in texts:
            self.position += 1
            return token
        return None

    def expect(self, text: str) -> Token:
        token = self.take(text)
        if token is None:
            found = repr(self.token.text) if self.token.text else "the end"
            raise self.fault(f"{found} where {text!r} is expected", repr(text))
        return token

    def ternary(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.fault("too deeply nested", f"at most {DEEPEST} levels")
        node = self.binary(0)
        question = self.take("?")
        if question is not None:
            yes = self.binary(0)
            self.expect(":")
            node = self.node("call", "?:", (node, yes, self.ternary()), question.offset)
        self.depth -= 1
        return node

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        node = self.binary(level + 1)
        while (token := self.take(*_LEVELS[level])) is not None:
            node = self.node("call", token.text, (node, self.binary(level + 1)), token.offset)
        return node

    def unary(self) -> Node:
        signs: list[Token] = []
        while (token := self.take("!", "-")) is not None:
            signs.append(token)
        if len(signs) > DEEPEST:
            raise self.fault("too many signs", f"at most {DEEPEST}")
        if signs and signs[-1].text == "-" and self.token.kind == "int":
            node = self.number(negative=True)
            signs.pop()
        else:
            node = self.member()
        for sign in reversed(signs):
            node = self.node("call", "!" if sign.text == "!" else "neg", (node,), sign.offset)
        return node

    def member(self) -> Node:
        node = self.primary()
        while True:
            if self.take(".") is not None:
                node = self.selected(node)
            elif (token := self.take("[")) is not None:
                node = self.node("index", None, (node, self.ternary()), token.offset)
                self.expect("]")
            else:
                return node

    def selected(self, target: Node) -> Node:
        token = self.token
        if token.kind != "name":
            raise self.fault("a name is missing after the dot", "an attribute or a function")
        self.position += 1
        if self.take("(") is None:
            return self.node("select", token.text, (target,), token.offset)
        if token.text in MACROS:
            return self.macro(token, target)
        return self.node("method", token.text, (target, *self.arguments(")")), token.offset)

    def macro(self, name: Token, target: Node) -> Node:
        variable = self.token
        if variable.kind != "name" or variable.text in RESERVED:
            raise self.fault(f"{name.text} wants a variable first", f"{name.text}(x, …)")
        self.position += 1
        self.expect(",")
        body = self.ternary()
        self.expect(")")
        return self.node("macro", (name.text, variable.text), (target, body), name.offset)

    def arguments(self, closing: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while self.take(closing) is None:
            if found:
                self.expect(",")
                if closing == "]" and self.take(closing) is not None:
                    break
            found.append(self.ternary())
        return tuple(found)

    def primary(self) -> Node:
        token = self.token
        if token.kind == "int":
            return self.number(negative=False)
        self.position += 1
        match token.kind, token.text:
            case "string", _:
                return self.node("literal", unquote(token, self.text), (), token.offset)
            case "double", _:
                return self.node("literal", float(token.text), (), token.offset)
            case "name", "true" | "false":
                return self.node("literal", token.text == "true", (), token.offset)
            case "name", "null":
                return self.node("literal", None, (), token.offset)
            case "name", _:
                return self.named(token)
            case "operator", "(":
                node = self.ternary()
                self.expect(")")
                return node
            case "operator", "[":
                return self.node("list", None, self.arguments("]"), token.offset)
        found = repr(token.text) if token.text else "the end"
        raise self.fault(f"{found} where a value is expected", "a value, a name or a bracket", token)

    def named(self, token: Token) -> Node:
        if token.text in RESERVED or token.text == "in":
            raise self.fault(f"{token.text!r} is a reserved word", "another name", token)
        if self.take("(") is None:
            return self.node("name", token.text, (), token.offset)
        arguments = self.arguments(")")
        if token.text != "has":
            return self.node("call", token.text, arguments, token.offset)
        if len(arguments) != 1 or arguments[0].kind != "select":
            raise self.fault("has asks for one attribute", "has(person.attribute)", token)
        return self.node("has", arguments[0].value, arguments[0].parts, arguments[0].offset)

    def number(self, *, negative: bool) -> Node:
        token = self.token
        self.position += 1
        if len(token.text) > len(_SMALLEST_DIGITS) + 2:
            raise self.fault("the number does not fit 64 bits", "-2^63 to 2^63-1", token)
        value = int(token.text, 0 if token.text[:2] in ("0x", "0X") else 10)
        value = -value if negative else value
        if not -(2**63) <= value < 2**63:
            raise self.fault("the number does not fit 64 bits", "-2^63 to 2^63-1", token)
        return self.node("literal", value, (), token.offset)
