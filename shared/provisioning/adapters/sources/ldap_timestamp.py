"""Changes by `modifyTimestamp`, in the directory's own time: who came or changed, never who is gone.

Entries get their time before they can be seen, and replicas get them later; so each look goes back by `overlap`
before the last time that was seen, and shows those again. A clock that was set back by more hides changes until it
has caught up: full snapshots show them.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from provisioning.adapters.sources.ldap_ber import ENTRY, Reply
from provisioning.adapters.sources.ldap_item import CHANGED, read_time, values_of
from provisioning.adapters.sources.ldap_pages import pages
from provisioning.adapters.sources.ldap_search import Directory
from provisioning.adapters.sources.ldap_sync import End, Event, LostError
from provisioning.core.errors import InvalidError
from provisioning.protocols.ldap_message import LdapSearch

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ByTimestamp:
    """One search whose changes are told. `overlap`: seconds."""

    directory: Directory
    wanted: LdapSearch
    overlap: int
    page: int

    async def begin(self) -> str | None:
        """The latest time of all entries; None if the entries show none."""
        latest, any_entry, any_time = _FIRST, False, False
        async with aclosing(self._entries(replace(self.wanted, attributes=(CHANGED,)))) as entries:
            async for entry in entries:
                any_entry = True
                changed = _time(entry)
                if changed is not None:
                    latest, any_time = max(latest, changed), True
        return latest.isoformat() if any_time or not any_entry else None

    async def events(self, place: str) -> AsyncGenerator[Event]:
        """What changed since a place, then the end. Raises LostError if the place cannot be read."""
        try:
            latest = datetime.fromisoformat(place)
            since = max(_FIRST, latest - timedelta(seconds=self.overlap))
        except (ValueError, TypeError, OverflowError):
            raise LostError("the place is of no use: it is no instant") from None
        chosen = f"(&{self.wanted.filter}({CHANGED}>={since:%Y%m%d%H%M%S}Z))"
        wanted = replace(self.wanted, filter=chosen, attributes=(*self.wanted.attributes, CHANGED))
        async with aclosing(self._entries(wanted)) as entries:
            async for entry in entries:
                changed = _time(entry)
                if changed is None:
                    right = "a bind name that may read it"
                    raise InvalidError(f"an entry shows no {CHANGED}", "poll.ldap", right=right)
                latest = max(latest, changed)
                yield entry
        yield End(latest.isoformat())

    async def _entries(self, wanted: LdapSearch) -> AsyncGenerator[Reply]:
        async with aclosing(pages(self.directory, wanted, self.page, "poll.ldap.base")) as replies:
            async for reply in replies:
                if reply.kind == ENTRY:
                    yield reply


def _time(entry: Reply) -> datetime | None:
    values = values_of(entry, CHANGED.casefold())
    try:
        return read_time(values[0].decode()) if values else None
    except ValueError:
        return None
