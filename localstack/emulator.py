"""The embedded local AWS: MiniStack in an environment and a process of its own, on a free port of loopback."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PROGRAM: Final = ROOT / ".tools" / "ministack" / "bin" / "ministack"
REGION: Final = "eu-west-1"
_HEALTH: Final = "/_localstack/health"  # MiniStack and LocalStack both answer here
_PATIENCE: Final = 60.0  # seconds
# What the emulator hands on to the functions; nothing else of our own environment reaches them.
_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE")


class EmulatorError(Exception):
    """The local AWS cannot be used; the message says why and what to do."""


def installed() -> bool:
    """Whether the emulator's environment is there."""
    return PROGRAM.exists()


def credentials() -> dict[str, str]:
    """What every client of a local AWS may use: it checks nothing."""
    return {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


def use(endpoint: str) -> None:
    """Point every AWS client of this process, and of those that it starts, at a local AWS."""
    os.environ.update(credentials(), AWS_ENDPOINT_URL=endpoint)


@contextmanager
def emulator(log: Path) -> Iterator[str]:
    """Run the emulator; yields its endpoint. Its output goes to `log`. Raises EmulatorError if it does not start."""
    if not installed():
        raise EmulatorError(f"{PROGRAM.relative_to(ROOT)} is missing: make setup")
    port = _free_port()
    endpoint = f"http://127.0.0.1:{port}"
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="campus-") as temporary, log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  our own program
            [str(PROGRAM)],
            env=_environment(port, temporary),
            cwd=temporary,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, so that its workers can be ended with it
        )
        try:
            _await_health(endpoint, process, log)
            yield endpoint
        finally:
            _stop(process)


def await_endpoint(endpoint: str) -> None:
    """Wait until a local AWS that somebody else started answers. Raises EmulatorError."""
    _await_health(endpoint, None, None)


def _environment(port: int, temporary: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        **credentials(),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",  # it runs uploaded code and listens to everybody unless it is told not to
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "TMPDIR": temporary,
        "PYTHONUNBUFFERED": "1",
    }


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _await_health(endpoint: str, process: "subprocess.Popen[bytes] | None", log: Path | None) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise EmulatorError(f"the emulator ended with status {process.returncode}: see {log}")
        if healthy(endpoint):
            return
        time.sleep(0.1)
    raise EmulatorError(f"no local AWS answers at {endpoint}")


def healthy(endpoint: str) -> bool:
    """Whether a local AWS answers."""
    try:
        with urllib.request.urlopen(endpoint + _HEALTH, timeout=2) as answer:  # noqa: S310  http, on loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask the emulator to end, then end what is left of its group: workers that were in the middle of something."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
