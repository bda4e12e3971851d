"""One SP for each protocol, under a test's control: what it holds can be seen, and what it answers can be spoilt."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any, Protocol
from urllib.parse import unquote, urlencode

from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import load_default_provider

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import Accepted, Answer, HttpRequest, HttpResponse, Publish, Unanswered
from tests.delivery.grader import Grader
from tests.delivery.spml_provider import SpmlProvider
from tests.delivery.webhook import WebhookProvider
from tests.protocols.directory import DirectoryProvider


class Provider(Protocol):
    """What the contract needs of an SP."""

    calls: int

    def answer(self, request: Any) -> Answer:
        """Have the effect of a request and answer it."""
        ...

    def throttled(self) -> Answer:
        """The answer of an SP that has no time."""
        ...

    def garbage(self) -> Answer:
        """A success that is none."""
        ...

    def accounts(self) -> dict[str, tuple[str, str, list[str]]]:
        """Phase, userName and groups of the accounts that carry an owner's mark, by that mark."""
        ...


class ScimProvider:
    """scim2-server, called without a network."""

    def __init__(self) -> None:
        self.storage = InMemoryStorage()
        self.grader = Grader(BearerTokenApplication(self.storage, load_default_provider()))
        self.calls = 0

    def answer(self, request: HttpRequest) -> HttpResponse:
        self.calls += 1
        body = b"" if request.body is None else json.dumps(request.body).encode()
        environ = {
            "REQUEST_METHOD": request.method, "SCRIPT_NAME": "", "PATH_INFO": "/v2" + unquote(request.path),
            "QUERY_STRING": urlencode(request.query), "SERVER_NAME": "sp", "SERVER_PORT": "443",
            "wsgi.url_scheme": "https", "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)),
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()},
        }  # fmt: skip
        if "content-type" in request.headers:
            environ["CONTENT_TYPE"] = request.headers["content-type"]
        status: list[int] = []
        chunks = self.grader(environ, lambda line, _headers, _exc=None: status.append(int(line[:3])))
        return HttpResponse(status[0], {}, b"".join(chunks))

    def throttled(self) -> Answer:
        return HttpResponse(429, {"retry-after": "30"})

    def garbage(self) -> Answer:
        return HttpResponse(200, {"content-type": "text/html"}, b"<html>Welcome")

    def _resources(self, kind: str) -> list[dict[str, Any]]:
        dumps = [resource.model_dump() for resource in self.storage.resources]
        return [dump for dump in dumps if dump["meta"]["resourceType"] == kind]

    def accounts(self) -> dict[str, tuple[str, str, list[str]]]:
        found = {}
        for user in self._resources("User"):
            groups = [
                group["displayName"]
                for group in self._resources("Group")
                if user["id"] in [item["value"] for item in group.get("members") or []]
            ]
            phase = "active" if user["active"] else "suspended"
            found[user.get("externalId", "")] = (phase, user["userName"], sorted(groups))
        return found

    def plant(self, user_name: str, mark: str | None) -> None:
        """An account that somebody else made."""
        schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
        body = {"schemas": schemas, "userName": user_name, "active": True, **({"externalId": mark} if mark else {})}
        headers = {"content-type": "application/scim+json", "accept": "application/scim+json"}
        assert self.answer(HttpRequest("POST", "/Users", {}, headers, body)).status == 201

    def remove_all(self) -> None:
        self.storage.resources = []


class QueueProvider:
    """A consumer as the protocol asks for it: it knows a repetition by its id, and keeps the highest turn."""

    def __init__(self) -> None:
        self.calls = 0
        self.seen: set[str] = set()
        self.latest: dict[str, dict[str, Any]] = {}

    def answer(self, request: Publish) -> Accepted:
        self.calls += 1
        event = json.loads(request.body)
        if event["id"] not in self.seen:
            self.seen.add(event["id"])
            held = self.latest.get(event["subject"])
            if held is None or held["turn"] < event["data"]["turn"]:
                self.latest[event["subject"]] = event["data"]
        return Accepted()

    def throttled(self) -> Answer:
        return Unanswered("the queue is being throttled", sent=False)

    def garbage(self) -> Answer:
        return HttpResponse(200, {}, b"<html>")

    def accounts(self) -> dict[str, tuple[str, str, list[str]]]:
        return {
            identity: (data["phase"], data["values"]["userName"], data["groups"])
            for identity, data in self.latest.items()
            if data["phase"] != "absent"
        }


class ExtractProvider:
    """A reader of files: what is staged is what it will find."""

    def __init__(self) -> None:
        self.calls = 0
        self.rows: dict[str, Known] = {}

    def answer(self, request: Any) -> Answer:
        raise AssertionError("nothing is asked of the SP")

    def throttled(self) -> Answer:
        raise AssertionError("nothing is asked of the SP")

    def garbage(self) -> Answer:
        raise AssertionError("nothing is asked of the SP")

    def accounts(self) -> dict[str, tuple[str, str, list[str]]]:
        return {
            identity: (row.phase.value, row.values["userName"], [*row.groups])
            for identity, row in self.rows.items()
            if row.phase is not Phase.ABSENT
        }


PROVIDERS: dict[str, Callable[[], Provider]] = {
    "extract": ExtractProvider,
    "ldap": DirectoryProvider,
    "queue": QueueProvider,
    "scim": ScimProvider,
    "spml": SpmlProvider,
    "webhook": WebhookProvider,
}
