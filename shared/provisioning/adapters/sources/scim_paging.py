"""How lists of a server go on, by what it says of itself (RFC 7643 5, RFC 9865 4)."""

from typing import Final

from provisioning.adapters.sources.scim_http import Server
from provisioning.protocols.scim_resource import member

_UNSAID: Final = (400, 401, 403, 404, 405, 406, 410, 501)  # discovery may be missing, or not for us


class Paging:
    """Asked once for an opened source. `most`: resources of a page, at most."""

    def __init__(self, server: Server, most: int) -> None:
        self.server, self._most = server, most
        self._way = ""

    async def way(self) -> str:
        """Index or cursor. A cursor is taken where there is one: its pages do not move when somebody comes or goes."""
        if not self._way:
            await self._discover()
        return self._way

    async def count(self) -> int:
        """Resources to ask for in one page."""
        await self.way()
        return self._most

    async def _discover(self) -> None:
        if self.server.options.paging != "auto":
            self._way = self.server.options.paging
            return
        told = await self.server.ask("/ServiceProviderConfig", {}, _UNSAID)
        offered = member(told.body, "pagination") if told.status == 200 else None
        most = member(offered, "maxPageSize")
        if isinstance(most, int) and not isinstance(most, bool) and most > 0:
            self._most = min(self._most, most)
        self._way = "cursor" if member(offered, "cursor") is True else "index"
