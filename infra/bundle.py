"""The zip that every function runs: its own code, the engine, and what both import.

`python -m infra.bundle` builds for this interpreter, which is the embedded emulator's; `--target lambda` builds for
Lambda's own. `--tenant FOLDER` leaves out the libraries of protocols and formats that no service of that bundle has.
`--own` adds the adapters of sources that the tenant's operator wrote, for the functions that ask by them alone.
Equal inputs make equal bytes, under a name that stands for the inputs, so nothing is built twice.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra import trim
from provisioning.command.bundle import load_bundle
from provisioning.core.catalog import Bundle
from provisioning.core.errors import ProvisioningError

ROOT: Final = Path(__file__).resolve().parent.parent
BUILD: Final = ROOT / "build"
# Of the project: what only some tenants' functions import.
EXTRAS: Final = frozenset({"ldap", "parquet", "signed", "sql"})
_NOT_IN_IT: Final = (("provisioning", "command"), ("provisioning", "contract"))
_OWN: Final = "sources"  # of a tenant's folder, and of the bundle
_LARGEST_OWN: Final = 20_000_000
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first date that a zip knows
_PLATFORMS: Final = {"x86_64": "x86_64-manylinux_2_34", "arm64": "aarch64-manylinux_2_34"}


class BundleBuildError(Exception):
    """The bundle cannot be built; the message is the tool's."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the bundle will run. `platform` empty: on this machine."""

    python: str  # major.minor
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Built:
    """A bundle: its file, the key under which it is deployed, and its bytes, packed and unpacked."""

    file: Path
    key: str
    packed: int
    unpacked: int
    reused: bool


def this_machine() -> Target:
    """The interpreter that runs now."""
    return Target(f"{sys.version_info.major}.{sys.version_info.minor}")


def architecture() -> str:
    """The architecture of this machine, in Lambda's words."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def on_lambda(of: str) -> Target:
    """Lambda's runtime, as the template names it, of an architecture."""
    return Target("3.13", _PLATFORMS[of])


def extras_of(tenant: Bundle) -> frozenset[str]:
    """The extras of the project that the services and sources of a tenant need."""
    protocols = {service.protocol for service in tenant.services}
    formats = {service.extract.format for service in tenant.services if service.extract is not None}
    technologies = {name for source in tenant.sources if source.poll is not None for name in source.poll.technologies}
    tokens = {"signed"} if any(source.signed is not None for source in tenant.sources) else set()
    return frozenset(({"ldap"} & protocols) | ({"parquet"} & formats) | ({"ldap", "sql"} & technologies) | tokens)


def build(target: Target, extras: frozenset[str] = EXTRAS, tenant: Path | None = None) -> Built:
    """Build the bundle unless it is there. Raises BundleBuildError.

    `tenant`: the folder whose own adapters of sources it carries, too.
    """
    requirements = _requirements(extras)
    dependencies_key = _digest([requirements.encode(), Path(trim.__file__).read_bytes(), _where(target)])
    own = sorted([*sources(), *(own_sources(tenant) if tenant is not None else ())])
    key = _digest([dependencies_key.encode(), Path(__file__).read_bytes(), *_contents(own)])
    file = BUILD / f"bundle-{key}.zip"
    reused = file.exists()
    if not reused:
        dependencies = BUILD / f"dependencies-{dependencies_key}"
        if not dependencies.exists():
            _install(target, requirements, dependencies)
        _assemble(target, dependencies, own, file)
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    return Built(file, f"bundles/{key}.zip", file.stat().st_size, unpacked, reused)


def sources() -> Iterator[tuple[str, Path]]:
    """The engine's own files, by their name in the bundle. The command line and the contracts are not among them."""
    for base in (ROOT, ROOT / "shared"):
        for package in ("functions", "provisioning"):
            for file in (base / package).rglob("*.py"):
                name = file.relative_to(base)
                if name.parts[:2] not in _NOT_IN_IT:
                    yield str(name), file


def own_sources(tenant: Path) -> Iterator[tuple[str, Path]]:
    """What is in a tenant's folder of sources, but its YAML, which is published, and tests. Raises BundleBuildError."""
    folder, size = tenant / _OWN, 0
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(tenant)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if not file.is_file() or hidden or file.suffix in {".yaml", ".pyc"} or file.name.startswith("test_"):
            continue
        size += file.stat().st_size
        if size > _LARGEST_OWN:
            raise BundleBuildError(
                f"{folder} holds more than {_LARGEST_OWN} bytes: keep there what adapters need alone"
            )
        yield str(name), file


def _contents(sources: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    for name, file in sources:
        yield name.encode()
        yield file.read_bytes()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def _where(target: Target) -> bytes:
    return f"{target.python} {target.platform or sysconfig.get_platform()}".encode()


def _requirements(extras: frozenset[str]) -> str:
    """What the lock says that the engine needs, with hashes."""
    return _run([
        _uv(), "export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-header", "--format",
        "requirements-txt", *(word for extra in sorted(extras) for word in ("--extra", extra)),
    ])  # fmt: skip


def _install(target: Target, requirements: str, folder: Path) -> None:
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        listed, installed = Path(temporary, "requirements.txt"), Path(temporary, "installed")
        listed.write_text(requirements, encoding="utf-8")
        elsewhere = ["--python-platform", target.platform] if target.platform else []
        _run([
            _uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
            "--link-mode", "copy", "--python", _interpreter(target), "--python-version", target.python, *elsewhere,
            "--target", str(installed), "--requirements", str(listed),
        ])  # fmt: skip
        trim.trim(installed)
        _compile(target, installed)
        try:
            installed.rename(folder)
        except OSError:
            if not folder.exists():  # otherwise another build of the same was faster, and made the same
                raise


def _assemble(target: Target, dependencies: Path, sources: Iterable[tuple[str, Path]], file: Path) -> None:
    with tempfile.TemporaryDirectory(dir=BUILD) as temporary:
        own = Path(temporary, "own")
        for name, source in sources:
            copy = own / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        _compile(target, own)
        packed = Path(temporary, "bundle.zip")
        write_zip(packed, [dependencies, own])
        packed.rename(file)


def write_zip(file: Path, folders: Iterable[Path]) -> None:
    """Pack folders over each other: sorted, with one date and one mode, so that equal files make equal bytes."""
    found = {str(path.relative_to(folder)): path for folder in folders for path in folder.rglob("*") if path.is_file()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(found):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, found[name].read_bytes())


def _compile(target: Target, folder: Path) -> None:
    """Byte code that is believed whatever the files' times: unpacking changes those, and a cold start would compile."""
    command = ["-m", "compileall", "-q", "-s", str(folder), "-p", "/var/task", "--invalidation-mode", "unchecked-hash"]
    _run([_interpreter(target), *command, str(folder)], {"PYTHONHASHSEED": "0"})


def _interpreter(target: Target) -> str:
    if target.python == this_machine().python:
        return sys.executable
    return _run([_uv(), "python", "find", target.python]).strip()


def _uv() -> str:
    own = ROOT / ".tools" / "uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        raise BundleBuildError("uv is missing: make setup")
    return found


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    result = subprocess.run(  # noqa: S603  our own tools
        command, cwd=ROOT, env=os.environ | (environment or {}), capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise BundleBuildError(f"{' '.join(command[:3])} …: {result.stderr.strip()}")
    return result.stdout


def main() -> int:
    """Build and say what it is."""
    parser = argparse.ArgumentParser(prog="python -m infra.bundle", description=__doc__)
    parser.add_argument("--target", choices=("local", "lambda"), default="local")
    parser.add_argument("--architecture", choices=sorted(_PLATFORMS), default="x86_64")
    parser.add_argument("--tenant", type=Path, help="the folder of the bundle whose services are deployed")
    parser.add_argument("--own", action="store_true", help="with --tenant: with the adapters in its folder `sources`")
    arguments = parser.parse_args()
    if arguments.own and arguments.tenant is None:
        parser.error("--own needs --tenant")
    try:
        extras = extras_of(load_bundle(arguments.tenant)) if arguments.tenant is not None else EXTRAS
        target = this_machine() if arguments.target == "local" else on_lambda(arguments.architecture)
        built = build(target, extras, arguments.tenant if arguments.own else None)
    except (BundleBuildError, ProvisioningError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    megabytes = f"{built.packed / 1e6:.1f} MB, {built.unpacked / 1e6:.1f} MB unpacked"
    sys.stdout.write(f"{built.file.relative_to(ROOT)}: {megabytes}{', as it was' if built.reused else ''}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
