"""What reconcile needs of the outside world."""

from collections.abc import Generator, Sequence
from typing import Protocol, TypeVar

from provisioning.core.catalog import Service
from provisioning.core.reconciled import Reconciled
from provisioning.core.stored import Standing
from provisioning.protocols.dialogue import Answer, Request

Result = TypeVar("Result")


class Standings(Protocol):
    """How all accounts of a service stand."""

    async def standings(self, service: str, start: str | None, most: int) -> tuple[Sequence[Standing], str | None]:
        """Up to `most` accounts after an opaque position, and the next position (None: done): one request a page.

        From an index that lags. An account that changes meanwhile may be in it twice, or not at all.
        """
        ...


class Reconciles(Protocol):
    """Where reconcile keeps how far it has come, its files, and its messages to itself."""

    async def reconciled(self, service: str) -> Reconciled:
        """One consistent read; an empty one if there is none."""
        ...

    async def put_reconciled(self, item: Reconciled) -> None:
        """Write it as its revision + 1: one request. Raises ConflictError unless its revision is stored."""
        ...

    async def continue_reconcile(self, body: str, delay: int = 0) -> None:
        """Send one message to the service's queue of reconcile, to be handled in so many seconds."""
        ...

    async def keep_file(self, name: str, body: bytes) -> None:
        """Store a file of a run, whole or not at all; durable when it returns."""
        ...

    async def file(self, name: str) -> bytes | None:
        """A file of a run; None if there is none."""
        ...

    async def drop_files(self, names: Sequence[str]) -> None:
        """Forget files, whether they are there or not: one request for 1,000."""
        ...


class Asking(Protocol):
    """The way to SPs, for dialogues that only ask."""

    async def drive(self, service: Service, dialogue: Generator[Request, Answer, Result]) -> Result:
        """Drive a dialogue to what comes of it. Never raises for what the SP or the network did."""
        ...
