"""PostgreSQL's server for tests, without root: the machine's own, or Debian's packages unpacked into .tools/postgresql.

`python -m tests.postgresql install` gets the packages by the machine's own package client. The server refuses to run
as root, so root runs it as nobody.
"""

import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.debian import unpack

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / ".tools" / "postgresql"
PASSWORD = "a-password-of-the-engine"
MISSING = "no PostgreSQL server: install it, or run `python -m tests.postgresql install`"


@dataclass
class Postgres:
    """A server that runs, and can be stopped and started again with what it holds."""

    binaries: Path
    folder: Path
    port: int
    environment: dict[str, str]
    _process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Of the database that is there from the beginning, for SQLAlchemy."""
        return f"postgresql+asyncpg://engine:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off",
            "max_connections": 50, "autovacuum": "off",
        }  # fmt: skip
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), *words]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(  # noqa: S603  our own words
            command, env=self.environment, stdout=log, stderr=log, **_as_nobody()
        )
        ready = [str(self.binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        while subprocess.run(ready, env=self.environment).returncode:  # noqa: S603  our own words
            if self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it at once; what was committed stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # not politely: clients are cut off
            self._process.wait()


def find() -> Path | None:
    """The folder of its programs; None if there is none."""
    for place in (Path("/"), PLACE):
        found = sorted((place / "usr/lib/postgresql").glob("*/bin/postgres"))
        if found:
            return found[-1].parent
    return None


@contextmanager
def running() -> Iterator[Postgres]:
    """An empty server on a free port of loopback. Raises FileNotFoundError if there is none."""
    binaries = find()
    if binaries is None:
        raise FileNotFoundError(MISSING)
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        folder = Path(name)
        libraries = [str(path) for path in (PLACE / "usr/lib").glob("*-linux-gnu")] if PLACE in binaries.parents else []
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
        if libraries:
            environment["LD_LIBRARY_PATH"] = ":".join(libraries)
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (folder, folder / "password"):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        share = binaries.parents[3] / "share/postgresql" / binaries.parent.name
        command = [
            str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "engine", "-E", "UTF8",
            "--auth", "scram-sha-256", "--pwfile", str(folder / "password"), "--no-sync",
            *(["-L", str(share)] if libraries else []),
        ]  # fmt: skip
        subprocess.run(command, env=environment, check=True, capture_output=True, **_as_nobody())  # noqa: S603  our own
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = Postgres(binaries, folder, port, environment)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _as_nobody() -> dict[str, Any]:
    return {"user": "nobody", "group": "nogroup", "cwd": "/"} if os.geteuid() == 0 else {}


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        raise SystemExit("python -m tests.postgresql install")
    if find() is None:
        unpack("postgresql", PLACE)
        if find() is None:
            raise SystemExit("the server is not among the packages")
