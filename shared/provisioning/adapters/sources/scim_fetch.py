"""One resource by its key. That nobody is there is believed only of a server that finds those whom it shows."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from provisioning.adapters.sources.scim_http import Server
from provisioning.adapters.sources.scim_item import ResourceReader
from provisioning.adapters.sources.scim_pages import ask_list
from provisioning.core.account import Json
from provisioning.core.errors import InvalidError, TransientError
from provisioning.protocols.scim_calls import id_of, place_of
from provisioning.protocols.scim_filter import equals, literal
from provisioning.protocols.scim_resource import member

_GONE: Final = (404, 410)
_BAD: Final = 400
_SHOWN: Final = "5"  # resources that are looked at where one should be
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]+")  # characters that nothing on the way to the server can take amiss
_ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


class Finder:
    """Looks resources up."""

    def __init__(self, server: Server, reader: ResourceReader) -> None:
        self._server, self._reader = server, reader
        self._options = server.options
        self._proven = False

    async def find(self, key: str) -> Json:
        """The resource of a subject; None if there is none.

        Raises TransientError, or InvalidError if the server's answer cannot be an answer to this.
        """
        found = await self._look(key)
        if found is None and not self._proven:
            await self._prove()
        return found

    async def of_id(self, remote_id: str) -> Json:
        """A member of a group: the resource with an id, None if there is none, or if it cannot be an id of one."""
        if self._options.filter is None:
            return await self._by_id(remote_id, (*_GONE, _BAD))
        test = f"id eq {literal(remote_id)}"
        return _one([each for each in await self._filtered(test) if id_of(each) == remote_id])

    async def _prove(self) -> None:
        """Somebody whom a list shows must be found as well: else whoever is asked for would seem to be gone."""
        query = {**self._reader.query, "count": "1"}
        query |= {"filter": self._options.filter} if self._options.filter is not None else {}
        listed = await ask_list(self._server, self._options.resource, query)
        known = next((key for key in map(self._reader.key, listed.entries) if key is not None), None)
        if known is None:
            raise TransientError("the SCIM server shows nobody, so that it does not find somebody proves nothing")
        if await self._look(known) is None:
            problem = "the SCIM server does not find a resource that it shows"
            raise InvalidError(problem, "poll.scim.key", right="id, or an attribute that it can look up")
        self._proven = True

    async def _look(self, key: str) -> Json:
        if self._options.key == "id" and self._options.filter is None:
            return await self._by_id(key)
        path = self._reader.path
        test = f"id eq {literal(key)}" if path is None else equals(path, key)
        shown = await self._filtered(test)
        for other in (self._reader.key(each) for each in shown):
            if other is None or other.casefold() != key.casefold():
                problem = f"a filter by {self._options.key} shows others"
                raise InvalidError(problem, "poll.scim.key", right="id, or an attribute that it can look up")
        found = _one([each for each in shown if self._reader.key(each) == key])
        if found is None and shown:
            problem = f"{self._options.key} is spelled with other capitals than the one that is asked for"
            raise InvalidError(problem, "key", right="the spelling of the server")
        return found

    async def _by_id(self, remote_id: str, absent: Sequence[int] = _GONE) -> Json:
        if id_of({"id": remote_id}) is None:
            return None
        told = await self._server.ask(place_of(self._options.resource, remote_id), self._reader.query, absent)
        if told.status in absent:
            # A proxy may say so of a path that it does not like. Only SCIM's own error speaks of the resource.
            if _PLAIN.fullmatch(remote_id) is None and not _is_error(told.body):
                raise TransientError(f"{told.status} without an error of SCIM, for an id with special characters")
            return None
        if told.body is None or id_of(told.body) != remote_id:
            raise TransientError("the SCIM server answers with something that is not the resource asked for")
        return dict(told.body)

    async def _filtered(self, test: str) -> list[Json]:
        chosen = f"({self._options.filter}) and {test}" if self._options.filter is not None else test
        query = {**self._reader.query, "filter": chosen, "count": _SHOWN}
        listed = await ask_list(self._server, self._options.resource, query)
        if len(listed.entries) < (listed.total or 0) or (not listed.entries and listed.cursor is not None):
            problem = f"of {listed.total} resources for one key {len(listed.entries)} are shown"
            raise InvalidError(problem, "poll.scim.key", right="an attribute that tells resources apart")
        return list(listed.entries)


def _one(found: list[Json]) -> Json:
    if len(found) > 1:
        problem = f"{len(found)} resources have the same key"
        raise InvalidError(problem, "poll.scim.key", right="an attribute that tells resources apart")
    return found[0] if found else None


def _is_error(body: Mapping[str, Json] | None) -> bool:
    schemas = member(body, "schemas")
    return isinstance(schemas, list) and _ERROR in schemas
