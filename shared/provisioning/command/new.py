"""`provision new source NAME`: an adapter of a source that nobody has written yet, with all that belongs to it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from provisioning.command.read import Reader
from provisioning.core.catalog import Name, Tenant
from provisioning.core.errors import InvalidError
from provisioning.core.publication import BundleError

new = typer.Typer(no_args_is_help=True, help="Write what a new part of a bundle begins with.")
STARTER: Final = Path(__file__).parent.parent / "contract" / "starter"
_ID: Final = "my-idms"  # what the starter's source is called, and its module
_MODULE: Final = "my_idms"
_PEOPLE: Final = 3
_START, _END = "affiliation_start", "affiliation_end"
_VALUES: Final = {
    "bool": True, "int": 1, "double": 1.5, "timestamp": "2026-09-01T08:00:00Z", "duration": "3600s",
}  # fmt: skip
_YAML_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@new.command()
def source(
    name: Annotated[str, typer.Argument(help="What the source is to be called: letters, digits and hyphens.")],
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle.", exists=True, file_okay=False)] = Path(),
) -> None:
    """Write an adapter that works, its file, its contract test and a sample into a bundle's folder `sources`."""
    written = write_source(bundle, name)
    console = Console()
    for file in written:
        console.print(str(file), markup=False, highlight=False, soft_wrap=True)
    test = next(file for file in written if file.name.startswith("test_"))
    console.print(
        f"now: python -m pytest {test}; then the places marked YOURS", markup=False, highlight=False, soft_wrap=True
    )


def write_source(bundle: Path, name: str) -> list[Path]:
    """Write the files. Raises InvalidError if one is there already, or the name is none; BundleError of tenant.yaml."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        right = "letters, digits and hyphens in lower case, the first a letter, at most 32"
        raise InvalidError(f"{name!r} cannot be the name of a source", "NAME", right=right) from error
    module = name.replace("-", "_")
    if module.startswith("test_"):
        raise InvalidError(f"{name!r} would be a test", "NAME", right="a name that does not begin with test-")
    reader = Reader(bundle)
    tenants = list(reader.one("tenant.yaml", Tenant, "tenant"))
    if reader.problems:
        raise BundleError(reader.problems)
    folder = bundle / "sources"
    files = {
        folder / f"{name}.yaml": _yaml(tenants[0], name, module),
        folder / f"{module}.py": _starter(f"{_MODULE}.py", name, module),
        folder / f"{module}.sample.jsonl": _sample(tenants[0]),
        folder / f"test_{module}.py": _starter(f"test_{_MODULE}.py", name, module),
    }
    there = [str(file) for file in files if file.exists()]
    if there:
        raise InvalidError(f"{', '.join(there)}: there already", "NAME", right="another name; nothing was written")
    folder.mkdir(exist_ok=True)
    for file, text in files.items():
        with file.open("x", encoding="utf-8") as stream:  # never over what somebody made in the meantime
            stream.write(text)
    return list(files)


def _starter(file: str, name: str, module: str) -> str:
    text = (STARTER / file).read_text(encoding="utf-8")
    return text.replace(_MODULE, module).replace(_ID, name)


def _fields(tenant: Tenant) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Names of the sample's fields by attribute: of persons, and of affiliations."""
    taken = {"id", "changed"}
    person = {name: f"person_{name}" if name in taken else name for name in tenant.person}
    return person, {name: f"affiliation_{name}" for name in tenant.affiliation}


def _yaml(tenant: Tenant, name: str, module: str) -> str:
    person, affiliation = _fields(tenant)
    kinds = {field: tenant.person[attribute] for attribute, field in person.items()}
    kinds |= {field: tenant.affiliation[attribute] for attribute, field in affiliation.items()}
    kinds |= {_START: "string", _END: "string"}
    lines = [
        "# yaml-language-server: $schema=../.schemas/source.json",
        f"# How {name} is asked, and how records are made of its fields. `provision check` says what does not fit.",
        f"id: {name}",
        "record:",
        "  fields:                       # what the adapter shows, with its types",
        *(f"    {_word(field)}: {kind}" for field, kind in kinds.items()),
        "  attributes:                   # of persons, as tenant.yaml declares them: expressions over `fields`",
        *(f"    {_word(attribute)}: fields.{field}" for attribute, field in person.items()),
        "  affiliations:",
        "    - id: '\"1\"'",
        f"      start: fields.{_START}",
        f"      end: fields.{_END}",
        "      facts:" if affiliation else "      facts: {}",
        *(f"        {_word(attribute)}: fields.{field}" for attribute, field in affiliation.items()),
        "poll:",
        "  every: 5                      # minutes between looks for changes",
        "  full: 0 3 * * *               # everybody, every night in the tenant's zone",
        "  custom:",
        f"    module: {module}",
        f"    options: {{file: {module}.sample.jsonl, page: 100}}   # as the adapter's `open` takes them",
        f"    # secret: {name}            # the name of a secret that the adapter may read",
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _word(name: str) -> str:
    return f'"{name}"' if name.lower() in _YAML_WORDS else name


def _sample(tenant: Tenant) -> str:
    return "".join(
        f"{json.dumps(dict(_person(tenant, number)), ensure_ascii=False)}\n" for number in range(1, 1 + _PEOPLE)
    )


def _person(tenant: Tenant, number: int) -> Iterator[tuple[str, object]]:
    person, affiliation = _fields(tenant)
    yield "id", str(1000 + number)
    yield "changed", number
    for attribute, field in person.items():
        yield field, _value(attribute, tenant.person[attribute], number)
    for attribute, field in affiliation.items():
        yield field, _value(attribute, tenant.affiliation[attribute], number)
    yield _START, "2026-09-01"
    yield _END, "2027-08-31"


def _value(attribute: str, kind: str, number: int) -> object:
    if kind.startswith("list("):
        return [_value(attribute, kind[5:-1], number)]
    return _VALUES.get(kind, f"{attribute}-{number}")
