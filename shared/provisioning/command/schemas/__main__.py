"""Write the schemas beside this file: `make schemas`."""

from pathlib import Path

from provisioning.command.schemas import write
from provisioning.command.schemas.events import FOLDER, write_events

write(Path(__file__).parent)
write_events(Path(__file__).parent / FOLDER)
