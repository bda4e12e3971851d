"""Every error that the engine raises on purpose. The class says what the caller does about it."""

from dataclasses import dataclass


class ProvisioningError(Exception):
    """The root: whatever is not one of these is a defect."""


class TransientError(ProvisioningError):
    """Ours or theirs was not available; nothing was decided. The same work is done again later."""


class ConflictError(ProvisioningError):
    """A conditional write lost its race: somebody else wrote first. Reload and decide again."""


class PermanentError(ProvisioningError):
    """Doing it again cannot help; a person must look. Park it with this reason."""


class StalePolicyError(ProvisioningError):
    """State was decided by a newer bundle than the one in hand. Load the newer one and decide again."""


@dataclass(eq=False)  # not frozen: the interpreter sets __traceback__ on what is raised
class InvalidError(ProvisioningError):
    """Bad input: what, where, and what would be right.

    `where` names the place as its author knows it: a file, a field path, a message id. `line` and `column`
    count from 1; 0 means that the input has none.
    """

    problem: str
    where: str = ""
    line: int = 0
    column: int = 0
    right: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.where, self.line, self.column) if part)
        return (f"{place}: " if place else "") + self.problem + (f" ({self.right})" if self.right else "")
