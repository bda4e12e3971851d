"""A decision without a deployment: a bundle's folder and a file with one record."""

from pathlib import Path

from provisioning.command.bundle import check_folder
from provisioning.core.decision import decide_identity
from provisioning.core.errors import InvalidError
from provisioning.core.identity import Identity, absorb
from provisioning.core.period import Instant
from provisioning.core.policy import Policy
from provisioning.core.record import read_record
from provisioning.core.wire import read_json


def preview(bundle: Path, file: Path, now: Instant) -> tuple[Policy, Identity]:
    """The identity that would be if the bundle's first source stated this record now, and nothing was before."""
    _, policy = check_folder(bundle)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"cannot be read: {error}", str(file), right="a JSON file with one record") from error
    data = read_json(text, str(file), policy.schema.limits.message)
    fields = data.get("data", data) if isinstance(data, dict) else data
    record = read_record(policy.sources[0], fields, policy.schema)
    empty = Identity("preview")
    identity, _ = absorb(empty, record, now)
    return policy, decide_identity(policy, empty, identity, {}, now).identity
