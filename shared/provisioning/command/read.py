"""The files of a bundle's folder → checked models, each with its place, and every fault at its line and column."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from provisioning.command.yaml import Document, read_yaml
from provisioning.core.catalog import Model
from provisioning.core.errors import InvalidError

Entry = TypeVar("Entry", bound=Model)
Place = tuple[Document, tuple[str | int, ...]]


@dataclass
class Reader:
    """Reads files of one folder, and gathers the problems and the places of what it read."""

    folder: Path
    problems: list[InvalidError] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)

    def one(self, pattern: str, model: type[Entry], kind: str, optional: bool = False) -> Iterator[Entry]:
        """One entry a file. `optional`: there may be no file at all."""
        for document in self._documents(pattern, optional):
            yield from self._entry(model, document, (), document.value, kind)

    def many(self, pattern: str, model: type[Entry], kind: str, optional: bool = False) -> Iterator[Entry]:
        """A list of entries a file. `optional`: there may be no file at all."""
        for document in self._documents(pattern, optional):
            if not isinstance(document.value, list):
                line, column = document.locate(())
                right = f"`- ` before each of the {kind}, also if it is the only one"
                self.problems.append(InvalidError("the file is not a list", str(document.file), line, column, right))
                continue
            for number, value in enumerate(document.value):
                yield from self._entry(model, document, (number,), value, kind)

    def _documents(self, pattern: str, optional: bool = False) -> Iterator[Document]:
        files = sorted(self.folder.glob(pattern))
        if not files and not optional:
            self.problems.append(
                InvalidError("no such file", str(self.folder / pattern), right="see the sample tenant")
            )
        for file in files:
            try:
                yield read_yaml(file)
            except InvalidError as error:
                self.problems.append(error)

    def _entry(
        self, model: type[Entry], document: Document, base: tuple[str | int, ...], value: Any, kind: str
    ) -> Iterator[Entry]:
        try:
            # As JSON, so that nothing is taken for what it is not: "10" is a text, and a list is a tuple's values.
            entry = model.model_validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            self.problems.extend(_problem(model, document, base, fault) for fault in faults)
            return
        self.places[kind if kind == "tenant" else f"{kind}/{getattr(entry, 'id', '')}"] = (document, base)
        yield entry


def locate(places: dict[str, Place], error: InvalidError) -> InvalidError:
    """The same error, at its file, line and column."""
    entry, _, rest = error.where.partition(".")
    if entry not in places:
        return error
    document, base = places[entry]
    path = document.follow(base, _names(document, base, rest))
    path = document.follow(path, ["value"])  # where it is written out as `{value: …}`
    line, column = document.locate(path, max(error.line, 1), max(error.column, 1))
    return InvalidError(error.problem, str(document.file), line, column, error.right)


def _names(document: Document, base: tuple[str | int, ...], rest: str) -> list[str]:
    """The parts of a place. The path of a mapped value is one of them, dots and all, and more may follow it."""
    if not rest.startswith("account."):
        return rest.split(".")
    mapped = rest.removeprefix("account.")
    keys = [str(path[-1]) for path in document.places if path[:-1] == (*base, "account")]
    key = max((key for key in keys if f"{mapped}.".startswith(f"{key}.")), key=len, default=mapped)
    return ["account", key, *filter(None, mapped[len(key) + 1 :].split("."))]


def _problem(model: type[Model], document: Document, base: tuple[str | int, ...], fault: ErrorDetails) -> InvalidError:
    path = document.follow(base, fault["loc"])
    line, column = document.locate(path)
    names = [str(name) for name in path[len(base) :]]
    if fault["type"] == "missing":
        names.append(str(fault["loc"][-1]))
    told = f"{'.'.join(names)}: {fault['msg']}" if names else fault["msg"]
    return InvalidError(told, str(document.file), line, column, _right(model, fault))


def _right(model: type[Model], fault: ErrorDetails) -> str:
    if fault["type"] == "extra_forbidden":
        return f"one of {', '.join(_fields(model, fault['loc'][:-1]))}"
    if fault["type"] == "string_pattern_mismatch":
        pattern = fault["ctx"]["pattern"]
        return "letters, digits and hyphens in lower case, the first a letter" if "a-z0-9-" in pattern else pattern
    return ""


def _fields(model: type[Model], path: Iterable[str | int]) -> list[str]:
    """The fields that the model at a path has."""
    models = [model]
    for name in path:
        fields = [
            found for candidate in models for key, found in candidate.model_fields.items() if name in (key, found.alias)
        ]
        if fields:
            models = [inner for found in fields for inner in _models(found.annotation)]
        else:  # an index, a key, or the name of one form among several
            models = [candidate for candidate in models if candidate.__name__ == name] or models
    return [found.alias or key for candidate in models for key, found in candidate.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
