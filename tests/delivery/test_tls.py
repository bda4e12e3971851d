"""TLS as it should be and as it should not: private authorities, certificates of ours, and what a refusal leaves."""

import asyncio
import json
import ssl
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.connector import Connection
from cryptography.hazmat.primitives import serialization

from provisioning.core.account import Known, Phase
from provisioning.protocols.dialogue import HttpRequest, HttpResponse, Outcome
from tests.delivery.certificates import Authority, Pair
from tests.delivery.conftest import TOKEN
from tests.delivery.secure import provided

OURS, THEIRS, OTHERS = Authority("ours"), Authority("theirs"), Authority("others")
GOOD = OURS.issue("engine")
CERTIFICATE = {"certificate": "certificate"}
LIST = HttpRequest("GET", "/Users", headers={"accept": "application/scim+json"})
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def demanding(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """A server that takes only clients that OURS vouches for."""
    context = THEIRS.server(demand=OURS)
    context.maximum_version = version
    return context


async def test_an_account_lives_and_ends_behind_a_private_authority() -> None:
    async with provided(THEIRS, THEIRS.server()) as provider:
        service = provider.service()
        made = await provider.run(service)
        assert (made.outcome, made.known.phase) == (Outcome.DONE, Phase.ACTIVE)
        changed = await provider.run(service, made.known, user_name="anna")
        assert (changed.outcome, provider.users) == (Outcome.DONE, ["anna"])
        suspended = await provider.run(service, changed.known, Phase.SUSPENDED, "anna")
        assert (suspended.outcome, suspended.known.phase) == (Outcome.DONE, Phase.SUSPENDED)
        assert (await provider.run(service, suspended.known, Phase.ABSENT)).known == Known()
        assert (provider.users, set(provider.borne)) == ([], {f"Bearer {TOKEN}"})


@pytest.mark.parametrize(
    ("server", "authorities", "why"),
    [
        (THEIRS.server(), None, "unable to get local issuer certificate"),
        (THEIRS.server(), OTHERS.pem, "unable to get local issuer certificate"),
        (THEIRS.server(days=1), THEIRS.pem, "certificate has expired"),
        (THEIRS.issue("10.0.0.1").load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)), THEIRS.pem, "IP address mismatch"),
    ],
)
async def test_a_server_that_nobody_vouches_for_is_told_nothing(
    server: ssl.SSLContext, authorities: str | None, why: str
) -> None:
    async with provided(THEIRS, server) as provider:
        ending = await provider.run(provider.service({"authorities": authorities}))
        assert (ending.outcome, provider.borne) == (Outcome.TRANSIENT, [])
        assert "the certificate is not to be trusted" in ending.reason
        assert why in ending.reason


async def test_authorities_that_are_none_are_named() -> None:
    async with provided(THEIRS, THEIRS.server()) as provider:
        ending = await provider.run(provider.service({"authorities": "-----BEGIN CERTIFICATE-----"}))
        assert (ending.outcome, ending.reason) == (Outcome.TRANSIENT, "`authorities` are not certificates in PEM")


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize("secret", [TOKEN, None])
async def test_our_certificate_goes_with_a_token_and_with_none(version: ssl.TLSVersion, secret: str | None) -> None:
    async with provided(THEIRS, demanding(version)) as provider:
        provider.secrets["certificate"] = GOOD.secret
        service = provider.service(CERTIFICATE, secret=None if secret is None else "library")
        answer = await provider.caller(service, LIST, 5)
        assert isinstance(answer, HttpResponse)
        assert answer.status == (200 if secret else 401)
        assert provider.borne == [f"Bearer {TOKEN}" if secret else None]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize(
    ("certificate", "alert"),
    [(OTHERS.issue("engine"), "UNKNOWN_CA"), (OURS.issue("engine", days=1), "CERTIFICATE_EXPIRED"), (None, "ALERT")],
)
async def test_a_certificate_that_is_refused_leaves_nothing_in_doubt(
    version: ssl.TLSVersion, certificate: Pair | None, alert: str
) -> None:
    async with provided(THEIRS, demanding(version)) as provider:
        provider.secrets["certificate"] = "" if certificate is None else certificate.secret
        ending = await provider.run(provider.service({} if certificate is None else CERTIFICATE))
        assert ending.outcome is Outcome.TRANSIENT, ending
        expected = "names no `certificate`" if certificate is None else "secret 'certificate', was refused"
        assert expected in ending.reason
        assert alert in ending.reason
        assert provider.borne == []


async def test_an_alert_that_comes_before_we_send_leaves_nothing_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = aiohttp.TCPConnector.connect

    async def slowly(*arguments: Any) -> Connection:
        connection = await connect(*arguments)
        assert connection.protocol is not None
        if (closed := connection.protocol.closed) is not None:
            await asyncio.wait([closed])
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", slowly)
    async with provided(THEIRS, demanding()) as provider:
        ending = await provider.run(provider.service())
        assert (ending.outcome, provider.borne) == (Outcome.TRANSIENT, [])
        assert "CERTIFICATE_REQUIRED" in ending.reason


@pytest.mark.parametrize(
    ("version", "outcome"), list(zip(VERSIONS, [Outcome.TRANSIENT, Outcome.UNKNOWN], strict=True)), ids=str
)
async def test_a_reset_that_overtakes_the_alert_leaves_in_doubt_what_was_sent(
    version: ssl.TLSVersion, outcome: Outcome
) -> None:
    async with provided(THEIRS, demanding(version), resets=True) as provider:
        ending = await provider.run(provider.service())
        assert (ending.outcome, provider.borne) == (outcome, [])


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_a_renewed_certificate_is_read_when_the_old_one_is_refused(version: ssl.TLSVersion) -> None:
    async with provided(THEIRS, demanding(version)) as provider:
        provider.secrets["certificate"] = OURS.issue("engine", days=1).secret
        assert (await provider.run(provider.service(CERTIFICATE))).outcome is Outcome.TRANSIENT
        provider.secrets["certificate"] = GOOD.secret
        assert (await provider.run(provider.service(CERTIFICATE))).outcome is Outcome.DONE
        assert len(provider.borne) == 1


async def test_a_certificate_is_read_again_each_hour_and_kept_where_it_cannot_be() -> None:
    async with provided(THEIRS, demanding()) as provider:
        provider.secrets["certificate"] = GOOD.secret
        request, service = LIST, provider.service(CERTIFICATE)
        for seconds in (0, 3599, 1, 1):
            provider.now += seconds
            assert isinstance(await provider.caller(service, request, 5), HttpResponse)
        assert provider.reads.count("certificate") == 2
        del provider.secrets["certificate"]
        for seconds in (3600, 1, 60):
            provider.now += seconds
            assert isinstance(await provider.caller(service, request, 5), HttpResponse)
        assert provider.reads.count("certificate") == 4


async def test_nobody_is_handed_a_connection_that_another_certificate_opened() -> None:
    async with provided(THEIRS, demanding()) as provider:
        provider.secrets["certificate"] = GOOD.secret
        assert (await provider.run(provider.service(CERTIFICATE))).outcome is Outcome.DONE
        ending = await provider.run(provider.service(id="other"))
        assert (ending.outcome, len(provider.borne)) == (Outcome.TRANSIENT, 1)


async def test_what_is_signed_shows_our_certificate_and_bears_no_token() -> None:
    async with provided(THEIRS, demanding()) as provider:
        provider.secrets["certificate"] = GOOD.secret
        request = replace(LIST, headers={**LIST.headers, "webhook-signature": "v1,x"}, sign_as="operation-1")
        answer = await provider.caller(provider.service(CERTIFICATE), request, 5)
        assert isinstance(answer, HttpResponse)
        assert provider.borne == [None]


def encrypted(pair: Pair) -> str:
    """Its key, under a password that nobody gave us."""
    key = serialization.load_pem_private_key(pair.key.encode(), None)
    form, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(form, kind, serialization.BestAvailableEncryption(b"word")).decode()


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        (None, "no secret 'certificate': there is no secret"),
        ("PRIVATE", "secret 'certificate' is not"),
        ("[]", "secret 'certificate' is not"),
        (json.dumps({"certificate": GOOD.certificate}), "secret 'certificate' is not"),
        (json.dumps({"certificate": GOOD.certificate, "key": 7}), "secret 'certificate' is not"),
        (json.dumps({"certificate": "x", "key": "PRIVATE"}), "certificate and key are no PEM"),
        (GOOD._replace(key=OURS.issue("engine").key).secret, "do not belong together"),
        (GOOD._replace(key=encrypted(GOOD)).secret, "certificate and key are no PEM"),
        (GOOD._replace(key="\0").secret, "certificate and key are no PEM"),
        (GOOD._replace(key="\ud800").secret, "certificate and key are no PEM"),
    ],
)
async def test_a_secret_that_is_no_certificate_is_named_and_not_shown(secret: str | None, why: str) -> None:
    async with provided(THEIRS, demanding()) as provider:
        if secret is not None:
            provider.secrets["certificate"] = secret
        ending = await provider.run(provider.service(CERTIFICATE))
        assert (ending.outcome, provider.borne) == (Outcome.TRANSIENT, [])
        assert why in ending.reason
        assert "PRIVATE" not in ending.reason


async def test_no_file_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[list[Any]] = []
    load = ssl.SSLContext.load_cert_chain

    def looking(*arguments: Any, **named: Any) -> None:
        seen.append(list(tmp_path.iterdir()))
        load(*arguments, **named)

    async with provided(THEIRS, demanding()) as provider:
        monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", looking)
        provider.secrets["certificate"] = GOOD.secret
        assert (await provider.run(provider.service(CERTIFICATE))).outcome is Outcome.DONE
    assert (seen, list(tmp_path.iterdir())) == ([[]], [])
