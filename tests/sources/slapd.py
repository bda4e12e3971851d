"""OpenLDAP's server as a source: with content synchronization or without, killed and started again at the same port."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.delivery.openldap import MISSING, find, free_ports, libraries, wait

SUFFIX = "dc=example,dc=org"
PEOPLE, GROUPS = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}"
READER, PASSWORD = f"cn=reader,{SUFFIX}", "a-password-of-the-reader"
ROOT, ROOT_PASSWORD = f"cn=root,{SUFFIX}", "a-password-of-the-root"
SYNC = """overlay syncprov
syncprov-sessionlog {log}
"""
CONFIGURATION = """
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/nis.schema
include {schema}/inetorgperson.schema
modulepath {modules}
moduleload back_mdb
{load}
sizelimit {limit}
{tls}
database mdb
suffix "{suffix}"
rootdn "{root}"
rootpw {root_password}
directory {folder}/data
maxsize 268435456
dbnosync
index objectClass,uid,member,memberUid,entryUUID,entryCSN,modifyTimestamp eq
limits dn.exact="{reader}" size={size}
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
{overlay}
"""
CONTENT = f"""dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
o: Example

dn: {READER}
objectClass: simpleSecurityObject
objectClass: organizationalRole
userPassword: {PASSWORD}

dn: {PEOPLE}
objectClass: organizationalUnit

dn: {GROUPS}
objectClass: organizationalUnit
"""


@dataclass
class Slapd:
    """A server that can be stopped and started again; what it holds stays."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ldap://localhost:{self.port}"

    def configure(
        self, *, sync: bool = True, log: int = 100_000, size: str = "unlimited", tls: tuple[Path, Path] | None = None
    ) -> None:
        """Write its configuration: of use from the next start. `log`: operations of the session log."""
        found = find()
        assert found is not None
        files = f"TLSCertificateFile {tls[0]}\nTLSCertificateKeyFile {tls[1]}" if tls else ""
        text = CONFIGURATION.format(
            schema=found[1] / "etc/ldap/schema", modules=found[1] / "usr/lib/ldap", folder=self.folder, suffix=SUFFIX,
            reader=READER, root=ROOT, root_password=ROOT_PASSWORD, size=size, limit=500, tls=files,
            load="moduleload syncprov" if sync else "", overlay=SYNC.format(log=log) if sync else "",
        )  # fmt: skip
        (self.folder / "slapd.conf").write_text(text, encoding="utf-8")

    def load(self, content: str) -> None:
        """Add entries while it does not run."""
        file = self.folder / "content.ldif"
        file.write_text(content, encoding="utf-8")
        self._run("-T", "add", "-q", "-l", str(file)).communicate()

    def start(self) -> None:
        self.process = self._run("-h", f"ldap://127.0.0.1:{self.port}/", "-d", "0")
        wait(self.process, self.port)

    def stop(self, *, kill: bool = False) -> None:
        assert self.process is not None
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.communicate()

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        found = find()
        assert found is not None
        binary, root = found
        environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries(root)))}
        mode, rest = (arguments[:2], arguments[2:]) if arguments[0] == "-T" else ((), arguments)
        command = [str(binary), *mode, "-f", str(self.folder / "slapd.conf"), *rest]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)  # noqa: S603  our own words


@contextmanager
def slapd(*, sync: bool = True, content: str = "", log: int = 100_000, size: str = "unlimited") -> Iterator[Slapd]:
    """A server of one's own. `content`: entries in LDIF. Raises FileNotFoundError if there is none."""
    if find() is None:
        raise FileNotFoundError(MISSING)
    with tempfile.TemporaryDirectory(prefix="slapd-") as name:
        made = Slapd(Path(name), free_ports()[0])
        (made.folder / "data").mkdir()
        made.configure(sync=sync, log=log, size=size)
        made.load(f"{CONTENT}\n{content}")
        made.start()
        try:
            yield made
        finally:
            made.stop()
