"""Attribute paths ↔ SCIM resources (RFC 7643): where a value of the mapping stands in a User."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
# Complex multi-valued attributes whose entries have a `value` (RFC 7643 4.1.2): a bare text stands for one entry.
_ENTRIES: Final = frozenset({"emails", "phonenumbers", "ims", "photos", "entitlements", "roles", "x509certificates"})
_ENGINES: Final = frozenset({"active", "externalid"})
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
    is_engines: bool = False  # the engine itself decides this attribute: the state, and the owner's mark
    has_entries: bool = False  # bare texts stand for entries

    @property
    def is_secret(self) -> bool:
        """Whether no SP ever shows it (RFC 7643 4.1.1)."""
        return not self.schema and self.attribute.casefold() == "password"


@lru_cache(maxsize=1024)
def read_path(text: str) -> Path:
    """Read a path as operators write it. Raises InvalidError."""
    match = _PATH.fullmatch(text)
    if match is None:
        raise InvalidError("not a path of a SCIM attribute", where=text, right=_RIGHT)
    schema = "" if (match["schema"] or USER).casefold() == USER.casefold() else match["schema"]
    name, sub = match["attribute"].casefold(), match["sub"] or ""
    selector = (match["key"], match["text"]) if match["key"] else None
    has_entries = not (selector or sub or schema) and name in _ENTRIES
    is_engines = not schema and name in _ENGINES
    path = Path(text, schema, match["attribute"], selector, sub, is_engines, has_entries)
    if not schema and path.attribute.casefold() in _RESERVED:
        raise InvalidError("an attribute that the SP sets", where=text, right=_RIGHT)
    if path.sub and not path.selector and path.attribute.casefold() in _ENTRIES:
        right = f'{path.attribute}[type eq "work"].{path.sub}, or a list for {path.attribute}'
        raise InvalidError("it does not say of which entry", where=text, right=right)
    return path


def place(container: dict[str, Json], path: Path, value: Json) -> None:
    """Put a value where a path says, in a User or in its extension. Raises InvalidError if another is in the way."""
    if path.selector is not None:
        entries = container.setdefault(path.attribute, [])
        if isinstance(entries, list):
            entry = next(entries_at(entries, path), None)
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
    if not path.has_entries:
        return list(value) if isinstance(value, tuple) else value
    items = value if isinstance(value, list | tuple) else [value]
    return [{"value": item} if isinstance(item, str) else item for item in items]


def value_at(resource: Mapping[str, Json], path: Path) -> Json:
    """What a resource shows at a path, or None."""
    container = member(resource, path.schema) if path.schema else resource
    value = member(container, path.attribute)
    if path.selector is not None:
        return member(next(entries_at(value, path), None), path.sub or "value")
    return member(value, path.sub) if path.sub else value


def member(value: Json, name: str) -> Json:
    """A member of an object, or None; names of attributes are case-insensitive (RFC 7643 2.1)."""
    if not isinstance(value, Mapping):
        return None
    if name in value:
        return value[name]
    return next((item for key, item in value.items() if key.casefold() == name.casefold()), None)


def spelled(container: Mapping[str, Json], name: str) -> str:
    """A member's name as the object spells it, or as given if it has no such member."""
    if name in container:
        return name
    return next((key for key in container if key.casefold() == name.casefold()), name)


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


def entries_at(entries: Json, path: Path) -> Iterator[dict[str, Json]]:
    """The entries of a list that a path selects."""
    if path.selector is None or not isinstance(entries, list):
        return
    name, text = path.selector
    for entry in entries:
        if isinstance(entry, dict) and member(entry, name) == text:
            yield entry
