"""Links: the header of RFC 8288, and where a reference leads, which is never another host."""

from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.core.web_link import LinkError, links, target_of

BASE = "https://idms.example.edu/api/people?page=1"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", []),
        ('<https://a/b?page=2>; rel="next", <https://a/b?page=9>; rel="last"', ["https://a/b?page=2"]),
        ("<b>;rel=next", ["b"]),
        ("<b> ; REL = NEXT", ["b"]),
        ('<b>; rel="prefetch  next"', ["b"]),
        ("<b>; rel=last; rel=next", []),  # RFC 8288 3.3: the first counts
        ('<b>; rel=next; anchor="#other"', []),
        ('<a>; title="x, <y>; rel=next", <b>; rel=next', ["b"]),
        (r'<a>; title="x\", <y>; rel=next", <b>; rel=next', ["b"]),
        (" , <b>; rel=next, ,", ["b"]),
        ("<b,c;d>; rel=next", ["b,c;d"]),
        ("<b>; crossorigin; rel=next;", ["b"]),
        ("<b>; title*=UTF-8''x; rel=next", ["b"]),
        ("<>; rel=next", [""]),
        ("<a>; rel=nextish, <b>", []),
    ],
)
def test_links_of_a_relation(header: str, found: list[str]) -> None:
    assert links(header, "next") == found


@pytest.mark.parametrize(
    "header",
    ["<b; rel=next", "b; rel=next", '<b>; rel="next', "<b> rel=next", "<b>; rel=next x", "<b>; =next",
     "<b>; rel=next" + " " * 9000, "<b>," * 200],
)  # fmt: skip
def test_what_cannot_be_read_is_not_taken_for_no_link(header: str) -> None:
    with pytest.raises(LinkError):
        links(header, "next")


@given(st.text(st.sampled_from('<>;,="\\ relnxtab\t'), max_size=60))
def test_any_header_is_read_or_refused(header: str) -> None:
    with suppress(LinkError):
        assert all(isinstance(link, str) for link in links(header, "next"))


@given(st.lists(st.tuples(st.text("abc/?=&;,", max_size=9), st.sampled_from(["next", "prev", "last"])), max_size=9))
def test_what_is_written_by_the_standard_is_read_back(made: list[tuple[str, str]]) -> None:
    header = ", ".join(f'<{target}>; title="a, \\"<b>; rel=next"; rel="{relation}"' for target, relation in made)
    assert links(header, "next") == [target for target, relation in made if relation == "next"]


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("https://idms.example.edu/api/people?page=2", "/api/people?page=2"),
        ("https://IDMS.example.edu:443/api/people?page=2", "/api/people?page=2"),
        ("http://idms.example.edu/api/people?page=2", "/api/people?page=2"),  # behind a proxy that ends TLS
        ("http://idms.example.edu:80/x", "/x"),
        ("//idms.example.edu/x", "/x"), ("/x?a=b#c", "/x?a=b"), ("?page=2", "/api/people?page=2"),
        ("other", "/api/other"), ("https:///x", "/x"), ("http://idms.example.edu:443/x", "/x"),
        ("../x", "/x"), ("https://idms.example.edu", "/"), ("/x?q=a b", "/x?q=a%20b"),
        ("/x?q=é&r=%20", "/x?q=%C3%A9&r=%20"),
        ("/x?filter[a]=b", "/x?filter[a]=b"), ("  /x  ", "/x"), ("/x\\y", "/x%5Cy"),
    ],
)  # fmt: skip
def test_where_a_reference_leads(reference: str, target: str) -> None:
    assert target_of(BASE, reference) == target


@pytest.mark.parametrize(
    "reference",
    [
        "https://elsewhere.example/x", "//elsewhere.example/x", "https://idms.example.edu:8443/x",
        "ftp://idms.example.edu/x",
        "https://idms.example.edu.elsewhere.example/x", "https://user@idms.example.edu/x", "javascript:alert(1)",
        "https://idms.example.edu@elsewhere.example/", "http://idms.example.edu:8080/x", "https://[::1/x",
        "https://a:b/x",
        "file:///etc/passwd", "/x" * 9000,
    ],
)  # fmt: skip
def test_other_hosts_are_refused(reference: str) -> None:
    with pytest.raises(LinkError):
        target_of(BASE, reference)


def test_a_plain_host_does_not_lead_to_another_port() -> None:
    with pytest.raises(LinkError):
        target_of("http://127.0.0.1:8080/people", "http://127.0.0.1/people")


@given(st.text(max_size=200))
def test_no_reference_leads_to_another_host_or_into_the_request_line(reference: str) -> None:
    try:
        target = target_of(BASE, reference)
    except LinkError:
        return
    assert target.startswith("/")
    assert target.isascii()
    assert not any(character <= " " or character == "\x7f" for character in target)
    assert urlsplit("https://idms.example.edu" + target).hostname == "idms.example.edu"
