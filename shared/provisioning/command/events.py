"""`provision events`: what is published, with the schema and an example of each type."""

from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from provisioning.command.options import Json, print_json
from provisioning.command.schemas.events import example, schema
from provisioning.core.errors import InvalidError
from provisioning.core.event import schema_id
from provisioning.core.event_types import KINDS
from provisioning.core.occurrence import Type


def events(
    kind: Annotated[str, typer.Argument(metavar="[TYPE]", help="One type, with its schema; without it all.")] = "",
    show_example: Annotated[
        bool, typer.Option("--example", help="An event of that type, instead of its schema.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the types of events that are published for others; show the JSON Schema, or an example, of one."""
    if kind:
        found = _type(kind)
        print_json(example(found) if show_example else schema(found))
        return
    if as_json:
        print_json([{"type": each.value, "means": KINDS[each].means, "dataschema": schema_id(each)} for each in Type])
        return
    table = Table("type", Column("means", ratio=1), Column("`changed` names", ratio=1), expand=True, box=SIMPLE)
    for each in Type:
        table.add_row(each.value, KINDS[each].means, KINDS[each].names)
    Console().print(table, markup=False)


def _type(text: str) -> Type:
    try:
        return Type(text)
    except ValueError as error:
        raise InvalidError(f"there is no type of events {text!r}", right=f"one of {', '.join(Type)}") from error
