"""What an expression may mention: variables, and the attributes of those that are records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from provisioning.core.errors import InvalidError
from provisioning.core.expression.lexer import RESERVED
from provisioning.core.expression.types import Type

_SHOWN: Final = 20  # names in a suggestion that has nothing similar to offer


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables by name. A list or map of the data holds at most `maximum_list_length` entries unless its type says."""

    variables: Mapping[str, Type]
    maximum_list_length: int = 100

    def __post_init__(self) -> None:
        """Raises InvalidError for a name that no expression could mention."""
        for name in self.variables:
            if not (name.isascii() and name.isidentifier()) or name in RESERVED | {"in", "true", "false", "null"}:
                raise InvalidError(f"{name!r} cannot name a variable", right="letters, digits and _")


def suggestion(name: str, known: Iterable[str]) -> str:
    """What was probably meant, or what there is."""
    import difflib  # here, so that only those pay who mistype

    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    if not names:
        return ""
    return f"one of {', '.join(names[:_SHOWN])}" + (", …" if len(names) > _SHOWN else "")
