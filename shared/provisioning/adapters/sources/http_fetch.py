"""One subject by its key. That nobody is there is believed only of an API that finds those whom it shows."""

import re
from typing import Final
from urllib.parse import quote

from provisioning.adapters.sources.http_api import WHO, Api
from provisioning.adapters.sources.http_item import ObjectReader
from provisioning.adapters.sources.http_pages import Question, next_page, path_of
from provisioning.adapters.sources.http_walk import Walk
from provisioning.core.account import Json
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.loose_json import fault_around
from provisioning.core.paths import compile_path

_GONE: Final = (404, 410)
# In a path, what a proxy on the way may take amiss: then its 404 is not the API's.
_STRANGE: Final = re.compile(r"[/\\%;?#\x00-\x20\x7f]|^\.{1,2}$")


class Finder:
    """Looks subjects up."""

    def __init__(self, api: Api, reader: ObjectReader) -> None:
        self._api, self._reader, self._options = api, reader, api.options
        self._proven = False

    async def find(self, key: str) -> Json:
        """The object of a subject; None if there is none.

        Raises TransientError, or InvalidError if the answer cannot be an answer to this.
        """
        found = await self._look(key)
        if found is None and not self._proven:
            await self._prove()
        return found

    async def _prove(self) -> None:
        """Somebody whom the list shows must be found as well: else whoever is asked for would seem to be gone."""
        listed, _ = await next_page(self._api, Question(path_of(self._options.url), self._options.query, 1), Walk())
        known = next((each for each in map(self._reader.key, listed.entries) if each is not None), None)
        if known is None:
            raise TransientError(f"{WHO} shows nobody, so that it does not find somebody proves nothing")
        if await self._look(known) is None:
            problem = f"{WHO} does not find a subject that it shows"
            raise InvalidError(problem, "poll.http.person", right="the URL of one subject, with its key")
        self._proven = True

    async def _look(self, key: str) -> Json:
        target = self._target(key)
        told = await self._api.ask(target, _GONE)
        if told.status in _GONE:
            if _STRANGE.search(key) is not None and target.partition("?")[0] != self._target("x").partition("?")[0]:
                raise TransientError(f"{told.status} for a key with special characters, which a proxy may not like")
            return None
        found = compile_path(self._options.body)(told.body) if self._options.body is not None else told.body
        fault = fault_around(told.body, found)
        if fault or not isinstance(found, dict) or self._reader.key(found) != key:
            raise TransientError(f"{WHO} answers 200 with something that is not the subject asked for")
        return found

    def _target(self, key: str) -> str:
        template = self._options.person
        if template is None:
            raise InvalidError("one subject cannot be asked for", "poll.http.person", right="its URL, with {key}")
        if not key or key in (".", ".."):
            raise InvalidError("the key cannot stand in a URL", "key", right="another one than none, . and ..")
        return "/" + template.split("/", 3)[3].replace("{key}", quote(key, safe=""))
