"""Certificates made for a test: one that speaks for itself, and an authority with what it vouches for."""

import json
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_CENTURY = 36500
_SIGNS = x509.KeyUsage(
    digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


class Pair(NamedTuple):
    """A certificate and its key, as PEM."""

    certificate: str
    key: str

    @property
    def secret(self) -> str:
        """As a service's secret holds it."""
        return json.dumps(self._asdict())

    def load(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """The context, with this certificate."""
        with TemporaryDirectory() as folder:
            paths = Path(folder, "certificate"), Path(folder, "key")
            for path, text in zip(paths, self, strict=True):
                path.write_text(text)
            context.load_cert_chain(*paths)
        return context


class Authority:
    """Vouches for hosts and for clients."""

    def __init__(self, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.pem = _pem(_build(self._name, self._name, self._key, self._key, _CENTURY, ca=True))

    def issue(self, host: str = "127.0.0.1", days: int = _CENTURY) -> Pair:
        """A certificate from 2020 on, for so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        return Pair(_pem(_build(name, self._name, key, self._key, days, host=host)), _key_pem(key))

    def server(self, *, demand: "Authority | None" = None, days: int = _CENTURY) -> ssl.SSLContext:
        """A server's context on loopback. `demand`: whose certificates it asks of clients."""
        context = self.issue(days=days).load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        if demand is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=demand.pem)
        return context


def make_certificate(folder: Path, host: str = "localhost") -> tuple[Path, Path]:
    """Files of a certificate for one host, which is its own authority, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    paths = folder / f"{host}.pem", folder / f"{host}.key"
    paths[0].write_text(_pem(_build(name, name, key, key, _CENTURY, host=host, ca=True)))
    paths[1].write_text(_key_pem(key))
    return paths


def _build(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    days: int,
    *,
    host: str | None = None,
    ca: bool = False,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_FROM + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
    )
    # Python 3.13 verifies strictly: RFC 5280 4.2.1 wants these of every authority and of what it vouches for.
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(issued_by, critical=False)
    if ca:
        builder = builder.add_extension(_SIGNS, critical=True)
    if host is not None:
        alternative = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(form, kind, serialization.NoEncryption()).decode()
