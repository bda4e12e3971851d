"""The credentials of the sources that push: read from their secrets, and kept for a minute."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from provisioning.core.catalog import Source
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.period import Instant
from provisioning.protocols.inbound.credential import owner, read_secret
from provisioning.stages.message import Log

FRESH: Final = 60  # seconds for which a credential that was taken back is still good, while secrets can be read
PATIENCE: Final = 5  # seconds between two readings because of a credential that nobody knows


@dataclass(slots=True)
class Keyring:
    """Digests of credentials by secret, and when they were read. `read` gives a secret's text."""

    read: Callable[[str], Awaitable[str]]
    log: Log
    _kept: dict[str, tuple[Instant, Sequence[bytes]]] = field(default_factory=dict, repr=False)

    async def source_of(self, shown: bytes, sources: Sequence[Source], now: Instant) -> Source | None:
        """The source whose credential is shown, if it is exactly one's.

        Raises TransientError if a secret could not be read and it may be in that one.
        """
        for age in (FRESH, PATIENCE):  # who has a new credential need not wait for a minute
            unread = [source.id for source in sources if not await self._refresh(source, now, age)]
            live = {source.id: self._live(source) for source in sources}
            found = owner(shown, live)
            if found is not None:
                return next(source for source in sources if source.id == found)
        if unread:
            raise TransientError(f"no credentials could be read of {', '.join(unread)}")
        return None

    def _live(self, source: Source) -> Sequence[bytes]:
        kept = self._kept.get(source.push.secret) if source.push is not None else None
        return kept[1] if kept is not None else ()

    async def _refresh(self, source: Source, now: Instant, age: int) -> bool:
        """Read a source's secret if it was read longer ago; False if that cannot be done now: what is kept stays."""
        name = source.push.secret if source.push is not None else ""
        kept = self._kept.get(name)
        if kept is not None and now - age < kept[0]:
            return True
        try:
            digests: Sequence[bytes] = read_secret(name, await self.read(name))
        except TransientError as error:
            self.log("gateway.secret", source=source.id, reason=str(error))
            return False
        except InvalidError as error:  # its operator's fault: nobody comes in by it
            self.log("gateway.secret", source=source.id, reason=str(error))
            digests = ()
        self._kept[name] = (now, digests)
        return True
