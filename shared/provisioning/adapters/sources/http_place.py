"""Places in lists and between two looks for changes, as text that is of use in another process."""

import json
from dataclasses import asdict, dataclass, fields

from provisioning.adapters.sources.http_walk import Walk, read_walk
from provisioning.adapters.sources.told import read_told
from provisioning.core.source_http import HttpSource
from provisioning.core.wire import digest_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where changes go on. `at`: an instant until which changes were shown, or what the API handed out for this look.

    `newest`: by the server's time when this look began; `some`: whether it has shown anything. `etag`: of the answer
    that said all when `at` was asked for last. `walk`: within a look, how far it has come. `tries`: looks, one after
    the other, that could not see all.
    """

    of: str
    at: str
    newest: str = ""
    some: bool = False
    etag: str = ""
    walk: Walk | None = None
    tries: int = 0

    def write(self) -> str:
        """As text."""
        return json.dumps(asdict(self))


def read_place(text: str, options: HttpSource) -> Place | None:
    """The place, if it was written for this question."""
    told = read_told(text, question_of(options))
    if told is None or told.keys() != {each.name for each in fields(Place)}:
        return None
    walk = read_walk(told["walk"]) if told["walk"] is not None else None
    texts = (told["at"], told["newest"], told["etag"])
    if (walk is None) != (told["walk"] is None) or not all(isinstance(each, str) for each in texts):
        return None
    return Place(**{**told, "walk": walk}) if type(told["tries"]) is int and type(told["some"]) is bool else None


def write_snapshot(walk: Walk, options: HttpSource) -> str:
    """Where a snapshot goes on, as text."""
    return json.dumps({"of": question_of(options), "walk": walk.told()})


def read_snapshot(text: str, options: HttpSource) -> Walk | None:
    """Where a snapshot goes on, if it was written for this question."""
    told = read_told(text, question_of(options))
    return read_walk(told.get("walk")) if told is not None else None


def question_of(options: HttpSource) -> str:
    """A digest of what is asked. How we are known there does not matter."""
    told = options.model_dump(mode="json", exclude={"secret", "authentication", "header", "private"})
    if told["changes"] is not None:
        told["changes"] = {name: value for name, value in told["changes"].items() if name not in ("overlap", "expired")}
    return digest_of(told)
