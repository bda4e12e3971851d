"""Attribute paths ↔ SCIM resources (RFC 7643): where a value of the mapping stands in a User."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
# Complex multi-valued attributes whose entries have a `value` (RFC 7643 4.1.2): a bare text stands for one entry.
_ENTRIES: Final = frozenset({"emails", "phonenumbers", "ims", "photos", "entitlements", "roles", "x509certificates"})
_RESERVED: Final = frozenset({"id", "schemas", "meta", "groups"})
_NAME: Final = r"[A-Za-z$][A-Za-z0-9_$-]*"
_PATH: Final = re.compile(
    rf"(?:(?P<schema>[uU][rR][nN]:[^\[\]\"\s]+):)?(?P<attribute>{_NAME})"
    rf'(?:\[(?P<key>{_NAME}) eq "(?P<text>[^"\\]*)"\])?(?:\.(?P<sub>{_NAME}))?'
)
_RIGHT: Final = 'such as userName, name.givenName, emails[type eq "work"].value, or urn:…:User:department'


@dataclass(frozen=True, slots=True)
class Path:
    """One attribute path (RFC 7644 3.10). `selector`: (attribute, text) that picks an entry of a list."""

    text: str
    schema: str  # of an extension, or nothing
    attribute: str
    selector: tuple[str, str] | None
    sub: str
    is_engines: bool  # whether the engine itself decides this attribute: the state, and the owner's mark
    is_entries: bool  # whether the path stands for a whole list of entries, of which a bare text can be one


@lru_cache(maxsize=1024)
def read_path(text: str) -> Path:
    """Read a path as operators write it. Raises InvalidError."""
    match = _PATH.fullmatch(text)
    if match is None:
        raise InvalidError("not a path of a SCIM attribute", where=text, right=_RIGHT)
    schema = "" if (match["schema"] or USER).casefold() == USER.casefold() else match["schema"]
    attribute, sub = match["attribute"], match["sub"] or ""
    selector = (match["key"], match["text"]) if match["key"] else None
    folded = attribute.casefold()
    if not schema and folded in _RESERVED:
        raise InvalidError("an attribute that the SP sets", where=text, right=_RIGHT)
    if sub and not selector and folded in _ENTRIES:
        right = f'{attribute}[type eq "work"].{sub}, or a list for {attribute}'
        raise InvalidError("it does not say of which entry", where=text, right=right)
    is_engines = not schema and folded in ("active", "externalid")
    is_entries = not schema and not selector and not sub and folded in _ENTRIES
    return Path(text, schema, attribute, selector, sub, is_engines, is_entries)


def check_values(values: Mapping[str, Json], known: Mapping[str, Json], identity: str) -> None:
    """Whether a User can be made of values, and compared with what is known. Raises InvalidError for a bad mapping."""
    for text in known:
        read_path(text)
    for text, value in values.items():
        if value != identity and read_path(text).attribute.casefold() == "externalid":
            raise InvalidError("externalId is the engine's own mark", where=text, right="identity, or no mapping")
    if not _are_apart(tuple(values)):
        make_user(values, identity, active=True)  # whether they fit together depends on the values


@lru_cache(maxsize=1024)
def _are_apart(texts: tuple[str, ...]) -> bool:
    """Whether no path leaves no room for another, whatever their values are. Raises InvalidError as `read_path`.

    An attribute may have several paths if all select entries, or if all name members.
    """
    forms: dict[tuple[str, str], str] = {}
    for path in map(read_path, texts):
        form = "entries" if path.selector is not None else "members" if path.sub else path.text
        if not path.is_engines and forms.setdefault((path.schema, path.attribute), form) != form:
            return False
    return True


def make_user(values: Mapping[str, Json], identity: str, *, active: bool) -> dict[str, Json]:
    """A User of these values, with the owner's mark. Raises InvalidError if two paths contradict each other."""
    schemas = [USER]
    user: dict[str, Json] = {"schemas": schemas, "externalId": identity, "active": active}
    for text, value in values.items():
        path = read_path(text)
        wanted = as_scim(path, value)
        if path.is_engines or wanted == []:
            continue
        if not isinstance(wanted, str):
            wanted = deepcopy(wanted)  # other paths may add to it
        if path.schema and path.schema not in schemas:
            schemas.append(path.schema)
        _place(user.setdefault(path.schema, {}) if path.schema else user, path, wanted)
    return user


def _place(container: dict[str, Json], path: Path, value: Json) -> None:
    if path.selector is not None:
        entries = container.setdefault(path.attribute, [])
        if isinstance(entries, list):
            entry = next(_selected(entries, path), None)
            if entry is None:
                entry = {path.selector[0]: path.selector[1]}
                entries.append(entry)
            entry[path.sub or "value"] = value
            return
    elif path.sub:
        complex_value = container.setdefault(path.attribute, {})
        if isinstance(complex_value, dict):
            complex_value[path.sub] = value
            return
    elif path.attribute not in container:
        container[path.attribute] = value
        return
    raise InvalidError("another path sets the same attribute otherwise", where=path.text, right="one of the two")


def as_scim(path: Path, value: Json) -> Json:
    """A value in the form that SCIM gives it: bare texts of a list such as `emails` become its entries."""
    if not path.is_entries:
        return list(value) if isinstance(value, tuple) else value
    items = value if isinstance(value, list | tuple) else [value]
    return [{"value": item} if isinstance(item, str) else item for item in items]


def value_at(resource: Mapping[str, Json], path: Path) -> Json:
    """What a resource shows at a path, or None."""
    container = member(resource, path.schema) if path.schema else resource
    value = member(container, path.attribute)
    if path.selector is not None:
        return member(next(_selected(value, path), None), path.sub or "value")
    return member(value, path.sub) if path.sub else value


def member(value: Json, name: str) -> Json:
    """A member of an object, or None; names of attributes are case-insensitive (RFC 7643 2.1)."""
    if not isinstance(value, Mapping):
        return None
    if name in value:
        return value[name]
    return next((item for key, item in value.items() if key.casefold() == name.casefold()), None)


def shows(shown: Json, wanted: Json) -> bool:
    """Whether what an SP shows is what is wanted. It may show more members, and a list in another order."""
    if isinstance(wanted, Mapping):
        return all(shows(member(shown, name), item) for name, item in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(shown, list) or len(shown) != len(wanted):
            return False
        left = list(shown)
        for item in wanted:
            place = next((number for number, other in enumerate(left) if shows(other, item)), None)
            if place is None:
                return False
            del left[place]
        return True
    return type(shown) is type(wanted) and bool(shown == wanted)


def _selected(entries: Json, path: Path) -> Iterator[dict[str, Json]]:
    if path.selector is None or not isinstance(entries, list):
        return
    name, text = path.selector
    for entry in entries:
        if isinstance(entry, dict) and member(entry, name) == text:
            yield entry
