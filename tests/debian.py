"""Debian's packages without root: downloaded by the machine's own package client, and unpacked into a folder."""

import subprocess
import tempfile
from pathlib import Path


def unpack(package: str, place: Path) -> None:
    """Unpack a package, and those that it needs and this machine lacks. Ends the program with why it cannot."""
    names = _needed(package) or (_run(package, "apt-get", "update") and _needed(package))
    with tempfile.TemporaryDirectory() as folder:
        _run(package, "apt-get", "download", *names, folder=folder)
        for file in sorted(Path(folder).glob("*.deb")):
            _run(package, "dpkg-deb", "--extract", str(file), str(place))


def _needed(package: str) -> list[str]:
    """The packages that installing it would bring; none where the lists of packages are empty."""
    command = ["/usr/bin/env", "apt-get", "install", "--simulate", "--no-install-recommends", package]
    plan = subprocess.run(command, capture_output=True, text=True)  # noqa: S603  our own words
    return [line.split()[1] for line in plan.stdout.splitlines() if line.startswith("Inst ")]


def _run(package: str, *command: str, folder: str | None = None) -> str:
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)  # noqa: S603  our own
    except FileNotFoundError as error:
        raise SystemExit(f"{command[0]} is not here: install {package} by hand") from error
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{' '.join(command)}: {error.stderr}") from error
    return done.stdout
