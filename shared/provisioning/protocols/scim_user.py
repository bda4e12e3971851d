"""A User of the values that a mapping gives (RFC 7643 4.1)."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from provisioning.core.account import Json
from provisioning.core.errors import InvalidError
from provisioning.protocols.scim_resource import USER, as_scim, place, read_path, spelled

_STRUCTURED: Final = (dict, list, tuple)
_PLAIN: Final = frozenset({str, bool, int, float, type(None)})
_TEXT: Final = frozenset({str})


def check_values(values: Mapping[str, Json], known: Mapping[str, Json], identity: str) -> None:
    """Whether a User can be made of values, and compared with what is known. Raises InvalidError for a bad mapping."""
    if not known.keys() <= values.keys():
        for text in known:
            read_path(text)
    for text in _marks(tuple(values)):
        if values[text] != identity:
            raise InvalidError("externalId is the engine's own mark", where=text, right="identity, or no mapping")
    if _PLAIN.issuperset(map(type, values.values())):
        _check_paths(tuple(values))
    else:
        make_user(values, identity, active=True)


@lru_cache(maxsize=1024)
def _marks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some paths at which the engine's own mark stands. Raises InvalidError for what is no path."""
    paths = [read_path(text) for text in texts]
    return tuple(path.text for path in paths if path.is_engines and path.attribute.casefold() == "externalid")


@lru_cache(maxsize=1024)
def _check_paths(texts: tuple[str, ...]) -> None:
    """Whether plain values can stand at these paths together: it depends on nothing else. Raises InvalidError."""
    make_user(dict.fromkeys(texts, "x"), "", active=True)


def make_user(values: Mapping[str, Json], identity: str, *, active: bool) -> dict[str, Json]:
    """A User of these values, with the owner's mark. Raises InvalidError if two paths contradict each other.

    Where all values are texts, as they nearly always are, it is laid out once for all that have the same paths.
    """
    layout = _layout(tuple(values)) if _TEXT.issuperset(map(type, values.values())) else None
    if layout is None:
        return put_together(values, identity, active=active)
    return layout.user(values, identity, active=active)


def put_together(values: Mapping[str, Json], identity: str, *, active: bool) -> dict[str, Json]:
    """The same, path by path."""
    schemas = [USER]
    user: dict[str, Json] = {"schemas": schemas, "externalId": identity, "active": active}
    for text, value in values.items():
        path = read_path(text)
        wanted = as_scim(path, value)
        if path.is_engines or wanted == []:
            continue
        if isinstance(wanted, _STRUCTURED):
            wanted = deepcopy(wanted)  # other paths may add to it
        schema = spelled(user, path.schema) if path.schema else ""
        if schema and schema not in schemas:
            schemas.append(schema)
        place(user.setdefault(schema, {}) if schema else user, path, wanted)
    return user


class _Step(NamedTuple):
    """What is put into a container of a User, and under which name (None: at the end of a list).

    A text at path `text`; where there is none, a new container that begins as `begun`. Containers are numbered from
    0, the User itself, in the order in which they are made.
    """

    container: int
    name: str | None
    text: str | None
    begun: Any = None


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a User is made of texts at some paths."""

    schemas: list[str]
    steps: list[_Step]

    def user(self, values: Mapping[str, str], identity: str, *, active: bool) -> dict[str, Json]:
        """The User of these texts."""
        user: dict[str, Json] = {"schemas": self.schemas.copy(), "externalId": identity, "active": active}
        made: list[Any] = [user]
        for container, name, text, begun in self.steps:
            if text is not None:
                made[container][name] = values[text]
                continue
            new = begun.copy()
            made.append(new)
            if name is None:
                made[container].append(new)
            else:
                made[container][name] = new
        return user


class _Blank(str):
    """The place of a text in a User. What the text will be is not known, so it cannot be compared with another."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            raise _AskedError
        return False

    __hash__ = str.__hash__


class _AskedError(Exception):
    """It depends on a text how the User is made."""


@lru_cache(maxsize=1024)
def _layout(texts: tuple[str, ...]) -> _Layout | None:
    """Read off a User with blanks; None if it depends on the texts, too. Raises InvalidError as `make_user` does."""
    try:
        user = put_together({text: _Blank(text) for text in texts}, "", active=True)
    except _AskedError:
        return None
    layout = _Layout(user.pop("schemas"), [])
    del user["externalId"], user["active"]
    _lay_out(layout.steps, user, 0)
    return layout


def _lay_out(steps: list[_Step], part: dict[str, Json] | list[Json], number: int) -> None:
    """Add the steps that fill a container, and those in it."""
    for name, item in part.items() if isinstance(part, dict) else [(None, item) for item in part]:
        if isinstance(item, _Blank):
            steps.append(_Step(number, name, str(item)))
        elif isinstance(item, list):
            steps.append(_Step(number, name, None, []))
            _lay_out(steps, item, sum(step.text is None for step in steps))
        elif isinstance(item, dict):
            begun = {key: text for key, text in item.items() if type(text) is str}
            steps.append(_Step(number, name, None, begun))
            _lay_out(steps, item, sum(step.text is None for step in steps))
