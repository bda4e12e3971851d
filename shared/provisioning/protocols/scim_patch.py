"""The smallest PATCH (RFC 7644 3.5.2) from what an account holds to what it should hold."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from provisioning.core.account import Json
from provisioning.protocols.scim_filter import literal
from provisioning.protocols.scim_resource import Path, as_scim, read_path, value_at

MESSAGE: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_TEXT: Final = frozenset({str})
Operation = dict[str, Any]


def patch_body(operations: list[Operation]) -> Json:
    """The body of a PATCH."""
    return {"schemas": [MESSAGE], "Operations": operations}


def applied(values: Mapping[str, Json]) -> dict[str, Json]:
    """What was applied, by path, in SCIM's form. None stands for what may be there and was not applied by us."""
    if _TEXT.issuperset(map(type, values.values())) and _hold_texts(tuple(values)):
        return dict(values)
    return {text: as_scim(read_path(text), value) for text, value in values.items() if value is not None}


@lru_cache(maxsize=1024)
def _hold_texts(texts: tuple[str, ...]) -> bool:
    """Whether a text stands at each of these paths as it is. Raises InvalidError for what is no path."""
    return not any(path.has_entries for path in map(read_path, texts))


def shown_values(resource: Mapping[str, Json], *values: Mapping[str, Json]) -> dict[str, Json]:
    """What a resource shows at the paths of these values: at our paths only."""
    texts = {text: None for each in values for text in each}
    shown = {text: value_at(resource, read_path(text)) for text in texts}
    return {text: value for text, value in shown.items() if value is not None}


def operations(
    before: Mapping[str, Json], desired: Mapping[str, Json], same: Callable[[Json, Json], bool]
) -> list[Operation]:
    """One operation for each path whose value is not the same, and for each that is no longer wanted.

    Setting is `replace`, which adds what is not there. An entry that a path selects must exist to be replaced
    (noTarget otherwise), so a new one is added whole.
    """
    wanted = {text: value for text, value in applied(desired).items() if value != []}
    made: list[Operation] = []
    entries: dict[tuple[str, str, tuple[str, str]], dict[str, Json]] = {}
    for text, value in wanted.items():
        if text in before and same(before[text], value):
            continue
        path = read_path(text)
        if path.is_engines:
            continue
        if path.selector is None or _has_entry(before, path):
            made.append({"op": "replace", "path": text, "value": value})
        else:
            key, selected = path.selector
            entry = entries.setdefault((path.schema, path.attribute, path.selector), {key: selected})
            entry[path.sub or "value"] = value
    for (schema, attribute, _), entry in entries.items():
        made.append({"op": "add", "path": f"{schema}:{attribute}" if schema else attribute, "value": [entry]})
    return made + _removals(before, wanted)


def _removals(before: Mapping[str, Json], wanted: Mapping[str, Json]) -> list[Operation]:
    targets: dict[str, None] = {}
    for text, value in before.items():
        if text in wanted or value == []:
            continue
        path = read_path(text)
        if path.is_engines:
            continue
        if path.selector is not None and not _has_entry(wanted, path):
            name = f"{path.schema}:{path.attribute}" if path.schema else path.attribute
            text = f"{name}[{path.selector[0]} eq {literal(path.selector[1])}]"  # the whole entry goes
        targets[text] = None
    return [{"op": "remove", "path": target} for target in targets]


def _has_entry(values: Mapping[str, Json], path: Path) -> bool:
    """Whether any path among these selects the same entry."""
    place = (path.schema, path.attribute, path.selector)
    return any((other.schema, other.attribute, other.selector) == place for other in map(read_path, values))
