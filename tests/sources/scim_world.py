"""scim2-server, which is not ours, as the contract sees it: over HTTP, paged by index or by cursor."""

import threading
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.simple_server import make_server

from scim2_models import Pagination, ResourceType
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.testserver.cli import ThreadingWSGIServer
from scim2_server.utils import load_default_provider

from provisioning.adapters.sources.scim import open_scim
from provisioning.core.source import Item
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction
from tests.delivery.conftest import Quiet
from tests.sources.world import Fields

TOKEN = "a-token-of-the-idms"
_LACKS = {
    "changes_show_who_went": "a resource that is not there any more has no time: full snapshots show who is gone",
    "a_useless_place_says_so": "an instant is of use however old it is",
}


class ScimWorld:
    """A server of its own. `calls`: path and query of each request, in order."""

    lacks: Mapping[str, str] = _LACKS

    def __init__(self, *, cursor: bool) -> None:
        self.storage = InMemoryStorage()
        provider = load_default_provider()
        assert provider.config is not None
        if cursor:
            provider.config.pagination = Pagination(cursor=True, index=False, cursor_timeout=3600)
        service = ScimService(provider, secret="a-secret-of-the-server")
        self._application = BearerTokenApplication(self.storage, provider, service, [TOKEN])
        self._types: dict[str, ResourceType] = {each.name: each for each in provider.resource_types if each.name}
        self._models: dict[str, Any] = {name: service.get_model(kind) for name, kind in self._types.items()}
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.port = 0
        self._server: Any = None

    def start(self) -> None:
        """Serve, at the same port as before."""
        self._server = make_server(
            "127.0.0.1", self.port, self._called, server_class=ThreadingWSGIServer, handler_class=Quiet
        )
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Do not serve any more."""
        self._server.shutdown()
        self._server.server_close()

    def _called(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        self.calls.append((environ["PATH_INFO"].removeprefix("/v2"), query))
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer

    def poll(self, page: int = 3, **options: Any) -> Poll:
        """What the bundle says."""
        scim = {"url": f"http://127.0.0.1:{self.port}/v2", "secret": "idms", "private": True}
        return Poll.model_validate({"scim": {**scim, **options}, "page": page, "timeout": 20})

    async def put(self, name: str, fields: Fields) -> str:
        values = {"userName": name, "nickName": fields["given"], "title": fields["unit"]}
        return self.store("User", "user_name", name, values)

    def store(self, kind: str, by: str, name: str, values: Mapping[str, Any]) -> str:
        """A resource comes or changes: its id."""
        made = self._models[kind].model_validate(values)
        held = next((each for each in self.storage.resources if getattr(each, by, None) == name), None)
        if held is None:
            return str(self.storage.create(self._types[kind], made).id)
        made.id = held.id
        return str(self.storage.update(self._types[kind], made).id)

    async def remove(self, name: str) -> None:
        (held,) = [each for each in self.storage.resources if getattr(each, "user_name", None) == name]
        self.storage.delete(self._types["User"], str(held.id))

    async def spoil(self, name: str) -> None:
        self.store("User", "user_name", name, {"userName": name, "nickName": "x" * 250_000})

    def group(self, name: str, *members: str) -> str:
        """A group with members of these ids."""
        entries = [{"value": member, "type": "User"} for member in members]
        return self.store("Group", "display_name", name, {"displayName": name, "members": entries})

    async def forget(self) -> None:
        raise NotImplementedError

    async def interrupt(self) -> None:
        self.stop()
        self.start()

    def open(self, page: int = 3, **options: Any) -> AbstractAsyncContextManager[Extraction]:
        return open_scim(self.poll(page, **options), self.read)

    async def read(self, name: str) -> str:
        assert name == "idms"
        return TOKEN

    def given(self, item: Item) -> str | None:
        return None if item.fields is None else str(item.fields["nickName"])


@asynccontextmanager
async def scim_world(*, cursor: bool = False) -> AsyncIterator[ScimWorld]:
    """An empty server."""
    made = ScimWorld(cursor=cursor)
    made.start()
    try:
        yield made
    finally:
        made.stop()
