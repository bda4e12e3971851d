"""Text → tokens, by the lexical grammar of CEL (cel-spec, langdef)."""

import re
from dataclasses import dataclass
from typing import Final

from provisioning.core.expression.errors import ExpressionError

LARGEST: Final = 4096  # characters of one expression

_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\n\r\f]+|//[^\n]*)
    |(?P<string>[rR]?(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
    |(?P<int>0[xX][0-9a-fA-F]+|\d+)(?![\w])
    |(?P<name>[A-Za-z_]\w*)
    |(?P<operator>&&|\|\||==|!=|<=|>=|[<>!+\-*/%?:.,()\[\]])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPE: Final = re.compile(
    r"\\(?:(?P<octal>[0-3][0-7]{2})|[xX](?P<hex>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})"
    r"|U(?P<long>[0-9a-fA-F]{8})|(?P<plain>[abfnrtv\\\"'`?]))"
)
_PLAIN: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
RESERVED: Final = frozenset(
    {
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
        "namespace", "return", "var", "void", "while",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is the group of the grammar; the last token of a text is `end`."""

    kind: str
    text: str
    offset: int


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset."""
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1


def error(text: str, offset: int, problem: str, right: str = "") -> ExpressionError:
    """An error at an offset of the text."""
    line, column = place(text, offset)
    return ExpressionError(problem, "", line, column, right)


def tokens(text: str) -> list[Token]:
    """All tokens. Raises ExpressionError."""
    if len(text) > LARGEST:
        raise ExpressionError(f"{len(text)} characters", "", 1, 1, f"at most {LARGEST}")
    found: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            raise error(text, offset, f"{text[offset]!r} is not part of an expression", _hint(text[offset]))
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match[0], offset))
        offset = match.end()
    return [*found, Token("end", "", len(text))]


def _hint(character: str) -> str:
    if character in "\"'":
        return "a closing quote"
    return {"=": "== compares", "&": "&& is and", "|": "|| is or", "{": "maps are not supported"}.get(character, "")


def unquote(token: Token, text: str) -> str:
    """The value of a string token. Raises ExpressionError for an escape that CEL does not have."""
    body, raw = token.text, token.text[0] in "rR"
    body = body[1:] if raw else body
    width = 3 if body[:3] in ('"""', "'''") else 1
    body = body[width:-width]
    if raw or "\\" not in body:
        return body
    result, position = [], 0
    while position < len(body):
        if body[position] != "\\":
            result.append(body[position])
            position += 1
            continue
        match = _ESCAPE.match(body, position)
        if match is None:
            raise error(
                text, token.offset, f"{body[position : position + 2]!r} is no escape", 'such as \\n or \\", or r"…"'
            )
        result.append(_unescape(match, token, text))
        position = match.end()
    return "".join(result)


def _unescape(match: re.Match[str], token: Token, text: str) -> str:
    if match["plain"]:
        return _PLAIN.get(match["plain"], match["plain"])
    code = int(match["octal"], 8) if match["octal"] else int(match["hex"] or match["short"] or match["long"], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise error(text, token.offset, f"{match[0]} is no character", "a Unicode character")
    return chr(code)
