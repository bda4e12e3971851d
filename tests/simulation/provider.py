"""A small SCIM service provider under the simulation's control: it can be slow to show, lax about names, and unkind.

It is the real thing's behaviour where the engine depends on it: ids of its own, filters, PATCH, memberships, 404s,
409s; a look-up that lags behind the writes; answers that are lost before or after the effect, or whose effect comes
later than the caller's patience.
"""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from provisioning.protocols.dialogue import HttpRequest, HttpResponse

_FILTER = re.compile(r'(\w+) eq (".*")')
_MEMBER = re.compile(r'members\[value eq (".*")\]')


@dataclass
class Resource:
    """A user or a group, and since when look-ups can see it."""

    id: str
    body: dict[str, Any]
    visible_at: float


@dataclass
class Provider:
    """One SP. `unique`: it refuses a second account of the same name. `lag`: seconds until a look-up shows a create."""

    name: str
    chance: random.Random
    clock: Callable[[], float]
    unique: bool = True
    lag: float = 0
    most: int = 100  # resources of one page
    users: dict[str, Resource] = field(default_factory=dict)
    groups: dict[str, Resource] = field(default_factory=dict)
    touched: list[tuple[float, str, str]] = field(default_factory=list)  # (when, method, user)
    removed: list[float] = field(default_factory=list)  # when an active account was suspended, or any was deleted
    calls: int = 0
    _numbers: int = 0

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Have the effect of a request and give its answer."""
        kind, _, rest = request.path.strip("/").partition("/")
        store = self.users if kind == "Users" else self.groups
        identifier = unquote(rest)
        match request.method:
            case "POST":
                return self._create(store, request.body)
            case "GET" if not identifier:
                if "filter" not in request.query:
                    return self._list(store, int(request.query.get("startIndex", "1")), int(request.query["count"]))
                return self._search(store, request.query["filter"])
        resource = store.get(identifier)
        if resource is None:
            return _error(404, f"no {kind} {identifier}")
        if store is self.users and request.method != "GET":
            self.touched.append((self.clock(), request.method, identifier))
        if request.method == "GET":
            return _json(200, resource.body)
        if request.method == "DELETE":
            del store[identifier]
            self.removed += [self.clock()] if store is self.users else []
            for group in self.groups.values():
                _leave(group.body, identifier)
            return HttpResponse(204)
        active = resource.body.get("active")
        answer = self._patch(resource, request.body)
        self.removed += [self.clock()] if active and not resource.body.get("active") else []
        return answer

    def plant(self, user_name: str, **fields: Any) -> str:
        """An account that somebody else made."""
        response = self._create(self.users, {"userName": user_name, "active": True, **fields})
        return str(json.loads(response.body)["id"])

    def _create(self, store: dict[str, Resource], body: dict[str, Any]) -> HttpResponse:
        key = "userName" if store is self.users else "displayName"
        name = str(body.get(key, "")).lower()
        if not name:
            return _error(400, f"{key} is required", "invalidValue")
        if self.unique and any(str(other.body[key]).lower() == name for other in store.values()):
            return _error(409, f"{key} is taken", "uniqueness")
        self._numbers += 1
        identifier = f"{self.name}-{self._numbers}"
        store[identifier] = Resource(identifier, {**body, "id": identifier}, self.clock() + self.lag)
        return _json(201, store[identifier].body)

    def _search(self, store: dict[str, Resource], text: str) -> HttpResponse:
        found = _FILTER.fullmatch(text)
        if found is None:
            return _error(400, "only attribute eq value", "invalidFilter")
        attribute, value = found[1], str(json.loads(found[2])).lower()
        now = self.clock()
        hits = [
            resource.body
            for resource in store.values()
            if resource.visible_at <= now and str(resource.body.get(attribute, "")).lower() == value
        ]
        return _json(200, {"totalResults": len(hits), "Resources": hits})

    def _list(self, store: dict[str, Resource], start: int, count: int) -> HttpResponse:
        shown = [resource.body for resource in store.values() if resource.visible_at <= self.clock()]
        page = shown[start - 1 : start - 1 + min(count, self.most)]
        return _json(200, {"totalResults": len(shown), "startIndex": start, "Resources": page})

    def _patch(self, resource: Resource, body: dict[str, Any]) -> HttpResponse:
        for operation in body["Operations"]:
            kind, path, value = operation["op"], operation.get("path"), operation.get("value")
            member = _MEMBER.fullmatch(path or "")
            if member is not None:
                _leave(resource.body, json.loads(member[1]))
            elif path == "members":
                known = {item["value"] for item in resource.body.setdefault("members", [])}
                resource.body["members"] += [item for item in value if item["value"] not in known]
            elif path is None:
                resource.body.update(value)
            elif kind == "remove":
                _at(resource.body, path)[0].pop(_at(resource.body, path)[1], None)
            else:
                parent, last = _at(resource.body, path)
                parent[last] = value
        return HttpResponse(204)


def _at(body: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """The object and key that a dotted path names."""
    *parents, last = path.split(".")
    for name in parents:
        body = body.setdefault(name, {})
    return body, last


def _leave(group: dict[str, Any], identifier: str) -> None:
    group["members"] = [item for item in group.get("members", []) if item["value"] != identifier]


def _json(status: int, body: Any) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/scim+json"}, json.dumps(body).encode())


def _error(status: int, detail: str, scim_type: str = "") -> HttpResponse:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": detail}
    return _json(status, body | ({"scimType": scim_type} if scim_type else {}))
