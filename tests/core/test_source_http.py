"""Options of sources over HTTP: what cannot work is refused, and says what would be right."""

from typing import Any

import pytest
from pydantic import ValidationError

from provisioning.core.source_http import HttpSource
from provisioning.core.source_options import Poll

URL = "https://idms.example.edu/api/people"


def source(**options: Any) -> HttpSource:
    return HttpSource.model_validate({"url": URL, **options})


def test_the_least_is_a_url() -> None:
    made = source()
    assert (made.origin, made.secrets, made.paging.way) == ("https://idms.example.edu", (), "none")


def test_secrets_are_those_that_it_may_read() -> None:
    poll = {"http": {"url": URL, "secret": "idms", "authentication": {"certificate": "ours"}}}
    assert Poll.model_validate(poll).secrets == ("idms", "ours")
    assert Poll.model_validate(poll).technologies == ("http",)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "http://idms.example.edu/people"}, "private: true"),
        ({"person": "https://elsewhere.example/{key}"}, "person is of another host"),
        ({"person": "https://idms.example.edu.elsewhere.example/{key}"}, "person is of another host"),
        ({"person": f"{URL}/key"}, "person has {key} once"),
        ({"changes": {"by": "delta", "delta": "d", "url": "https://elsewhere.example/x"}}, "changes.url is of another"),
        ({"changes": {"by": "since", "parameter": "since", "fetch": True}}, "changes.fetch needs person"),
        ({"changes": {"by": "since"}}, "since needs a parameter"),
        ({"changes": {"by": "delta"}}, "belongs to by: delta"),
        ({"changes": {"by": "etag", "delta": "d"}}, "belongs to by: delta"),
        ({"changes": {"by": "etag", "parameter": "x"}}, "etag asks for the list itself"),
        ({"changes": {"by": "etag", "start": {"a": "b"}}}, "start belongs to by: delta"),
        ({"changes": {"by": "delta", "delta": "d", "expired": [429]}}, "expired: not 401"),
        ({"changes": {"by": "etag"}, "paging": {"way": "link"}}, "a list that comes whole"),
        ({"paging": {"way": "page"}}, "parameter belongs to"),
        ({"paging": {"way": "link", "parameter": "x"}}, "parameter belongs to"),
        ({"paging": {"way": "cursor", "parameter": "c"}}, "cursor needs next or next_header"),
        ({"paging": {"way": "cursor", "parameter": "c", "next": "a", "next_header": "b"}}, "one of them"),
        ({"paging": {"way": "link", "next_header": "b"}}, "no next_header"),
        ({"paging": {"way": "page", "parameter": "p", "next": "a"}}, "belong to link and cursor"),
        ({"paging": {"way": "link", "first": 0}}, "belong to page and offset"),
        ({"paging": {"way": "page", "parameter": "p", "past": [401]}}, "past: not 401"),
        ({"authentication": {"kind": "basic"}}, "basic needs a secret"),
        ({"authentication": {"kind": "oauth2"}, "secret": "s"}, "token_endpoint"),
        ({"header": "X-Api-Key"}, "header needs a secret"),
        ({"header": "X-Api-Key", "secret": "s", "authentication": {"kind": "basic"}}, "no other authentication"),
        ({"header": "Host", "secret": "s"}, "X-Api-Key"),
        ({"headers": {"Authorization": "x"}}, "none of"),
        ({"headers": {"X-A": "x", "x-a": "y"}}, "each once"),
        ({"headers": {"X-A": "x\ny"}}, "pattern"),
        ({"total": "a", "total_header": "b"}, "one of them"),
        ({"deletes": ["gone"]}, "deletes needs deleted"),
        ({"exclude": ["id"]}, "neither key nor deleted"),
        ({"items": "a..b"}, "not a path"),
        ({"key": "a["}, "not a path"),
        ({"query": {"a b": "c"}}, "pattern"),
    ],
)
def test_what_cannot_work_is_refused_and_says_what_would_be_right(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        source(**options)
    assert said in str(caught.value)


def test_exactly_one_technology() -> None:
    with pytest.raises(ValidationError, match="exactly one of sql, ldap, files, scim, http"):
        Poll.model_validate({})
