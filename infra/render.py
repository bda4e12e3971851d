"""`python -m infra.render FOLDER` prints the template of a bundle's folder."""

import json
import sys
from pathlib import Path

from infra.template import render
from provisioning.command.bundle import load_bundle
from provisioning.core.errors import ProvisioningError


def main(arguments: list[str]) -> int:
    """Print the template; 2 if the arguments are wrong, 1 if the bundle is."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m infra.render FOLDER\n")
        return 2
    try:
        template = render(load_bundle(Path(arguments[0])))
    except ProvisioningError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(template, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
