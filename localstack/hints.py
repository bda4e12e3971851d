"""What to type while the campus stays up: a change by hand, and where to see what became of it."""

import shlex
from pathlib import Path
from typing import Final

from localstack.emulator import ROOT, credentials
from localstack.placed import write_folder
from localstack.world import World

ENVIRONMENT: Final = ROOT / "build" / "campus.env"
RECORD: Final = ROOT / "build" / "ada.json"
BUNDLE: Final = ROOT / "build" / "campus-bundle"
_ADA: Final = """\
{"specversion": "1.0", "id": "by-hand-1", "source": "/registry", "type": "campus.person.stated",
 "data": {"key": "ada", "version": 1,
          "attributes": {"login": "ada", "given_name": "Ada", "family_name": "Byron", "mail": "ada@campus.example",
                         "tags": []},
          "affiliations": [{"id": "1", "type": "staff", "organization": "arts.music", "start": "2025-09-01"}]}}
"""


def write(world: World) -> str:
    """Write what a shell needs into files, and say how to use it."""
    values = {
        **credentials(),
        "AWS_ENDPOINT_URL": world.clients.endpoint,
        "PROVISIONING_STACK": world.deployment.stack,
        "TOPIC": world.registry.topic,
        **{name.upper(): provider.endpoint for name, provider in world.providers.items()},
        **{f"{name.upper()}_TOKEN": provider.token for name, provider in world.providers.items()},
    }
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    ENVIRONMENT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    RECORD.write_text(_ADA, encoding="utf-8")
    write_folder(world.bundle, BUNDLE)
    return f"""
All of it stays up until Ctrl-C. In another shell, a change by hand:

  source {_short(ENVIRONMENT)}
  .venv/bin/python -m localstack.publish {_short(RECORD)}
  .venv/bin/provision explain registry/ada
  curl -s -G -H "Authorization: Bearer $LIBRARY_TOKEN" "$LIBRARY/Users" --data-urlencode 'filter=userName eq "ada"'

Change the file (and its data.version), publish it again, and look again. `.venv/bin/provision status` shows the rest.
`.venv/bin/provision history registry/ada` tells what became of her, by which rules, and what each service received.
`.venv/bin/provision extract status parking` shows the car park's files, and `extract start parking` makes the next one.
The bundle in force lies in {_short(BUNDLE)}: edit a rule, then `.venv/bin/provision publish {_short(BUNDLE)}`.
The AWS command line does the same: aws sns publish --topic-arn "$TOPIC" --message file://{_short(RECORD)}
"""


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))
