"""Tokens: who is believed, and by which word the others are refused."""

import json
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.adapters.memory.tokens import MemoryKeySets
from provisioning.adapters.sources.jwk import read_key_set
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.source_signed import Signed
from provisioning.core.token import Token, TokenError, check_signature, read_token
from provisioning.stages.signed import verified
from tests.sources.issuer import FEED, ISSUER, KEYS, OF, Issuer, by_secret, encode, jwk, options, signature
from tests.stages.tenant import DAY, START

MOST = 262144
HEADERS = (
    b"{" * 5, b"x" * 20_000, b"[" * 100_000, b'{"a":' * 40 + b"1" + b"}" * 40, b'{"alg":"ES256","alg":"none"}', b"\xff",
)  # fmt: skip


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


async def verify(issuer: Issuer, text: str, signed: Signed | None = None, now: int = START) -> Token:
    return await verified(MemoryKeySets({ISSUER: issuer.keys}), signed or options(), text, MOST, now)


async def refused(issuer: Issuer, text: str, signed: Signed | None = None, now: int = START) -> tuple[str, str]:
    """The word of RFC 8935 2.4, and where the fault is."""
    with pytest.raises(TokenError) as error:
        await verify(issuer, text, signed, now)
    return error.value.code, error.value.where


@pytest.mark.parametrize("algorithm", OF)
async def test_a_token_signed_by_a_key_of_the_issuer_is_believed(issuer: Issuer, algorithm: str) -> None:
    claims = issuer.claims("prov:delete", txn="t-1")
    token = await verify(issuer, issuer.sign(claims, algorithm))
    assert (token.claims, token.jti, token.trace) == (claims, claims["jti"], "t-1")


@pytest.mark.parametrize("typ", ["application/secevent+jwt", "SECEVENT+JWT"])
async def test_its_type_may_be_written_as_a_media_type_in_any_case(issuer: Issuer, typ: str) -> None:
    assert await verify(issuer, issuer.sign(issuer.claims("prov:delete"), header={"typ": typ}))


def test_a_key_of_another_kid_does_not_count_whoever_gives_it(issuer: Issuer) -> None:
    token = read_token(issuer.sign(issuer.claims("prov:delete"), header={"kid": "other"}), MOST)
    with pytest.raises(TokenError, match="no such key"):
        check_signature(token, issuer.keys)


async def test_without_a_kid_the_keys_that_fit_are_tried(issuer: Issuer) -> None:
    issuer.published.insert(0, jwk(ec.generate_private_key(ec.SECP256R1())))
    assert await verify(issuer, issuer.sign(issuer.claims("prov:delete"), header={"kid": None}))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iss": "https://evil.example"}, ("invalid_issuer", "token.iss")),
        ({"iss": None}, ("invalid_issuer", "token.iss")),
        ({"iss": [ISSUER]}, ("invalid_issuer", "token.iss")),
        ({"aud": "https://others.example"}, ("invalid_audience", "token.aud")),
        ({"aud": None}, ("invalid_audience", "token.aud")),
        ({"aud": [[FEED]]}, ("invalid_audience", "token.aud")),
        ({"aud": {FEED: 1}}, ("invalid_audience", "token.aud")),
        ({"jti": None}, ("invalid_request", "token.jti")),
        ({"jti": ""}, ("invalid_request", "token.jti")),
        ({"jti": 7}, ("invalid_request", "token.jti")),
        ({"jti": "x" * 513}, ("invalid_request", "token.jti")),
        ({"jti": "\ud800"}, ("invalid_request", "token.jti")),
        ({"txn": 7}, ("invalid_request", "token.txn")),
        ({"sub": "u1"}, ("invalid_request", "token.sub")),
        ({"iat": None}, ("invalid_request", "token.iat")),
        ({"iat": True}, ("invalid_request", "token.iat")),
        ({"iat": "1"}, ("invalid_request", "token.iat")),
        ({"iat": -1}, ("invalid_request", "token.iat")),
        ({"iat": 10**400}, ("invalid_request", "token.iat")),
        ({"iat": START + 301}, ("invalid_request", "token.iat")),
        ({"iat": START - 30 * DAY - 1}, ("invalid_request", "token.iat")),
        ({"exp": START - 300}, ("invalid_request", "token.exp")),
        ({"exp": "never"}, ("invalid_request", "token.exp")),
        ({"nbf": START + 301}, ("invalid_request", "token.nbf")),
        ({"toe": START + 301}, ("invalid_request", "token.toe")),
        ({"events": {}}, ("invalid_request", "token.events")),
        ({"events": ["urn:x"]}, ("invalid_request", "token.events")),
        ({"events": {"urn:x": None}}, ("invalid_request", "token.events")),
        ({"events": None}, ("invalid_request", "token.events")),
    ],
)
async def test_what_is_signed_but_not_meant_for_us_now_is_refused(
    issuer: Issuer, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert await refused(issuer, issuer.says("prov:delete", **changes)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": FEED}, {"aud": ["https://others.example", FEED]}, {"iat": START + 300}, {"iat": START - 0.5},
        {"iat": START - 30 * DAY}, {"exp": START + 1}, {"exp": START - 299}, {"nbf": START}, {"toe": START - DAY},
    ],
)  # fmt: skip
async def test_what_is_meant_for_us_is_taken(issuer: Issuer, changes: dict[str, Any]) -> None:
    assert await verify(issuer, issuer.says("prov:delete", **changes))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"typ": None}, ("invalid_request", "token.header.typ")),
        ({"typ": "JWT"}, ("invalid_request", "token.header.typ")),
        ({"typ": "at+jwt"}, ("invalid_request", "token.header.typ")),
        ({"alg": None}, ("invalid_request", "token.header.alg")),
        ({"alg": "none"}, ("authentication_failed", "token.header.alg")),
        ({"alg": "ES384"}, ("authentication_failed", "token.header.alg")),
        ({"alg": "RS256"}, ("invalid_key", "token.header.kid")),  # of a key of another kind
        ({"crit": ["b64"], "b64": False}, ("invalid_request", "token.header.crit")),
        ({"kid": "gone"}, ("invalid_key", "token.header.kid")),
        ({"kid": "rsa"}, ("invalid_key", "token.header.kid")),
        ({"kid": 7}, ("invalid_request", "token.header.kid")),
        ({"kid": ""}, ("invalid_request", "token.header.kid")),
        ({"kid": "okp"}, ("invalid_key", "token.header.kid")),
    ],
)
async def test_a_header_that_wants_something_else_is_refused(
    issuer: Issuer, header: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert await refused(issuer, issuer.sign(issuer.claims("prov:delete"), header=header)) == expected


async def test_the_public_key_is_no_shared_secret(issuer: Issuer) -> None:
    """RFC 8725 2.1: whoever knows the public key could sign with it, if the token chose what it is."""
    for kid, key in KEYS.items():
        pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        for secret in (pem, json.dumps(jwk(key, kid=kid)).encode()):
            signing = partial(by_secret, secret)
            token = issuer.sign(issuer.claims("prov:delete"), "HS256", {"kid": kid}, signing)
            assert (await refused(issuer, token))[0] == "authentication_failed"
    with pytest.raises(ValueError, match="algorithms"):
        options(algorithms=["HS256"])
    with pytest.raises(ValueError, match="algorithms"):
        options(algorithms=["none"])


async def test_an_algorithm_that_the_source_does_not_allow_makes_nobody_ask_for_keys(issuer: Issuer) -> None:
    signed, token = options(algorithms=["RS256"]), issuer.says("prov:delete")
    with pytest.raises(TokenError, match="not an allowed algorithm"):
        await verified(MemoryKeySets(), signed, token, MOST, START)
    with pytest.raises(TransientError):
        await verified(MemoryKeySets(), options(), token, MOST, START)


async def test_a_key_that_the_token_brings_along_is_not_looked_at(issuer: Issuer) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    claims = issuer.claims("prov:delete")
    for header in ({"jwk": jwk(own)}, {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example/x"}):
        made = issuer.sign(claims, header=header, signing=lambda content: signature("ES256", own, content))
        assert await refused(issuer, made) == ("authentication_failed", "token")


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "a.b", "a.b.c.d", "e30.e30.", "e30.e30.AA", "{}", "eyJ=.e30.AA", "W10.W10.AA", "IA.e30.AA",
        "e30.e30.AA\n", "é.é.é", *(f"{encode(header)}.e30.AA" for header in HEADERS),
    ],
)  # fmt: skip
async def test_what_is_no_token_is_refused_before_anything_else(issuer: Issuer, text: str) -> None:
    code, where = await refused(issuer, text)
    assert (code, where.partition(".")[0]) == ("invalid_request", "token")


async def test_a_megabyte_is_refused_and_so_are_claims_that_are_too_deep(issuer: Issuer) -> None:
    huge = issuer.says("prov:put:full", {"data": {"note": "x" * 1_000_000}})
    assert await refused(issuer, huge) == ("invalid_request", "token")
    claims = json.dumps(issuer.claims("prov:put:full"))[:-1] + ',"deep":' + "[" * 40 + "]" * 40 + "}"
    assert await refused(issuer, issuer.sign(claims)) == ("invalid_request", "token.claims")
    assert await refused(issuer, issuer.sign('{"iss":"a","iss":"b"}')) == ("invalid_request", "token.claims")


async def test_no_reason_quotes_what_a_token_says(issuer: Issuer) -> None:
    mark = "Ada-Lovelace"
    for token in (
        issuer.says("prov:delete", iss=mark), issuer.says("prov:delete", aud=mark),
        issuer.says("prov:delete", iat=mark), issuer.says("prov:delete", sub=mark),
        issuer.sign(issuer.claims("prov:delete"), header={"kid": mark}), issuer.sign(f'{{"a": {mark}}}'),
        issuer.sign(issuer.claims("prov:delete"), header={"typ": mark}), issuer.sign(f'{{"{mark}":1,"{mark}":2}}'),
    ):  # fmt: skip
        with pytest.raises(TokenError) as error:
            await verify(issuer, token)
        assert mark not in str(error.value)


_ISSUER = Issuer()
_TOKENS = {algorithm: _ISSUER.sign(_ISSUER.claims("prov:delete"), algorithm) for algorithm in OF}


@settings(max_examples=300, deadline=None)
@given(data=st.data(), algorithm=st.sampled_from(sorted(OF)))
async def test_any_other_byte_makes_it_another_token(data: st.DataObject, algorithm: str) -> None:
    token = _TOKENS[algorithm]
    place = data.draw(st.integers(0, len(token) - 1))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\x00é"
    other = data.draw(st.sampled_from(alphabet).filter(lambda character: character != token[place]))
    with pytest.raises(TokenError):
        await verify(_ISSUER, token[:place] + other + token[place + 1 :])


@settings(max_examples=100, deadline=None)
@given(length=st.integers(0, 10_000), algorithm=st.sampled_from(sorted(OF)))
async def test_what_is_cut_off_is_refused(length: int, algorithm: str) -> None:
    token = _TOKENS[algorithm]
    with pytest.raises(TokenError):
        await verify(_ISSUER, token[: length % len(token)])


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200) | st.binary(max_size=200).map(lambda data: f"{encode(data)}.{encode(data)}.AA"))
async def test_nothing_but_a_refusal_comes_of_noise(text: str) -> None:
    with pytest.raises(TokenError):
        await verify(_ISSUER, text)


@pytest.mark.parametrize(
    "more",
    [
        {"kty": "oct", "k": "c2VjcmV0"}, {"use": "enc"}, {"key_ops": ["encrypt"]}, {"x": "AA"}, {"x": 7},
        {"crv": "P-384"}, {"crv": None}, {"kid": 7}, {"alg": 7}, {"kty": None}, {"y": "é"}, {"kid": ""},
    ],
)  # fmt: skip
def test_a_key_that_cannot_verify_is_passed_over_and_the_others_count(more: dict[str, Any]) -> None:
    keys = [jwk(KEYS["ec"], kid="bad") | more, None, "x", jwk(KEYS["okp"], kid="good")]
    assert [key.kid for key in read_key_set(json.dumps({"keys": keys}), "test")] == ["good"]


def test_a_key_of_rsa_that_is_too_short_is_passed_over() -> None:
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505  that is the point
    assert read_key_set(json.dumps({"keys": [jwk(short)]}), "test") == ()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": {}}', '{"keys": [' + "{}," * 100 + "{}]}", "[" * 5000])
def test_what_is_no_key_set_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        read_key_set(text, "test")


async def test_a_key_that_is_meant_for_another_algorithm_does_not_count(issuer: Issuer) -> None:
    issuer.published = [jwk(KEYS["rsa"], kid="rsa", alg="PS256")]
    assert await verify(issuer, issuer.sign(issuer.claims("prov:delete"), "PS256"))
    assert await refused(issuer, issuer.sign(issuer.claims("prov:delete"), "RS256")) == (
        "invalid_key", "token.header.kid",
    )  # fmt: skip
