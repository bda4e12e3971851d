"""Links of web pages: the header Link (RFC 8288), and where a reference leads (RFC 3986 5)."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

_LONGEST: Final = 8192  # characters of a header, or of a reference
_MOST: Final = 100  # links of one header
_LINK: Final = re.compile(r"[ \t]*<([^<>]*)>[ \t]*")
_PARAMETER: Final = re.compile(
    r";[ \t]*(?:([A-Za-z0-9!#$%&'*+.^_`|~-]+)[ \t]*(?:=[ \t]*(\"(?:[^\"\\]|\\.)*\"|[^\s\",;<>]+))?)?[ \t]*"
)
_RESERVED: Final = ":/?#[]@!$&'()*+,;=%"  # as they stand in a URL; `quote` keeps letters, digits and _.-~
_PORTS: Final = {"http": 80, "https": 443}


class LinkError(ValueError):
    """It cannot be read as a link, or leads where it must not. The text is for operators."""


def links(header: str, relation: str) -> list[str]:
    """References of one relation type in a header Link, in order. Raises LinkError if the header cannot be read.

    A link with `anchor` is of another page (RFC 8288 3.2). Of several `rel` the first counts (3.3).
    """
    return [
        target for target, names, elsewhere in _links(header) if relation in names.lower().split() and not elsewhere
    ]


def _links(header: str) -> Iterator[tuple[str, str, bool]]:
    if len(header) > _LONGEST:
        raise LinkError(f"the header Link has more than {_LONGEST} characters")
    place = count = 0
    while place < len(header):
        link = _LINK.match(header, place)
        if link is None:
            if header[place] not in ", \t":  # empty elements of a list are allowed (RFC 9110 5.6.1.2)
                raise LinkError("the header Link cannot be read")
            place += 1
            continue
        count, place = count + 1, link.end()
        if count > _MOST:
            raise LinkError(f"the header Link has more than {_MOST} links")
        parameters: dict[str, str] = {}
        while (parameter := _PARAMETER.match(header, place)) is not None:
            place = parameter.end()
            if parameter[1] is not None:
                parameters.setdefault(parameter[1].lower(), _unquoted(parameter[2] or ""))
        if place < len(header) and header[place] != ",":
            raise LinkError("the header Link cannot be read")
        yield link[1], parameters.get("rel", ""), "anchor" in parameters


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def target_of(base: str, reference: str) -> str:
    """Path and query of where a reference leads from a page, on that page's own host. Raises LinkError for any other.

    A host that speaks https and writes http, as behind a proxy that ends TLS, is the same one. What may not stand in
    a URL is encoded.
    """
    if len(reference) > _LONGEST:
        raise LinkError(f"the next link has more than {_LONGEST} characters")
    try:
        here, there = urlsplit(base), urlsplit(urljoin(base, quote(reference.strip(), safe=_RESERVED)))
        same = there.hostname == here.hostname and _port(there.scheme, there.port) in (
            _port(here.scheme, here.port), _PORTS["http"] if (there.scheme, here.port) == ("http", None) else None,
        )  # fmt: skip
        bare = there.username is None and there.password is None
    except ValueError:
        raise LinkError("the next link is no URL") from None
    if there.scheme not in _PORTS or not same or not bare:
        raise LinkError("the next link leads to another host: refused")
    return (there.path or "/") + (f"?{there.query}" if there.query else "")


def _port(scheme: str, port: int | None) -> int | None:
    return port if port is not None else _PORTS.get(scheme)
