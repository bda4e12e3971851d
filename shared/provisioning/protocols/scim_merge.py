"""A resource as it should be, made of the one that the SP shows: what is not ours is kept (RFC 7644 3.5.1)."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from provisioning.core.account import Json
from provisioning.protocols.scim_patch import applied
from provisioning.protocols.scim_resource import Path, entries_at, member, read_path, spelled

_READ_ONLY: Final = ("meta", "groups")  # RFC 7643 3.1, 4.1.2: the SP's own


def merged(
    shown: Mapping[str, Json], had: Mapping[str, Json], wanted: Mapping[str, Json], fixed: Mapping[str, Json]
) -> dict[str, Any]:
    """What is shown, without what was ours and is not wanted, and with what is wanted.

    `fixed`: attributes that the engine itself decides. Extensions that are used are named in `schemas`.
    """
    user = {name: deepcopy(value) for name, value in shown.items() if name.casefold() not in _READ_ONLY}
    values = {text: value for text, value in applied(wanted).items() if value != []}
    for text in had:
        path = read_path(text)
        if text not in values and not path.is_engines:
            _clear(user, path)
    for text, value in values.items():
        path = read_path(text)
        if not path.is_engines:
            _set(user, path, deepcopy(value))
    for name, value in fixed.items():
        user[spelled(user, name)] = value
    return {**user, "schemas": _schemas(user)}


def _set(user: dict[str, Any], path: Path, value: Json) -> None:
    container = _inside(user, path.schema) if path.schema else user
    name = spelled(container, path.attribute)
    if path.selector is not None:
        if not isinstance(container.get(name), list):
            container[name] = []
        entry = next(entries_at(container[name], path), None)
        if entry is None:
            entry = {path.selector[0]: path.selector[1]}
            container[name].append(entry)
        entry[spelled(entry, path.sub or "value")] = value
    elif path.sub:
        inner = _inside(container, path.attribute)
        inner[spelled(inner, path.sub)] = value
    else:
        container[name] = value


def _clear(user: dict[str, Any], path: Path) -> None:
    """Take a value away, and what it leaves empty: an entry that says only which one it was, an extension."""
    container = member(user, path.schema) if path.schema else user
    if not isinstance(container, dict):
        return
    name = spelled(container, path.attribute)
    value = container.get(name)
    if path.selector is not None and isinstance(value, list):
        for entry in list(entries_at(value, path)):
            entry.pop(spelled(entry, path.sub or "value"), None)
        container[name] = [entry for entry in value if not _says_nothing(entry, path)]
    elif path.sub and isinstance(value, dict):
        value.pop(spelled(value, path.sub), None)
    elif not path.sub and path.selector is None:
        container.pop(name, None)
    if container.get(name) in ({}, []):
        container.pop(name)
    if path.schema and not container:
        user.pop(spelled(user, path.schema), None)


def _says_nothing(entry: Json, path: Path) -> bool:
    left = {name.casefold() for name in entry} if isinstance(entry, dict) else {"value"}
    return path.selector is not None and left <= {path.selector[0].casefold(), "primary", "display"}


def _inside(container: dict[str, Any], name: str) -> dict[str, Any]:
    key = spelled(container, name)
    if not isinstance(container.get(key), dict):
        container[key] = {}
    inner: dict[str, Any] = container[key]
    return inner


def _schemas(user: Mapping[str, Json]) -> list[Json]:
    shown = member(user, "schemas")
    schemas = list(shown) if isinstance(shown, list) else []
    named = {str(schema).casefold() for schema in schemas}
    return schemas + [name for name in user if name.casefold().startswith("urn:") and name.casefold() not in named]
