"""A gateway over memory: what is asked of it goes through the events of Lambda, what it sends lies in queues."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioning.adapters.memory.pushed import MemoryChanges, MemoryPushed
from provisioning.adapters.memory.queues import MemoryQueue
from provisioning.adapters.memory.secrets import MemorySecrets
from provisioning.adapters.memory.tokens import MemoryKeySets
from provisioning.core.policy import Policy
from provisioning.core.publication import compile_bundle
from provisioning.runtime.http_entry import read_event, write_answer
from provisioning.stages.gateway import Gateway, gateway
from provisioning.stages.gateway_keys import Keyring
from tests.gateway.events import payload_2
from tests.sources.issuer import FEED, ISSUER
from tests.stages.tenant import bundle

NOW = 1_800_000_000
TOKEN, NEXT, OTHER = "t" * 32, "n" * 32, "o" * 32
SPML_TOKEN = "p" * 32
PASSWORD = "keycloak:correct horse battery"
SCIM = "/scim/v2"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def version(self) -> str:
        return self.headers["ETag"]


@dataclass
class Published:
    """Port Policies: one policy."""

    policy: Policy

    async def current(self, at_least: int = 0) -> Policy:
        return self.policy


def sources(spml: Mapping[str, Any] | None = None, **changes: Any) -> list[dict[str, Any]]:
    """Sources that push users and groups, events, users only, and by SPML; and one that does not."""
    return [
        {"id": "registry", "record": {}, "push": {"secret": "registry", **changes}},
        {
            "id": "hr", "format": "scim-events", "record": {}, "push": {"secret": "hr", "endpoints": ["events"]},
            "signed": {"issuer": ISSUER, "audience": [FEED], "secret": "hr-keys"},
        },
        {"id": "alumni", "record": {}, "push": {"secret": "alumni", "groups": False}},
        {"id": "people", "record": {}, "push": {"secret": "people", "endpoints": ["spml"], "spml": spml or {}}},
        {"id": "payroll"},
    ]  # fmt: skip


@dataclass
class World:
    pushed: MemoryPushed = field(default_factory=MemoryPushed)
    queues: dict[str, MemoryQueue] = field(
        default_factory=lambda: {name: MemoryQueue(lambda: 0.0) for name in ("registry", "hr", "alumni", "people")}
    )
    secrets: dict[str, str] = field(
        default_factory=lambda: {
            "registry": f"{TOKEN}\n{NEXT}\n{PASSWORD}\n", "hr": json.dumps([OTHER]), "alumni": "a" * 32,
            "people": f"{SPML_TOKEN}\nspml:{SPML_TOKEN}",
        }
    )  # fmt: skip
    logged: list[dict[str, Any]] = field(default_factory=list)
    now: int = NOW
    bundle: list[dict[str, Any]] = field(default_factory=sources)
    issuers: MemoryKeySets = field(default_factory=MemoryKeySets)
    shell: Gateway = field(init=False)

    def __post_init__(self) -> None:
        numbers = itertools.count(1)
        self.changes = MemoryChanges(self.queues)
        self.shell = Gateway(
            Published(compile_bundle(bundle(sources=self.bundle))),
            Keyring(MemorySecrets(self.secrets).read, self.log),
            self.pushed,
            self.changes,
            lambda: f"0000-{next(numbers):04}",
            self.log,
            self.issuers,
        )

    def log(self, word: str, **fields: Any) -> None:
        self.logged.append({"word": word, **fields})

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        token: str | None = TOKEN,
    ) -> Answer:
        """One request as Lambda brings it, and its answer as Lambda takes it."""
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/scim+json", **(headers or {})}
        if token is not None and "Authorization" not in given:
            given["Authorization"] = f"Bearer {token}"
        request = read_event(payload_2(method, path, query, given, sent))
        answer = write_answer(await gateway(self.shell, request, self.now))
        return Answer(answer["statusCode"], answer["headers"], answer["body"])

    async def scim(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Answer:
        """A request to the SCIM endpoint; header names with underscores."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask(method, f"{SCIM}{path}", body, query, given)

    async def user(self, login: str = "ann", /, **more: Any) -> str:
        """A user that is there now: its id."""
        answer = await self.scim("POST", "/Users", {"schemas": [USER], "userName": login, **more})
        assert answer.status == 201, answer.text
        return str(answer.json["id"])

    async def group(self, name: str = "staff", *members: str) -> str:
        """A group that is there now: its id."""
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": each} for each in members]}
        answer = await self.scim("POST", "/Groups", body)
        assert answer.status == 201, answer.text
        return str(answer.json["id"])

    async def patch(self, path: str, *operations: dict[str, Any]) -> Answer:
        """A PATCH of these operations."""
        return await self.scim("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})

    def told(self, source: str = "registry") -> list[dict[str, Any]]:
        """The data of every message since this was asked before, in the order of arrival."""
        bodies = list(self.queues[source].bodies())
        self.queues[source] = MemoryQueue(lambda: 0.0)
        return [json.loads(body)["data"] for body in bodies]
