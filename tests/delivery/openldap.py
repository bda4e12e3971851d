"""OpenLDAP's server for tests, without root: the machine's own, or Debian's packages unpacked into .tools/openldap.

`python -m tests.delivery.openldap install` gets the packages by the machine's own package client.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.debian import unpack

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".tools" / "openldap"
SUFFIX = "dc=example,dc=org"
PEOPLE, GROUPS, ALUMNI = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}", f"ou=suspended,ou=people,{SUFFIX}"
ADMIN, PASSWORD = f"cn=engine,{SUFFIX}", "a-password-of-the-engine"
MISSING = "no slapd: install it, or run `python -m tests.delivery.openldap install`"

CONFIGURATION = """
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/nis.schema
include {schema}/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.4203.666.1.1 NAME 'userName' SUP name )
attributetype ( 1.3.6.1.4.1.4203.666.1.2 NAME 'locked' SUP name )
objectclass ( 1.3.6.1.4.1.4203.666.1.3 NAME 'testAccount' SUP top STRUCTURAL
  MAY ( userName $ locked $ employeeNumber ) )
modulepath {modules}
moduleload back_mdb
moduleload unique
moduleload ppolicy
pidfile {folder}/slapd.pid
sizelimit 500
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
TLSCACertificateFile {certificate}
database mdb
suffix "{suffix}"
rootdn "cn=root,{suffix}"
directory {folder}/data
index objectClass,uid,mail,employeeNumber,cn eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{admin}" manage by * none
overlay unique
unique_uri ldap:///{people}?uid,mail?sub
overlay ppolicy
"""
CONTENT = f"""
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
o: Example

dn: {ADMIN}
objectClass: simpleSecurityObject
objectClass: organizationalRole
userPassword: {PASSWORD}

dn: {PEOPLE}
objectClass: organizationalUnit

dn: {ALUMNI}
objectClass: organizationalUnit

dn: {GROUPS}
objectClass: organizationalUnit
"""


@dataclass
class OpenLdap:
    """A server that runs. `url` without TLS of its own (StartTLS is offered), `secure_url` with it."""

    url: str
    secure_url: str
    process: subprocess.Popen[bytes]


def find() -> tuple[Path, Path] | None:
    """The server, and the folder that is its root; None if there is none."""
    installed = shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if installed is not None:
        return Path(installed), Path("/")
    unpacked = PLACE / "usr" / "sbin" / "slapd"
    return (unpacked, PLACE) if unpacked.is_file() else None


@contextmanager
def running(certificate: Path, key: Path) -> Iterator[OpenLdap]:
    """A server with an empty directory, on free ports of loopback. Raises FileNotFoundError if there is none."""
    found = find()
    if found is None:
        raise FileNotFoundError(MISSING)
    binary, root = found
    with tempfile.TemporaryDirectory(prefix="openldap-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        configuration = folder / "slapd.conf"
        text = CONFIGURATION.format(
            schema=root / "etc/ldap/schema", modules=root / "usr/lib/ldap", folder=folder, certificate=certificate,
            key=key, suffix=SUFFIX, admin=ADMIN, people=PEOPLE,
        )  # fmt: skip
        configuration.write_text(text, encoding="utf-8")
        content = folder / "content.ldif"
        content.write_text(CONTENT.strip() + "\n", encoding="utf-8")
        environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries(root)))}
        add = [str(part) for part in (binary, "-T", "add", "-f", configuration, "-l", content)]
        subprocess.run(add, env=environment, check=True, capture_output=True)  # noqa: S603  our own words
        plain, secure = free_ports()
        urls = f"ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{secure}/"
        process = subprocess.Popen(  # noqa: S603  our own words
            [binary, "-f", configuration, "-h", urls, "-d", "0"], env=environment, stderr=subprocess.PIPE
        )
        try:
            wait(process, plain)
            yield OpenLdap(f"ldap://localhost:{plain}", f"ldaps://localhost:{secure}", process)
        finally:
            process.terminate()
            process.communicate()


def libraries(root: Path) -> Sequence[Path]:
    """Folders of what the server is linked with; none where it is the machine's own."""
    return [] if root == Path("/") else [path for path in (root / "usr" / "lib").iterdir() if path.is_dir()]


def free_ports() -> tuple[int, int]:
    """Two that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def wait(process: subprocess.Popen[bytes], port: int) -> None:
    """Until it listens, or says why it does not."""
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"slapd ended: {process.communicate()[1].decode(errors='replace')}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        raise SystemExit("python -m tests.delivery.openldap install")
    if find() is None:
        unpack("slapd", PLACE)
        if find() is None:
            raise SystemExit("slapd is not among the packages")
