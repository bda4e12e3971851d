"""What can be wrong with an expression: when it is compiled, and when it is evaluated."""

from dataclasses import dataclass

from provisioning.core.errors import InvalidError, ProvisioningError


@dataclass(eq=False)  # not frozen: the interpreter sets __traceback__ on what is raised
class ExpressionError(InvalidError):
    """The text is no expression of the declared types. Found when a bundle is checked, never in production.

    `line` and `column` count from 1 and point into the author's file; `offset` counts characters of the text.
    """

    offset: int = 0

    def caret(self, text: str) -> str:
        """Two lines: the line of the expression's text that is wrong, and a caret below the place."""
        start = text.rfind("\n", 0, self.offset) + 1
        end = text.find("\n", self.offset)
        return f"{text[start : end if end >= 0 else len(text)]}\n{' ' * (self.offset - start)}^"


class EvaluationError(ProvisioningError):
    """The expression has no value for this data: an attribute is absent, a number overflows, a key is missing.

    `absent`: an attribute that it needs is absent, which may be all right; anything else never is.
    """

    def __init__(self, problem: str, *, absent: bool = False) -> None:
        super().__init__(problem)
        self.absent = absent
