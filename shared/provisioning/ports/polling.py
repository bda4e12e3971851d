"""What poll needs of the outside world."""

from collections.abc import Sequence
from typing import Protocol

from provisioning.core.file_names import StoredFile
from provisioning.core.polled import Polled
from provisioning.core.source import Item, Page


class Extraction(Protocol):
    """A source that is asked. Opened for one invocation, which may ask as often as there is time.

    Whatever the source or the network cannot do now raises TransientError; what is wrong with the configuration, or
    with a file as a whole, InvalidError that names the option, or the file, and what would be right. One bad subject
    is no error: it is in the page's `spoiled`. Every answer is bounded in size, depth and time.
    """

    async def begin(self) -> str | None:
        """The place from which `changes` shows everything that happens from now on; None: it can show no changes."""
        ...

    async def changes(self, position: str) -> Page:
        """What changed since a place, in any order; the same subject may come more than once, also again.

        A place that is of no use any more is no error: the page says `lost`.
        """
        ...

    async def fetch(self, keys: Sequence[str]) -> Sequence[Item]:
        """These subjects as they are now, one item for each distinct key, without fields if there is none."""
        ...

    async def snapshot(self, position: str | None) -> Page:
        """All subjects, page by page; from None, from the beginning. The last page has evidence.

        A subject that neither came nor went while the pages were read is in exactly one page, or in several.
        """
        ...


class Polls(Protocol):
    """Where poll keeps how far it has come, and its messages to itself."""

    async def polled(self, source: str) -> Polled:
        """One consistent read; an empty one if there is none."""
        ...

    async def put_polled(self, item: Polled) -> None:
        """Write it as its revision + 1: one request. Raises ConflictError unless its revision is stored."""
        ...

    async def continue_poll(self, body: str, delay: int = 0) -> None:
        """Send one message to the queue of poll, to be handled in so many seconds."""
        ...


class Recall(Protocol):
    """Whom the table knows."""

    async def recall(self, source: str, position: str | None, most: int) -> tuple[Sequence[str], str | None]:
        """Keys of a source's subjects who are not gone, of up to `most` identities, and where the next page begins.

        From an index that lags: one request for a page, and one for 100 identities.
        """
        ...


class Spool(Protocol):
    """Files of a source's runs, by names that begin with the source."""

    async def write(self, name: str, body: bytes) -> None:
        """Store a file, whole or not at all; durable when it returns."""
        ...

    async def read(self, name: str, start: int, most: int) -> bytes | None:
        """Up to so many bytes from a place, fewer only at the end; None if there is no such file."""
        ...

    async def drop(self, names: Sequence[str]) -> None:
        """Forget files, whether they are there or not."""
        ...


class Intake(Protocol):
    """The queues `changes-<source>` and `bulk-<source>`."""

    async def send(self, bodies: Sequence[str], *, bulk: bool = False) -> None:
        """Send every message; all are durable when it returns. Ten, or 256 KB, are one request.

        `bulk`: they may be very many, and must not hold up what happens meanwhile.

        Raises TransientError unless all were accepted; some may have been.
        """
        ...


class Folders(Protocol):
    """Where an IDMS leaves files. `place` is the source's, names lie beneath it."""

    async def listed(self, place: str, prefix: str, most: int) -> Sequence[StoredFile]:
        """Files whose names begin so, by name: one request for 1,000.

        Raises InvalidError if there are more than `most`.
        """
        ...

    async def read(self, place: str, file: StoredFile, start: int, length: int) -> bytes | None:
        """Up to so many bytes of a file from an offset: one request. None: the file is gone, or is another one now."""
        ...
