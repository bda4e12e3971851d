"""OAuth 2 client credentials over real TLS: when tokens are asked for, how, and what follows a refusal."""

import asyncio
import base64
import json
import logging
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from provisioning.adapters.delivery.certificates import Certificates
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.core.catalog import Service
from provisioning.protocols.dialogue import Outcome
from tests.delivery.certificates import Authority
from tests.delivery.oauth import CLIENT, DELIVERY, PASSWORD, World, opened


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened(World()) as world:
        yield world


async def done(world: World, service: Service, times: int = 1) -> None:
    endings = await asyncio.gather(*(world.run(service, replace(DELIVERY, identity=str(n))) for n in range(times)))
    assert [ending.outcome for ending in endings] == [Outcome.DONE] * times, endings[0]


async def test_fifty_calls_at_once_ask_for_one_token(world: World) -> None:
    service = world.service()
    await done(world, service, 50)
    assert (len(world.asked), len(world.borne)) == (1, 50)
    await done(world, service, 50)
    assert len(world.asked) == 1


async def test_services_do_not_share_a_token(world: World) -> None:
    await done(world, world.service())
    await done(world, world.service(id="other"))
    await done(world, world.service({"scope": "write"}))
    assert len(world.asked) == 3


@pytest.mark.parametrize(("lifetime", "kept"), [(3600, 3570), (40, 30), (1, 1), ("60", 45)])
async def test_a_token_is_renewed_before_it_expires(world: World, lifetime: Any, kept: int) -> None:
    world.lifetime = lifetime
    await done(world, world.service())
    world.now += kept - 1
    await done(world, world.service())
    assert len(world.asked) == 1
    world.now += 1
    await done(world, world.service())
    assert len(world.asked) == 2


@pytest.mark.parametrize("lifetime", [None, -1, 0, True, "soon", [], {}, "9" * 40])
async def test_a_life_that_makes_no_sense_is_a_short_one(world: World, lifetime: Any) -> None:
    world.lifetime = lifetime
    await done(world, world.service())
    world.now += 269
    await done(world, world.service())
    assert len(world.asked) == 1
    world.now += 1
    await done(world, world.service())
    assert len(world.asked) == 2


async def test_a_life_without_end_is_a_day(world: World) -> None:
    world.lifetime, world.holds = 10**15, 10**15
    await done(world, world.service())
    world.now += 86400
    await done(world, world.service())
    assert len(world.asked) == 2


async def test_a_refused_token_is_dropped_and_the_call_made_again_once(world: World) -> None:
    await done(world, world.service())
    world.revoke()
    await done(world, world.service())
    assert world.borne == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


async def test_many_who_are_refused_together_ask_for_one_new_token(world: World) -> None:
    await done(world, world.service(), 20)
    world.revoke()
    await done(world, world.service(), 20)
    assert len(world.asked) == 2


async def test_a_call_that_is_refused_with_a_new_token_too_ends_as_a_401_does(world: World) -> None:
    await done(world, world.service())
    world.revoke()
    world.holds = 0
    ending = await world.run(world.service())
    assert (ending.outcome, ending.reason) == (Outcome.TRANSIENT, "POST answered 401: who are you")
    assert (len(world.asked), len(world.borne)) == (2, 3)


async def test_a_rotated_client_secret_is_read_again(world: World) -> None:
    await done(world, world.service())
    world.revoke()
    world.clients[CLIENT] = "renewed"
    world.secrets["library"] = json.dumps({"client_id": CLIENT, "client_secret": "renewed"})
    await done(world, world.service())
    assert (len(world.asked), world.reads) == (3, 2)


@pytest.mark.parametrize("client", ["basic", "body"])
async def test_a_client_says_who_it_is_in_the_header_or_in_the_body(world: World, client: str) -> None:
    name, password = "an engine:ærø", "p+%:&=ö 日本"
    world.clients, world.secrets["library"] = (
        {name: password},
        json.dumps({"client_id": name, "client_secret": password}),
    )
    await done(world, world.service({"client": client, "scope": "read write", "audience": "urn:sp"}))
    ((form, authorization),) = world.asked
    assert (form["scope"], form["audience"]) == ("read write", "urn:sp")
    if client == "body":
        assert (authorization, form["client_id"], form["client_secret"]) == (None, name, password)
    else:
        assert authorization is not None
        encoded = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        assert encoded == "an+engine%3A%C3%A6r%C3%B8:p%2B%25%3A%26%3D%C3%B6+%E6%97%A5%E6%9C%AC"
        assert "client_secret" not in form


async def test_the_token_endpoint_is_shown_our_certificate_too() -> None:
    ours = Authority("ours")
    async with opened(World(), demand=ours) as world:
        world.secrets["certificate"] = ours.issue("engine").secret
        await done(world, world.service({"certificate": "certificate"}), 5)
        assert (len(world.asked), len(world.borne)) == (1, 5)


async def test_a_token_endpoint_may_have_a_public_certificate_where_the_sp_has_a_private_one(world: World) -> None:
    certificates = Certificates(Secrets(world.read), lambda: 0)
    sp, token_endpoint = [await certificates.context(world.service(), 1, own=own) for own in (True, False)]
    public = len(ssl.create_default_context().get_ca_certs())
    assert sp is not None
    assert token_endpoint is not None
    assert (len(sp.get_ca_certs()), len(token_endpoint.get_ca_certs())) == (1, public + 1)
    assert {context.verify_mode for context in (sp, token_endpoint)} == {ssl.CERT_REQUIRED}
    assert sp.check_hostname


@pytest.mark.parametrize(
    "secret", ["a-token", "[]", "{}", '{"client_id": "engine"}', '{"client_id": 1, "client_secret": "x"}',
               '{"client_id": "a\\n", "client_secret": "x"}', '{"client_id": "\\ud800", "client_secret": "x"}']
)  # fmt: skip
async def test_a_secret_of_another_shape_is_named_with_what_would_be_right(world: World, secret: str) -> None:
    world.secrets["library"] = secret
    ending = await world.run(world.service())
    assert ending.outcome is Outcome.TRANSIENT
    assert ending.reason.startswith("""secret 'library' is not {"client_id": …, "client_secret": …}""")
    assert (world.asked, world.borne) == ([], [])


async def test_neither_secret_nor_token_is_in_logs_or_in_what_is_shown_of_objects(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await done(world, world.service())
    world.revoke()
    await done(world, world.service())
    shown = caplog.text + repr(world.caller) + repr(world.service())
    assert not [text for text in (PASSWORD, "token-1", "token-2") if text in shown]
