"""JSON Schemas of a bundle's files, for editors, made of the models by which the files are read.

What a schema cannot say is left to `provision check`: what the expressions mean, what is named in another file or
twice, how many entries all files have together, which days there are, how long a duration may be, how deep and large a
file may be.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from provisioning.core.cases import Case
from provisioning.core.catalog import Exclusion, Matcher, Model, Rule, Service, Source, Subscriber, Tenant
from provisioning.core.period import Duration

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FOLDER: Final = ".schemas"  # in the folder of a bundle

_ENTRIES: Final[Mapping[str, type[Model]]] = {
    "tenant": Tenant, "source": Source, "service": Service, "subscriber": Subscriber,
}  # fmt: skip
_LISTS: Final[Mapping[str, type[Model]]] = {
    "rules": Rule, "exclusions": Exclusion, "matchers": Matcher, "cases": Case,
}  # fmt: skip
KINDS: Final = (*_ENTRIES, *_LISTS)


class _Generator(GenerateJsonSchema):
    """Without titles that repeat a field's name, and as strict with names of attributes as the models are."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  the base class's signature
        """No title is of use where the name stands beside it."""
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A name that does not match the pattern of names is refused."""
        made = super().dict_schema(schema)
        if "patternProperties" in made:
            made["additionalProperties"] = False
        return made

    def encode_default(self, dft: Any) -> Any:
        """A default as it would be written."""
        return str(dft) if isinstance(dft, Duration) else super().encode_default(dft)

    def generate(self, schema: CoreSchema, mode: Any = "validation") -> JsonSchemaValue:
        """The dialect stands first."""
        return {"$schema": DIALECT, **super().generate(schema, mode)}


def schema(kind: str) -> dict[str, Any]:
    """The schema of one kind of file: tenant, source, service, subscriber, rules, exclusions, matchers, cases."""
    if kind in _ENTRIES:
        return _ENTRIES[kind].model_json_schema(schema_generator=_Generator)
    entry = _LISTS[kind].model_json_schema(schema_generator=_Generator)
    inner = entry.pop("$defs", {})
    dialect = {"$schema": entry.pop("$schema")}
    name = entry["title"]
    about = f"A list; each entry: {entry['description']}"
    listed = {"title": kind, "description": about, "type": "array", "items": {"$ref": f"#/$defs/{name}"}}
    return {**dialect, **listed, "$defs": {**inner, name: entry}}


def write(folder: Path) -> list[Path]:
    """Write the schemas of all kinds of files into a folder, which is made if there is none."""
    if folder.is_symlink() and not folder.exists():  # a copy of a bundle may have a link that leads nowhere
        folder.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in KINDS:
        file = folder / f"{kind}.json"
        file.write_text(json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(file)
    return written
