"""The bundle's folder → `Bundle` and `Policy`, with every error at its file, line and column.

tenant.yaml           the tenant
sources/*.yaml        one source a file
services/*.yaml       one service a file
rules/*.yaml          a list of rules a file, in the order of the files' names
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from provisioning.command.yaml import Document, read_yaml
from provisioning.core.catalog import Bundle, Model, Rule, Service, Source, Tenant
from provisioning.core.errors import InvalidError
from provisioning.core.policy import Policy
from provisioning.core.publication import BundleError, compile_bundle
from provisioning.core.wire import canonical, digest_of

Entry = TypeVar("Entry", bound=Model)


@dataclass
class Folder:
    """A bundle as read, and where each of its entries stands."""

    bundle: Bundle
    places: dict[str, tuple[Document, tuple[str | int, ...]]] = field(default_factory=dict)

    @property
    def published(self) -> bytes:
        """The form that functions load."""
        return canonical(self.bundle.model_dump(mode="json", by_alias=True))

    @property
    def hash(self) -> str:
        """Stands for the bundle's content."""
        return digest_of(self.bundle.model_dump(mode="json", by_alias=True))

    def locate(self, error: InvalidError) -> InvalidError:
        """The same error, at its file, line and column."""
        entry, _, rest = error.where.partition(".")
        if entry not in self.places:
            return error
        document, base = self.places[entry]
        names = tuple(rest.split(".", 1)) if rest.startswith("account.") else tuple(filter(None, rest.split(".")))
        path = _value_path(document, (*base, *names))
        line, column = document.locate(path, max(error.line, 1), max(error.column, 1))
        return InvalidError(error.problem, str(document.file), line, column, error.right)


def _value_path(document: Document, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The mapped value itself, where it is written out as `{value: …}`."""
    return (*path, "value") if (*path, "value") in document.places else path


def load_folder(path: Path) -> Folder:
    """Read all files. Raises BundleError with every problem found."""
    problems: list[InvalidError] = []
    places: dict[str, tuple[Document, tuple[str | int, ...]]] = {}

    def read(pattern: str, model: type[Entry], kind: str, many: bool) -> Iterator[Entry]:
        files = sorted(path.glob(pattern))
        if not files:
            problems.append(InvalidError("no such file", str(path / pattern), right="see the sample tenant"))
        for file in files:
            try:
                document = read_yaml(file)
            except InvalidError as error:
                problems.append(error)
                continue
            for base, value in _entries(document, many):
                entry = _entry(model, document, base, value, problems)
                if entry is not None:
                    places[f"{kind}/{getattr(entry, 'id', '')}" if kind != "tenant" else kind] = (document, base)
                    yield entry

    tenants = list(read("tenant.yaml", Tenant, "tenant", many=False))
    sources = tuple(read("sources/*.yaml", Source, "sources", many=False))
    services = tuple(read("services/*.yaml", Service, "services", many=False))
    rules = tuple(read("rules/*.yaml", Rule, "rules", many=True))
    if problems:
        raise BundleError(problems)
    return Folder(Bundle(tenant=tenants[0], sources=sources, services=services, rules=rules), places)


def _entries(document: Document, many: bool) -> list[tuple[tuple[str | int, ...], Any]]:
    if many and isinstance(document.value, list):
        return [((number,), value) for number, value in enumerate(document.value)]
    return [((), document.value)]


def _entry(
    model: type[Entry], document: Document, base: tuple[str | int, ...], value: Any, problems: list[InvalidError]
) -> Entry | None:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            line, column = document.locate((*base, *fault["loc"]))
            field_name = ".".join(str(part) for part in fault["loc"])
            problems.append(
                InvalidError(
                    f"{field_name}: {fault['msg']}", str(document.file), line, column, _right(model, fault["type"])
                )
            )
        return None


def _right(model: type[Model], fault: str) -> str:
    if fault == "extra_forbidden":
        return f"one of {', '.join(field.alias or name for name, field in model.model_fields.items())}"
    if fault == "string_pattern_mismatch":
        return "letters, digits and hyphens in lower case, 2 to 32, the first a letter"
    return ""


def check_folder(path: Path) -> tuple[Folder, Policy]:
    """Read and compile. Raises BundleError with every problem at its place."""
    folder = load_folder(path)
    try:
        return folder, compile_bundle(folder.bundle, folder.hash)
    except BundleError as error:
        raise BundleError([folder.locate(problem) for problem in error.problems]) from error


def load_bundle(path: Path) -> Bundle:
    """The bundle of a folder."""
    return load_folder(path).bundle
