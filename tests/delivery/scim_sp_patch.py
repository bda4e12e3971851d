"""PATCH as an SP of ours applies it (RFC 7644 3.5.2): only what is needed to hold a client to it."""

import re
from typing import Any

PATH = re.compile(
    r'(?:(?P<urn>urn:[^\[\]"\s]+):)?(?P<name>[A-Za-z$][\w$-]*)'
    r'(?:\[(?P<key>\w+) eq (?P<value>"(?:[^"\\]|\\.)*")\])?(?:\.(?P<sub>[A-Za-z$][\w$-]*))?'
)
LISTS = ("emails", "phoneNumbers", "addresses", "members", "roles")


class RefusedError(Exception):
    """The answer to a request that is not served."""

    def __init__(self, status: int, scim_type: str = "", detail: str = "") -> None:
        super().__init__(detail)
        self.status, self.scim_type, self.detail = status, scim_type, detail


def apply(resource: dict[str, Any], operation: dict[str, Any]) -> None:
    """One operation on a resource, in place. Raises RefusedError."""
    kind, path = operation["op"], operation.get("path")
    value: Any = operation.get("value")
    if path is None:
        for name, item in value.items():
            if name.startswith("urn:"):
                resource.setdefault(name, {}).update(item)
            else:
                _set(resource, name, "", kind, item)
        return
    match = PATH.fullmatch(path)
    if match is None:
        raise RefusedError(400, "invalidPath", path)
    container = resource.setdefault(match["urn"], {}) if match["urn"] else resource
    if match["key"]:
        _entry(container, match, kind, value)
    elif kind == "remove":
        _remove(container, match["name"], match["sub"], value)
    else:
        _set(container, match["name"], match["sub"] or "", kind, value)
    if match["urn"] and not container:
        del resource[match["urn"]]


def _set(container: dict[str, Any], name: str, sub: str, kind: str, value: Any) -> None:
    if sub:
        container.setdefault(name, {})[sub] = value
    elif kind == "add" and name in LISTS:
        held = container.setdefault(name, [])
        held += [item for item in value if item not in held]
    elif isinstance(value, dict) and isinstance(container.get(name), dict):
        container[name].update(value)
    else:
        container[name] = value


def _remove(container: dict[str, Any], name: str, sub: str | None, value: Any) -> None:
    if value is not None:
        gone = [item["value"] for item in value]
        container[name] = [item for item in container.get(name, []) if item["value"] not in gone]
    elif sub:
        container.get(name, {}).pop(sub, None)
    else:
        container.pop(name, None)


def _entry(container: dict[str, Any], match: re.Match[str], kind: str, value: Any) -> None:
    entries = container.get(match["name"], [])
    wanted = match["value"][1:-1].replace('\\"', '"').replace("\\\\", "\\")
    chosen = [entry for entry in entries if entry.get(match["key"]) == wanted]
    if not chosen:
        raise RefusedError(400, "noTarget", match[0])
    if kind == "remove" and not match["sub"]:
        container[match["name"]] = [entry for entry in entries if entry not in chosen]
        return
    for entry in chosen:
        if kind == "remove":
            entry.pop(match["sub"], None)
        else:
            entry[match["sub"] or "value"] = value
