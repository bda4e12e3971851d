"""What can be wrong with an expression: when it is compiled, and when it is evaluated."""

from dataclasses import dataclass

from provisioning.core.errors import InvalidError, ProvisioningError


@dataclass(eq=False)
class ExpressionError(InvalidError):
    """The text is not an expression of the declared types. Found when a bundle is checked, never in production."""

    def caret(self, text: str) -> str:
        """The line of the text, and a caret below the place."""
        lines = text.splitlines() or [""]
        return f"{lines[min(self.line, len(lines)) - 1]}\n{' ' * (self.column - 1)}^"


class EvaluationError(ProvisioningError):
    """The expression has no value for this data: an attribute is absent, a number overflows."""
