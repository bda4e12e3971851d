"""`provision erase`: what a source said of somebody, or of everybody, is forgotten for good."""

from typing import Annotated

import typer
from rich.console import Console

from provisioning.command.options import Json, Stack, print_json
from provisioning.core.errors import InvalidError
from provisioning.runtime.entry import run


def erase(
    record: Annotated[str, typer.Argument(help="SOURCE/KEY of somebody whom that source has withdrawn.")] = "",
    source: Annotated[str, typer.Option(help="All that a source said that is in the bundle no more.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="It is meant.")] = False,
    stack: Stack = "",
    as_json: Json = False,
) -> None:
    """Forget what a source said: of one person, or of everybody once it has left. History goes with the last record."""
    from provisioning.command import erase_deployed as deployed

    if bool(record) == bool(source) or (record and not all(record.partition("/"))):
        raise InvalidError("whose word is to be forgotten", right="SOURCE/KEY, or --source SOURCE")
    if not yes:
        raise InvalidError(f"what {record or source} gave would be forgotten", right="add --yes, if it is meant")
    told = run(deployed.erase_one(stack, record) if record else deployed.erase_all(stack, source))
    if as_json:
        print_json(told)
        return
    console = Console()
    console.print(f"{told['erased']} forgotten", markup=False, highlight=False)
    for each in told["waiting"]:
        console.print(f"not yet: {each['identity']}: {each['reason']}", markup=False, highlight=False, soft_wrap=True)
