"""Two judges of SCIM endpoints that are not ours, over HTTP: scim2-tester and scim-sanity."""

import json
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import check_server
from scim_sanity.cli import main  # type: ignore[import-untyped]  # it has no types

from tests.gateway.served import served
from tests.gateway.world import SCIM, TOKEN, World


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with served(world) as found:
        yield f"{found}{SCIM}"


def over_http(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A WSGI application that passes everything on over HTTP: the tester's own client for that is not installed."""
    connection = HTTPConnection(environ["SERVER_NAME"], int(environ["SERVER_PORT"]), timeout=10)
    query = environ["QUERY_STRING"]
    headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers |= {"Content-Type": environ["CONTENT_TYPE"]} if environ.get("CONTENT_TYPE") else {}
    path = quote(environ["PATH_INFO"].encode("latin-1")) + (f"?{query}" if query else "")
    connection.request(environ["REQUEST_METHOD"], path, environ["wsgi.input"].read(), headers)
    answer = connection.getresponse()
    body = answer.read()
    start_response(f"{answer.status} {answer.reason}", answer.getheaders())
    connection.close()
    return [body]


def test_scim2_tester_finds_nothing(url: str) -> None:
    client = WSGISCIMClient(over_http, base_url=url, headers={"Authorization": f"Bearer {TOKEN}"})
    results = check_server(client)
    found = {(each.title, each.status.name, str(each.reason)) for each in results}
    assert len(results) > 50
    assert {each for each in found if each[1] not in ("SUCCESS", "SKIPPED")} == set()


def test_scim_sanity_finds_nothing(url: str) -> None:
    arguments = ["probe", url, "--token", TOKEN, "--i-accept-side-effects", "--json-output"]
    result = CliRunner().invoke(main, arguments)
    report = json.loads(result.stdout)
    assert [each for each in report["results"] if each["status"] not in ("pass", "skip")] == []
    assert result.exit_code == 0
