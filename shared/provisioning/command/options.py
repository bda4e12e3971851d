"""What commands have in common."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Stack = Annotated[str, typer.Option("--stack", envvar="PROVISIONING_STACK", help="Name of the deployed stack.")]
OwnBundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle", help="Folder of the bundle, if its own adapters ask sources.", exists=True, file_okay=False
    ),
]


def print_json(value: object) -> None:
    """Print for machines."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
