"""Basic authentication (RFC 7617) against a server that reads it as the RFC says."""

import base64
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from provisioning.adapters.delivery.credentials import basic
from provisioning.adapters.delivery.refusal import NotSentError
from provisioning.protocols.dialogue import Outcome
from tests.delivery.oauth import World, opened

BASIC = {"kind": "basic", "token_endpoint": None}


class Users(World):
    """An SP of users with passwords."""

    users_known: tuple[str, str] = ("ann", "word")

    async def users(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers["authorization"]
        self.borne.append(authorization)
        scheme, _, encoded = authorization.partition(" ")
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        if (scheme, user, colon, password) != ("Basic", self.users_known[0], ":", self.users_known[1]):
            return web.Response(status=401, headers={"www-authenticate": 'Basic realm="sp", charset="UTF-8"'})
        return web.json_response({"id": "1"}, status=201)


@pytest.fixture
async def world() -> AsyncIterator[Users]:
    world = Users()
    async with opened(world):
        yield world


def pair(user: object, password: object) -> str:
    return json.dumps({"user": user, "password": password})


@pytest.mark.parametrize(
    ("user", "password"),
    [("ann", "word"), ("ann", "a:b::c"), ("ærø", "日本 £"), ("a b", ' "\\ '), ("x" * 300, "y" * 300)],
)
async def test_user_and_password_arrive_as_they_are(world: Users, user: str, password: str) -> None:
    world.users_known, world.secrets["library"] = (user, password), pair(user, password)
    assert (await world.run(world.service(BASIC))).outcome is Outcome.DONE
    assert (len(world.borne), world.asked) == (1, [])


async def test_what_is_composed_otherwise_is_sent_in_normal_form_c(world: Users) -> None:
    world.users_known, world.secrets["library"] = ("\u00e9", "\u00e9"), pair("e\u0301", "e\u0301")
    assert (await world.run(world.service(BASIC))).outcome is Outcome.DONE


async def test_a_password_that_was_changed_is_read_again_once(world: Users) -> None:
    world.secrets["library"] = pair("ann", "word")
    assert (await world.run(world.service(BASIC))).outcome is Outcome.DONE
    world.users_known, world.secrets["library"] = ("ann", "renewed"), pair("ann", "renewed")
    assert (await world.run(world.service(BASIC))).outcome is Outcome.DONE
    assert (len(world.borne), world.reads) == (3, 2)
    world.users_known = ("ann", "never given")
    ending = await world.run(world.service(BASIC))
    assert (ending.outcome, ending.reason, len(world.borne)) == (Outcome.TRANSIENT, "POST answered 401", 4)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("a-token", 'secret \'library\' is not {"user": …, "password": …}'),
        (pair("ann", None), 'secret \'library\' is not {"user": …, "password": …}'),
        (pair("", "word"), 'secret \'library\' is not {"user": …, "password": …}'),
        (pair("ann", "wo\nrd"), "each a text without control characters"),
        (pair("a:nn", "word"), "a user with a colon"),
    ],
)
async def test_what_cannot_be_sent_is_named_and_not_shown(world: Users, secret: str, why: str) -> None:
    world.secrets["library"] = secret
    ending = await world.run(world.service(BASIC))
    assert (ending.outcome, world.borne) == (Outcome.TRANSIENT, [])
    assert why in ending.reason
    assert "a-token" not in ending.reason


@given(st.text(), st.text())
def test_any_user_and_password_make_a_header_or_an_error_that_quotes_neither(user: str, password: str) -> None:
    try:
        header = basic("library", json.dumps({"user": f"§{user}", "password": password}))
    except NotSentError as error:
        assert "§" not in str(error)
    else:
        assert header.isascii()
        assert header.isprintable()
        assert base64.b64decode(header.removeprefix("Basic ")).decode().startswith("§")
