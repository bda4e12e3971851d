"""An SP of our own for tests, that enforces what real ones enforce: every rule is one that somebody met in the field.

It is written from the SPs' documentation and does not read the client's options, so that an option that says the
wrong thing fails.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server

from scim2_server.testserver.cli import ThreadingWSGIServer

from tests.delivery.conftest import Quiet
from tests.delivery.scim_sp_patch import LISTS, RefusedError, apply

URN = "urn:ietf:params:scim:"
EXTENSION = URN + "schemas:extension:enterprise:2.0:User"
COMPARED = re.compile(r'(?P<name>[A-Za-z]\w*(?:\.\w+)?) eq (?P<value>"(?:[^"\\]|\\.)*")')


@contextmanager
def running(application: Any) -> Iterator[str]:
    """Serves a WSGI application on loopback: its address."""
    server = make_server("127.0.0.1", 0, application, server_class=ThreadingWSGIServer, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v2"
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Rules:
    """What this SP is like. The defaults are the standard's."""

    patch: bool = True
    put: bool = True
    value_paths: bool = True
    paths: bool = True  # of PATCH on users
    filters: Literal["served", "ignored", "refused"] = "served"
    searchable: tuple[str, ...] | None = None  # what a filter may name
    paging: Literal["index", "cursor", "rewinds", "deaf", "unasked"] = "index"
    most: int = 100
    refuses_more: bool = False  # than `most`; else it is given less
    default: int = 100
    counted: bool = True  # totalResults is told
    member_changes: int = 1000
    members_shown: bool = True
    remove_member: Literal["filter", "value"] = "filter"
    one_entry: bool = False
    delete: Literal["removes", "deactivates", "refused"] = "removes"
    accept_on_delete: bool = True
    missing: int = 404
    resources: str = "Resources"
    required: tuple[str, ...] = ("userName",)
    refused: tuple[str, ...] = ()  # attributes
    unknown_query: tuple[str, ...] = ()  # parameters that are refused
    sparse: bool = False  # lists show no more than who it is
    versions: Literal["none", "shown", "required"] = "none"
    obfuscates: bool = False
    token: str = "a-token-of-the-library"


@dataclass
class Sp:
    """A WSGI application. `users` and `groups` are what it holds, by id."""

    rules: Rules = field(default_factory=Rules)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    cursors: dict[str, tuple[str, int]] = field(default_factory=dict)
    before: dict[str, Callable[[], None]] = field(default_factory=dict)  # by method: once, before it is served
    made: int = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        hook = self.before.pop(method, None)
        try:
            if hook is not None:
                hook()
            status, body = self._serve(method, environ)
        except RefusedError as refusal:
            status = refusal.status
            body = {"schemas": [URN + "api:messages:2.0:Error"], "status": str(status), "detail": refusal.detail}
            if refusal.scim_type:
                body["scimType"] = refusal.scim_type
        content = b"" if body is None else json.dumps(body).encode()
        headers = [("Content-Type", "application/scim+json"), ("Content-Length", str(len(content)))]
        version = (body or {}).get("meta", {}).get("version")
        start_response(f"{status} -", headers + ([("ETag", version)] if version else []))
        return [content]

    def _serve(self, method: str, environ: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        if environ.get("HTTP_AUTHORIZATION") != f"Bearer {self.rules.token}":
            raise RefusedError(401)
        _, _, kind, *rest = environ["PATH_INFO"].split("/")
        held = {"Users": self.users, "Groups": self.groups}[kind]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        sent = json.loads(body) if body else {}
        if not rest:
            return (201, self._create(kind, held, sent)) if method == "POST" else (200, self._list(kind, held, environ))
        resource_id = "/".join(rest)
        if resource_id not in held:
            raise RefusedError(self.rules.missing, "", "no such resource")
        if method == "GET":
            return 200, self._shown(kind, held[resource_id])
        self._check_version(resource_id, environ.get("HTTP_IF_MATCH"))
        if method == "DELETE":
            self._delete(resource_id, held, environ)
            return 204, None
        held[resource_id] = self._changed(method, kind, deepcopy(held[resource_id]), sent)
        self.touch(resource_id)
        return (204, None) if method == "PATCH" else (200, self._shown(kind, held[resource_id]))

    def plant(self, mark: str | None, **values: Any) -> str:
        """An account that somebody else made: its id."""
        resource_id = f"planted-{len(self.users)}"
        user = {"schemas": [URN + "schemas:core:2.0:User"], "id": resource_id, "active": True, **values}
        self.users[resource_id] = user if mark is None else {**user, "externalId": mark}
        return resource_id

    def touch(self, resource_id: str) -> None:
        """The resource has another version now."""
        self.revisions[resource_id] = self.revisions.get(resource_id, 0) + 1

    def _check_version(self, resource_id: str, given: str | None) -> None:
        if self.rules.versions == "none":
            return
        if given is None and self.rules.versions == "required":
            raise RefusedError(428, "", "If-Match is missing")
        if given is not None and given != self._version(resource_id):
            raise RefusedError(412, "", "it has another version")

    def _version(self, resource_id: str) -> str:
        return f'W/"{self.revisions.get(resource_id, 0)}"'

    def _create(self, kind: str, held: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
        self._check(kind, sent)
        name = "userName" if kind == "Users" else "displayName"
        if any(other[name].casefold() == sent[name].casefold() for other in held.values()):
            raise RefusedError(409, "uniqueness", "it exists")
        self.made += 1
        resource_id = f"{kind[0].lower()}{self.made}/x"
        held[resource_id] = (
            {"active": True, **sent, "id": resource_id} if kind == "Users" else {**sent, "id": resource_id}
        )
        return self._shown(kind, held[resource_id])

    def _check(self, kind: str, sent: dict[str, Any]) -> None:
        if kind == "Groups":
            return
        for path in self.rules.required:
            name, _, sub = path.partition(".")
            if not (sent.get(name) or {}) or (sub and not sent[name].get(sub)):
                raise RefusedError(400, "invalidValue", f"{path} is required")
        if any(name in sent for name in self.rules.refused):
            raise RefusedError(400, "invalidSyntax", "an attribute that is not supported")
        self._check_entries(sent)

    def _check_entries(self, sent: dict[str, Any]) -> None:
        if self.rules.one_entry and any(len(sent.get(name, [])) > 1 for name in LISTS if name != "members"):
            raise RefusedError(400, "invalidValue", "one entry at most")

    def _changed(self, method: str, kind: str, held: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
        if method == "PUT" and self.rules.put:
            sent = {**sent, "id": held["id"]}
            if kind == "Users" and "password" in held:
                sent.setdefault("password", held["password"])
        elif method == "PATCH" and self.rules.patch:
            changes = sent["Operations"]
            self._check_operations(kind, changes)
            sent = held
            for operation in changes:
                apply(sent, operation)
                self._check_entries(sent)
        else:
            raise RefusedError(501, "", f"no {method} here")
        self._check(kind, sent)
        name = "userName" if kind == "Users" else "displayName"
        everyone = self.users if kind == "Users" else self.groups
        if any(other[name] == sent[name] for key, other in everyone.items() if key != held["id"]):
            raise RefusedError(409, "uniqueness", "the name is taken")
        return sent

    def _check_operations(self, kind: str, changes: list[dict[str, Any]]) -> None:
        rules, members = self.rules, 0
        for operation in changes:
            path = operation.get("path")
            is_member = kind == "Groups" and path is not None and path.startswith("members")
            if is_member:
                listed = isinstance(operation.get("value"), list)
                members += len(operation["value"]) if listed else 1
                if operation["op"] == "replace" or (path == "members" and operation["op"] == "remove" and not listed):
                    raise RefusedError(400, "invalidValue", "members are not replaced or removed all at once")
                if operation["op"] == "remove" and (rules.remove_member == "value") != listed:
                    raise RefusedError(400, "invalidPath", "not the way to remove a member")
            elif path is not None and "[" in path and not rules.value_paths:
                raise RefusedError(400, "invalidPath", "no filters in paths")
            elif path is not None and not rules.paths and operation["op"] != "remove":
                raise RefusedError(400, "invalidPath", "no paths")
        if members > rules.member_changes:
            raise RefusedError(400, "tooMany", "too many members")

    def _delete(self, resource_id: str, held: dict[str, Any], environ: dict[str, Any]) -> None:
        if not self.rules.accept_on_delete and "HTTP_ACCEPT" in environ:
            raise RefusedError(406, "", "Accept is not served")
        if self.rules.delete == "refused":
            raise RefusedError(501, "", "nothing is deleted here")
        self.touch(resource_id)
        if self.rules.delete == "deactivates":
            held[resource_id]["active"] = False
        else:
            del held[resource_id]
            for group in self.groups.values():
                group["members"] = [item for item in group.get("members", []) if item["value"] != resource_id]

    def _shown(self, kind: str, held: dict[str, Any]) -> dict[str, Any]:
        shown = deepcopy(held)
        shown.pop("password", None)
        if kind == "Users" and self.rules.members_shown:
            shown["groups"] = [
                {"value": key}
                for key, group in self.groups.items()
                if {"value": held["id"]} in group.get("members", [])
            ]
        if kind == "Groups" and not self.rules.members_shown:
            shown["members"] = []
        if self.rules.obfuscates and shown.get("active") is False:
            shown.update({"userName": f"hidden-{held['id']}", "emails": [], "name": {"givenName": "hidden"}})
        shown["meta"] = {"resourceType": kind[:-1]}
        if self.rules.versions != "none":
            shown["meta"]["version"] = self._version(held["id"])
        return shown

    def _list(self, kind: str, held: dict[str, Any], environ: dict[str, Any]) -> dict[str, Any]:
        query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"], keep_blank_values=True).items()}
        if any(name in query for name in self.rules.unknown_query):
            raise RefusedError(400, "invalidValue", "a parameter that is not supported")
        count = int(query.get("count", self.rules.default))
        if count > self.rules.most and self.rules.refuses_more:
            raise RefusedError(
                400, "invalidCount" if "cursor" in query else "invalidValue", f"count is {self.rules.most} at most"
            )
        chosen = [self._shown(kind, item) for item in held.values() if self._meant(item, query.get("filter"))]
        if self.rules.sparse:
            who = ("id", "userName", "displayName", "externalId", "active")
            chosen = [{name: value for name, value in item.items() if name in who} for item in chosen]
        return self._paged(chosen, query, min(count, self.rules.most))

    def _meant(self, item: dict[str, Any], filter_: str | None) -> bool:
        if filter_ is None or self.rules.filters == "ignored":
            return True
        match = COMPARED.fullmatch(filter_)
        named = match is not None and (self.rules.searchable is None or match["name"] in self.rules.searchable)
        if self.rules.filters == "refused" or match is None or not named:
            raise RefusedError(400, "invalidFilter", "not a filter of this SP")
        name, _, sub = match["name"].partition(".")
        held = item.get(name)
        values = (
            [entry.get(sub) for entry in held]
            if isinstance(held, list)
            else [held.get(sub) if sub else held]
            if held
            else []
        )
        return str(json.loads(match["value"])).casefold() in [str(value).casefold() for value in values]

    def _paged(self, chosen: list[Any], query: dict[str, str], count: int) -> dict[str, Any]:
        rules = self.rules
        same = json.dumps({name: value for name, value in query.items() if name != "cursor"}, sort_keys=True)
        start = max(0, int(query.get("startIndex", "1")) - 1)
        if query.get("cursor"):
            asked, start = self.cursors.pop(query["cursor"], ("", 0))
            if asked != same:
                raise RefusedError(400, "invalidCursor", "a cursor that was not given for this")
        if rules.paging == "deaf" or (rules.paging == "rewinds" and start >= len(chosen)):
            start = 0
        answer: dict[str, Any] = {"schemas": [URN + "api:messages:2.0:ListResponse"]}
        answer[rules.resources] = chosen[start : start + count]
        if rules.counted and not (rules.paging == "cursor" and "cursor" in query):
            answer["totalResults"] = len(chosen)
        if start + count < len(chosen) and (rules.paging == "unasked" or "cursor" in query):
            cursor = f"+/=:{len(self.cursors)}&{start + count}"
            self.cursors[cursor] = (same, start + count)
            answer["nextCursor"] = cursor
        return answer
