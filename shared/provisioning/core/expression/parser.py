"""Tokens → tree, by recursive descent. Depth is bounded before it recurses, size as it goes."""

from typing import Any, Final

from provisioning.core.expression.errors import ExpressionError
from provisioning.core.expression.lexer import RESERVED, Token, fault, tokens
from provisioning.core.expression.literals import number_of, text_of
from provisioning.core.expression.macros import expand
from provisioning.core.expression.tree import Node

DEEPEST: Final = 48  # brackets and conditions inside each other
DEEPEST_TREE: Final = 100  # operators inside each other
MOST_NODES: Final = 4_000
# Binary operators by how tightly they bind. All associate to the left.
_BINDING: Final = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5,
}  # fmt: skip
_WORDS: Final = {"true": True, "false": False, "null": None}


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
        node = self.expression()
        if self.token.kind != "end":
            raise self.fault(f"{self.token.text!r} is not expected here", "an operator, or the end")
        return node

    def fault(self, problem: str, right: str = "", token: Token | None = None) -> ExpressionError:
        return fault(self.text, (token or self.token).offset, problem, right)

    def node(self, kind: str, value: Any, parts: tuple[Node, ...], offset: int, start: int | None = None) -> Node:
        """A node that ends with the token before this one, and starts at its offset unless told otherwise."""
        self.count += 1
        depth = 1 + max((part.depth for part in parts), default=0)
        if self.count > MOST_NODES or depth > DEEPEST_TREE:
            limit = f"{MOST_NODES} parts" if self.count > MOST_NODES else f"{DEEPEST_TREE} operations inside each other"
            raise fault(self.text, offset, f"more than {limit}", "a shorter expression, or several rules")
        last = self.tokens[self.position - 1]
        return Node(kind, value, parts, offset, depth, offset if start is None else start, last.offset + len(last.text))

    def take(self, text: str) -> Token | None:
        token = self.token
        if token.text == text and token.kind == "operator":
            self.position += 1
            return token
        return None

    def expect(self, text: str) -> Token:
        token = self.take(text)
        if token is None:
            raise self.fault(f"{_shown(self.token)} where '{text}' is expected", f"'{text}'")
        return token

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.fault("too deeply nested", f"at most {DEEPEST} levels")
        start = self.token.offset
        node = self.binary(1)
        question = self.take("?")
        if question is not None:
            yes = self.binary(1)
            self.expect(":")
            node = self.node("call", "?:", (node, yes, self.expression()), question.offset, start)
        self.depth -= 1
        return node

    def binary(self, lowest: int) -> Node:
        start = self.token.offset
        node = self.unary()
        while (binding := self.binding()) >= lowest:
            token = self.token
            self.position += 1
            right = self.binary(binding + 1)
            if token.text in ("&&", "||") and self.continues(node, token):
                node = self.node("call", token.text, (*node.parts, right), node.offset, start)
            else:
                node = self.node("call", token.text, (node, right), token.offset, start)
        return node

    def binding(self) -> int:
        token = self.token
        return _BINDING.get(token.text, 0) if token.kind in ("operator", "name") else 0

    def continues(self, node: Node, token: Token) -> bool:
        """Whether `a && b` goes on, so that a long chain is wide and not deep. Brackets make no difference to it."""
        return node.kind == "call" and node.value == token.text

    def unary(self) -> Node:
        signs: list[Token] = []
        while (token := self.take("!") or self.take("-")) is not None:
            signs.append(token)
            if len(signs) > DEEPEST:
                raise self.fault("too many signs", f"at most {DEEPEST}")
        negative = bool(signs) and signs[-1].text == "-" and self.token.kind in ("int", "double")
        if negative and not self.token.text.endswith(("u", "U")):
            signs.pop()
            node = self.member(negative=True)
        else:
            node = self.member()
        for sign in reversed(signs):
            node = self.node("call", "!" if sign.text == "!" else "-_", (node,), sign.offset)
        return node

    def member(self, *, negative: bool = False) -> Node:
        start = self.token.offset
        node = self.primary(negative=negative)
        while True:
            if self.take(".") is not None:
                node = self.selected(node, start)
            elif (token := self.take("[")) is not None:
                self.refuse_optional()
                parts = (node, self.expression())
                self.expect("]")
                node = self.node("call", "[]", parts, token.offset, start)
            elif self.token.text == "{" and node.kind in ("name", "select"):
                raise self.fault("messages cannot be made here", "a map such as {'name': value}")
            else:
                return node

    def refuse_optional(self) -> None:
        if self.token.text == "?":
            raise self.fault("optional values are not supported", "has(person.attribute) asks")

    def selected(self, target: Node, start: int) -> Node:
        token = self.token
        self.refuse_optional()
        if token.kind not in ("name", "quoted") or token.text == "in":
            raise self.fault("a name is missing after the dot", "an attribute or a function")
        self.position += 1
        if token.kind == "quoted" or self.take("(") is None:
            return self.node("select", token.text.strip("`"), (target,), token.offset, start)
        arguments = self.arguments(")")
        expanded = expand(token, target, arguments, self.text)
        if expanded is None:
            return self.node("method", token.text, (target, *arguments), token.offset, start)
        kind, value, parts = expanded
        return self.node(kind, value, parts, token.offset, start)

    def arguments(self, closing: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while self.take(closing) is None:
            if found:
                self.expect(",")
                if closing == "]" and self.take(closing) is not None:
                    break
            self.refuse_optional()
            found.append(self.expression())
        return tuple(found)

    def entries(self, opening: Token) -> Node:
        found: list[Node] = []
        while self.take("}") is None:
            if found:
                self.expect(",")
                if self.take("}") is not None:
                    break
            self.refuse_optional()
            found.append(self.expression())
            self.expect(":")
            found.append(self.expression())
        return self.node("map", None, tuple(found), opening.offset)

    def primary(self, *, negative: bool = False) -> Node:
        token = self.token
        self.position += 1
        if token.kind in ("int", "double"):
            value = number_of(token, self.text, negative=negative)
            return self.node("literal", value, (), token.offset)
        if token.kind in ("string", "raw"):
            return self.node("literal", text_of(token, self.text), (), token.offset)
        if token.kind == "name":
            return self.named(token)
        if token.kind == "operator":
            if token.text == "(":
                node = self.expression()
                self.expect(")")
                return node
            if token.text == "[":
                return self.node("list", None, self.arguments("]"), token.offset)
            if token.text == "{":
                return self.entries(token)
            if token.text == "." and self.token.kind == "name":
                return self.absolute()
        raise self.fault(f"{_shown(token)} where a value is expected", "a value, a name or a bracket", token)

    def absolute(self) -> Node:
        token = self.token
        self.position += 1
        if token.text in RESERVED:
            raise self.fault(f"'{token.text}' is a reserved word", "another name", token)
        return self.node("name", "." + token.text, (), token.offset)

    def named(self, token: Token) -> Node:
        if token.text in _WORDS:
            return self.node("literal", _WORDS[token.text], (), token.offset)
        if token.text in RESERVED or token.text == "in":
            raise self.fault(f"'{token.text}' is a reserved word", "another name", token)
        if self.take("(") is None:
            return self.node("name", token.text, (), token.offset)
        arguments = self.arguments(")")
        if token.text != "has":
            return self.node("call", token.text, arguments, token.offset)
        if len(arguments) != 1 or arguments[0].kind != "select":
            raise self.fault("`has` asks for one attribute", "has(person.attribute)", token)
        return self.node("has", arguments[0].value, arguments[0].parts, arguments[0].offset, token.offset)


def _shown(token: Token) -> str:
    return f"'{token.text}'" if token.text else "the end"
