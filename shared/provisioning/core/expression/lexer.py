"""Text → tokens, by the lexical grammar of CEL (cel-spec, langdef). Bounded in size before anything is read."""

import re
from functools import cache
from typing import Final, NamedTuple

from provisioning.core.expression.errors import ExpressionError

LARGEST_TEXT: Final = 16_384  # characters of one expression
RESERVED: Final = frozenset({
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
    "namespace", "return", "var", "void", "while",
})  # fmt: skip

_GRAMMAR: Final = r"""
    (?P<space>[ \t\n\r\f]+|//[^\n]*)
    |(?P<raw>(?:[rR][bB]?|[bB][rR])(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|"[^"\r\n]*"|'[^'\r\n]*'))
    |(?P<string>[bB]?(?:\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|'''(?:\\[\s\S]|[^\\])*?'''
        |"(?:\\[^\r\n]|[^"\\\r\n])*"|'(?:\\[^\r\n]|[^'\\\r\n])*'))
    |(?P<double>(?:[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)(?!\w))
    |(?P<int>(?:0x[0-9a-fA-F]+|[0-9]+)[uU]?(?!\w))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<quoted>`[A-Za-z0-9_./\- ]+`)
    |(?P<operator>&&|\|\||==|!=|<=|>=|[<>!+\-*/%?:.,()\[\]{}])
"""
_HINTS: Final = {"=": "`==` compares", "&": "`&&` is and", "|": "`||` is or", "#": "`//` begins a comment"}


class Token(NamedTuple):
    """`kind` is the group of the grammar; the last token of a text is `end`."""

    kind: str
    text: str
    offset: int


def fault(text: str, offset: int, problem: str, right: str = "") -> ExpressionError:
    """An error at an offset of the text; line and column count from 1 within the text."""
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return ExpressionError(problem, "", line, column, right, offset)


def tokens(text: str) -> list[Token]:
    """All tokens. Raises ExpressionError at what is none."""
    if len(text) > LARGEST_TEXT:
        raise ExpressionError(f"the expression has {len(text)} characters", "", 1, 1, f"at most {LARGEST_TEXT}")
    match = _grammar().match
    found: list[Token] = []
    offset = 0
    while offset < len(text):
        token = match(text, offset)
        if token is None:
            raise fault(text, offset, f"{text[offset]!r} is not part of an expression here", _hint(text[offset]))
        if token.lastgroup != "space":
            found.append(Token(str(token.lastgroup), token[0], offset))
        offset = token.end()
    return [*found, Token("end", "", len(text))]


@cache
def _grammar() -> re.Pattern[str]:
    return re.compile(_GRAMMAR, re.VERBOSE)


def _hint(character: str) -> str:
    if character in "\"'":
        return "a closing quote"
    return "a number and then an operator" if character.isdigit() else _HINTS.get(character, "")
