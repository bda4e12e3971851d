"""What a bundle says of authentication is checked before any delivery: where it is wrong, and what would be right."""

from typing import Any

import pytest
from pydantic import ValidationError

from provisioning.core.catalog import Service
from provisioning.protocols.authentication_check import check
from provisioning.protocols.registry import check_paths

PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
OAUTH = {"kind": "oauth2", "token_endpoint": "https://sp.example.org/token"}


def service(authentication: dict[str, Any], **changes: Any) -> Service:
    fields = {
        "id": "wiki", "protocol": "scim", "endpoint": "https://sp.example.org/v2", "secret": "campus/wiki",
        "account": {"userName": "person.login"}, "authentication": authentication,
    }  # fmt: skip
    return Service.model_validate({**fields, **changes})


@pytest.mark.parametrize(
    ("authentication", "changes"),
    [
        ({}, {}),
        ({"kind": "basic"}, {}),
        (OAUTH, {}),
        ({**OAUTH, "scope": "read write", "audience": "urn:sp", "client": "body", "certificate": "campus/own"}, {}),
        ({"certificate": "campus/own", "authorities": PEM * 2}, {"secret": None}),
        ({"certificate": "campus/own"}, {"protocol": "webhook"}),
        ({**OAUTH, "token_endpoint": "http://127.0.0.1/token"}, {"private": True}),
    ],
)
def test_what_can_be_is_not_complained_about(authentication: dict[str, Any], changes: dict[str, Any]) -> None:
    assert list(check_paths(service(authentication, **changes))) == []


@pytest.mark.parametrize(
    ("authentication", "changes", "where", "right"),
    [
        ({}, {"protocol": "queue"}, "authentication", "the function's own role"),
        ({"kind": "basic"}, {"protocol": "ldap", "secret": None}, "authentication", "{dn, password}"),
        (OAUTH, {"protocol": "extract"}, "authentication", "the function's own role"),
        ({"kind": "oauth2"}, {}, "authentication.token_endpoint", "https URL"),
        (OAUTH, {"secret": None}, "secret", '{"client_id": …, "client_secret": …}'),
        ({"kind": "basic"}, {"secret": None}, "secret", '{"user": …, "password": …}'),
        ({"kind": "basic", "certificate": "own"}, {"secret": None}, "secret", '{"user": …, "password": …}'),
        ({}, {"secret": None}, "secret", "the token, or a `certificate`"),
        (OAUTH, {"protocol": "webhook"}, "authentication.kind", "its secret signs"),
        ({"scope": "read"}, {}, "authentication.scope", "kind: oauth2"),
        ({"audience": "sp"}, {}, "authentication.audience", "kind: oauth2"),
        ({"token_endpoint": "https://sp.example.org/"}, {}, "authentication.token_endpoint", "kind: oauth2"),
        ({"certificate": "own"}, {"endpoint": "http://sp/v2", "private": True}, "authentication.certificate", "https"),
        ({"authorities": PEM}, {"endpoint": "http://sp/v2", "private": True}, "authentication.authorities", "https"),
        ({"authorities": "campus/authorities"}, {}, "authentication.authorities", "-----BEGIN CERTIFICATE-----"),
        ({"authorities": PEM.replace("MAA=", "MAA")}, {}, "authentication.authorities", "BEGIN CERTIFICATE"),
    ],
)
def test_what_cannot_be_is_named_with_what_would_be_right(
    authentication: dict[str, Any], changes: dict[str, Any], where: str, right: str
) -> None:
    (error,) = check(service(authentication, **changes))
    assert error.where == f"services/wiki.{where}"
    assert right in error.right


@pytest.mark.parametrize(
    "url",
    ["http://sp.example.org/token", "https:///token", "sp.example.org/token", "https://a:b@sp.example.org/token",
     "https://sp.example.org/token#x", "https://[", "https://sp.example.org:port/", "ftp://sp.example.org"],
)  # fmt: skip
def test_a_token_endpoint_is_a_plain_https_url(url: str) -> None:
    (error,) = check(service({**OAUTH, "token_endpoint": url}))
    assert (error.where, error.problem) == ("services/wiki.authentication.token_endpoint", "not a token endpoint")


@pytest.mark.parametrize("field", ["verify", "insecure", "password", "token"])
def test_nothing_switches_verification_off_and_nothing_secret_is_written_here(field: str) -> None:
    with pytest.raises(ValidationError):
        service({field: False})


@pytest.mark.parametrize("scope", ["", " read", "read  write", 'a"b', "a\\b", "lesø", "a\nb"])
def test_a_scope_is_words_with_single_spaces_between(scope: str) -> None:
    with pytest.raises(ValidationError):
        service({**OAUTH, "scope": scope})
