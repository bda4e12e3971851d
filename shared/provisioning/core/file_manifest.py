"""The manifest of files: which parts there are, and how many rows. As extracts of this engine have it."""

from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.errors import InvalidError
from provisioning.core.extract import MOST_PARTS
from provisioning.core.wire import read_json

LARGEST: Final = 2_097_152  # bytes of a manifest
_RIGHT: Final = "as extracts have it: rows, and parts with name, bytes and sha256"


@dataclass(frozen=True, slots=True)
class ManifestPart:
    """One file of rows. `name`: beneath the place. `sha256` in hexadecimal; nothing: not said."""

    name: str
    size: int | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parts, in order, and the rows of all of them."""

    rows: int
    parts: tuple[ManifestPart, ...]


def read_manifest(body: bytes, name: str) -> Manifest:
    """The manifest of this name; its parts lie beside it. Raises InvalidError."""
    try:
        value = read_json(body.decode(), name, LARGEST)
    except UnicodeDecodeError as error:
        raise InvalidError("not UTF-8", name, right=_RIGHT) from error
    if not isinstance(value, dict) or not _is_count(value.get("rows")):
        raise InvalidError("no rows", name, right=_RIGHT)
    parts = value.get("parts")
    if not isinstance(parts, list) or len(parts) > MOST_PARTS:
        raise InvalidError(f"no list of up to {MOST_PARTS} parts", name, right=_RIGHT)
    folder = name.rpartition("/")[0]
    return Manifest(value["rows"], tuple(_part(part, f"{folder}/" if folder else "", name) for part in parts))


def _part(value: Any, folder: str, where: str) -> ManifestPart:
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str) or not name or "/" in name or len(name) > 300:
        raise InvalidError("a part without a name beside the manifest", where, right=_RIGHT)
    size, sha256 = value.get("bytes"), value.get("sha256", "")
    if (size is not None and not _is_count(size)) or not isinstance(sha256, str):
        raise InvalidError(f"part {name}: bytes or sha256", where, right=_RIGHT)
    return ManifestPart(f"{folder}{name}", size, sha256.lower())


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
