"""The refusal of a SCIM request (RFC 7644 3.12)."""

from dataclasses import dataclass


@dataclass(eq=False)  # not frozen: the interpreter sets __traceback__ on what is raised
class RefusedError(Exception):
    """A request that is answered by an error: its status, its scimType, and what would be right."""

    status: int
    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.status} {self.kind}: {self.detail}"


def refuse(kind: str, detail: str) -> RefusedError:
    """A 400 with a scimType."""
    return RefusedError(400, kind, detail)
