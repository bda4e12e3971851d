"""What is known of an SP is held against the mapping before anything is delivered."""

from typing import Any

import pytest

from provisioning.core.catalog import Service
from provisioning.protocols.scim_check import check
from tests.protocols.talk import service

URN = "urn:acme:params:scim:schemas:campus:1.0:User"
AWS = ("userName", "name.givenName", "name.familyName", "displayName")


def mapped(*paths: str, **changes: Any) -> Service:
    return service(account=dict.fromkeys(paths, "person.x"), **changes)


def told(service_: Service) -> list[str]:
    return [str(problem) for problem in check(service_)]


@pytest.mark.parametrize(
    ("service_", "words"),
    [
        (mapped("userName", scim={"patch": False, "put": False}), "services/library.scim.put: without PATCH and PUT"),
        (
            mapped("userName", scim={"patch": False, "members_shown": False}, groups={"read": "readers"}),
            "services/library.scim.members_shown: members that are not shown",
        ),
        (mapped("userName", scim={"preset": "entra"}), "library.account: no account is made without displayName"),
        (mapped("userName", scim={"required": [f"{URN}:badge"]}), f"(a mapping for {URN}:badge)"),
        (mapped(*AWS, "photos", scim={"preset": "aws-identity-center"}), "account.photos: the SP does not keep photos"),
        (mapped("userName", f"{URN}:x", scim={"schemas": ["urn:b"]}), f"the SP has no {URN} (one of urn:b)"),
        (
            mapped(*AWS, 'emails[type eq "work"].value', 'emails[type eq "home"].value', scim={"single_valued": True}),
            'keeps one entry of emails (emails[type eq "work"] only)',
        ),
    ],
)  # fmt: skip
def test_what_the_sp_will_not_take_is_told(service_: Service, words: str) -> None:
    problems = told(service_)
    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(
    "service_",
    [
        mapped(*AWS, 'emails[type eq "work"].value', scim={"preset": "aws-identity-center"}),
        mapped("userName", "emails", scim={"preset": "slack"}),
        mapped("userName", 'emails[type eq "work"].value', scim={"preset": "github-emu"}),
        mapped("userName", "displayName", "password", scim={"preset": "entra"}),
        mapped("userName", scim={"preset": "okta"}),
        mapped("userName", f"{URN}:x", f"{URN}:y", scim={"schemas": [URN.upper().replace("URN", "urn")]}),
        mapped("userName", "photos", scim={"preset": "aws-identity-center", "unsupported": [], "required": []}),
        mapped("userName", "name", scim={"required": ["name.givenName"]}),
    ],
)
def test_what_it_takes_is_not(service_: Service) -> None:
    assert told(service_) == []
