"""Write the schemas beside this file: `make schemas`."""

from pathlib import Path

from provisioning.command.schemas import write

write(Path(__file__).parent)
