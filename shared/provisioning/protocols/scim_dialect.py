"""Changes in the form in which an SP reads them: data of the service decides (`core/scim_options.py`)."""

from collections.abc import Mapping
from typing import Any

from provisioning.core.account import Json
from provisioning.core.scim_options import Scim
from provisioning.protocols.scim_patch import Operation
from provisioning.protocols.scim_resource import Path, as_scim, member, place, read_path, value_at


def fitted(scim: Scim, values: Mapping[str, Json]) -> Mapping[str, Json]:
    """The values as this SP can hold them: of a list of entries one, the primary or the first, if it holds only one."""
    if not scim.single_valued:
        return values
    return {text: _one(read_path(text), value) for text, value in values.items()}


def _one(path: Path, value: Json) -> Json:
    entries = as_scim(path, value)
    if not isinstance(entries, list) or len(entries) < 2 or not all(isinstance(entry, dict) for entry in entries):
        return value
    return [next((entry for entry in entries if member(entry, "primary") is True), entries[0])]


def needs_entries(scim: Scim, changes: list[Operation]) -> bool:
    """Whether a list must be sent whole, so that the entries that are not ours have to be known first."""
    return not scim.single_valued and sends_whole(scim) and any(map(_is_entry, changes))


def spoken(scim: Scim, changes: list[Operation], resource: Mapping[str, Json]) -> list[Operation]:
    """The same changes as this SP reads them. `resource`: as it should be afterwards."""
    if sends_whole(scim):
        changes = _whole(changes, resource)
    return changes if scim.paths else _without_paths(changes)


def sends_whole(scim: Scim) -> bool:
    """An SP that holds one entry would have two for a moment, if one was added and the other removed."""
    return not scim.filtered_paths or not scim.paths or scim.single_valued


def _is_entry(operation: Operation) -> bool:
    """Whether an operation is about one entry of a list: a value path, or the addition of an entry."""
    return "[" in operation["path"] or operation["op"] == "add"


def _whole(changes: list[Operation], resource: Mapping[str, Json]) -> list[Operation]:
    made: dict[str, Operation] = {}
    for operation in changes:
        text = operation["path"]
        if not _is_entry(operation):
            made[text] = operation
            continue
        name = text.partition("[")[0]
        value = value_at(resource, read_path(name))
        made[name] = {"op": "replace", "path": name, "value": value} if value else {"op": "remove", "path": name}
    return list(made.values())


def _without_paths(changes: list[Operation]) -> list[Operation]:
    """One operation whose value holds all that is set (RFC 7644 3.5.2.3); a removal needs its path (3.5.2.2)."""
    values: dict[str, Any] = {}
    for operation in changes:
        if operation["op"] != "remove":
            path = read_path(operation["path"])
            place(values.setdefault(path.schema, {}) if path.schema else values, path, operation["value"])
    removals = [operation for operation in changes if operation["op"] == "remove"]
    return [*([{"op": "replace", "value": values}] if values else []), *removals]
