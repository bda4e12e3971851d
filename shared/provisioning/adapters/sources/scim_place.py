"""Places in lists and between two looks for changes, as text that is of use in another process."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from provisioning.adapters.sources.scim_pages import Walk
from provisioning.adapters.sources.told import read_told
from provisioning.core.source_scim import ScimSource
from provisioning.core.wire import digest_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where changes go on. `at`: what happened before was shown; `newest`: until then this look shows.

    `walk`: within a look, how far it has come. `sketch`: memberships as they were. `tries`: looks, one after the
    other, that could not see all.
    """

    of: str
    at: str
    walk: Walk | None = None
    newest: str = ""
    sketch: str = ""
    tries: int = 0

    def write(self) -> str:
        """As text."""
        return json.dumps(asdict(self))


def read_place(text: str, options: ScimSource) -> Place | None:
    """The place, if it was written for this question."""
    told = read_told(text, question_of(options))
    if told is None or {"of", "at"} - told.keys() or told.keys() - {each.name for each in fields(Place)}:
        return None
    walk = _walk(told.get("walk")) if told.get("walk") is not None else None
    return Place(**{**told, "walk": walk})


def write_walk(walk: Walk, options: ScimSource) -> str:
    """Where a snapshot goes on, as text."""
    return json.dumps({"of": question_of(options), "walk": walk.told()})


def read_walk(text: str, options: ScimSource) -> Walk | None:
    """Where a snapshot goes on, if it was written for this question."""
    told = read_told(text, question_of(options))
    return _walk(told.get("walk")) if told is not None else None


def question_of(options: ScimSource) -> str:
    """A digest of what is asked. Where the server is, and how we are known there, does not matter."""
    out = {"url", "secret", "authentication", "private", "overlap", "changes"}
    return digest_of(options.model_dump(mode="json", exclude=out))


def _walk(told: Any) -> Walk | None:
    if not isinstance(told, dict) or "way" not in told or told.keys() - {each.name for each in fields(Walk)}:
        return None
    return Walk(**told)
