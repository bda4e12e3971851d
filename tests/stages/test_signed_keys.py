"""receive and the issuer's published keys, over TLS: rotation, forged kids, and an issuer that is down."""

from dataclasses import replace

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from provisioning.adapters.sources.jwks import AGAIN, PAUSE, CachedKeySets
from provisioning.adapters.sources.jwks_http import fetch_key_set, secret_key_set
from provisioning.stages.message import Failed, Message
from provisioning.stages.receive import Receive, receive
from provisioning.stages.signed import Verifying
from tests.delivery.certificates import Authority
from tests.sources.issuer import Issuer, KeyServer, jwk, published, signature
from tests.stages.bench import new_bench
from tests.stages.tenant import START
from tests.stages.test_signed import World, tenant, user


class Living(World):
    """receive that reads the issuer's keys itself."""

    sets: CachedKeySets

    @property
    def shell(self) -> Receive:
        return replace(super().shell, verifying=Verifying(self.sets, self.seen))


async def no_secret(name: str) -> str:
    raise AssertionError(f"nobody reads {name}")


async def living(served: KeyServer) -> Living:
    where = served.options().model_dump()
    made = Living(await new_bench(tenant(where)), served.issuer)
    made.sets = CachedKeySets(fetch_key_set, secret_key_set(no_secret), lambda: made.bench.microseconds() / 1e6)
    return made


async def again(it: Living, message: Message) -> Failed:
    """As the queue hands it out once more."""
    return await receive(it.shell, [replace(message, again=True)], int(it.bench.now))


async def test_keys_follow_each_other_and_no_token_is_lost_between_them() -> None:
    async with published(Issuer(), Authority()) as served:
        it = await living(served)
        await it.take(it.issuer.says("prov:create:full", user()))
        key = ec.generate_private_key(ec.SECP256R1())
        served.issuer.published = [jwk(key, kid="next")]
        claims = it.issuer.claims("prov:put:full", user("Eva"), iat=START + 5)
        message = it.message(
            it.issuer.sign(claims, header={"kid": "next"}, signing=lambda content: signature("ES256", key, content))
        )
        it.bench.now += 5
        assert await it.take(message) == {message.id}, "the keys were read just now: it waits"
        it.bench.now += AGAIN
        assert not await again(it, message)
        assert (it.names(), served.asked, await it.reasons()) == ({"u1": "Eva"}, 2, [])
        late = it.issuer.says("prov:put:full", user("Old"), iat=START + 6)  # by a key that is gone
        await it.take(late)
        it.bench.now += AGAIN
        await it.take(late)
        assert it.names() == {"u1": "Eva"}
        assert [reason.partition(" (")[0] for reason in await it.reasons()] == ["token.header.kid: no such key"]


async def test_a_hundred_forged_kids_cost_two_requests_and_the_genuine_go_on() -> None:
    async with published(Issuer(), Authority()) as served:
        it = await living(served)
        claims = it.issuer.claims("prov:delete")
        forged = [it.message(it.issuer.sign(claims, header={"kid": f"forged-{number}"})) for number in range(100)]
        genuine = it.message(it.issuer.says("prov:create:full", user()))
        assert await it.take(genuine, *forged) == {message.id for message in forged}
        it.bench.now += AGAIN
        assert not await it.take(*forged)
        assert (it.names(), served.asked, len(await it.reasons())) == ({"u1": "Ada"}, 2, 100)
        assert it.seen.requests == {"BatchGetItem": 1, "BatchWriteItem": 1}


async def test_while_the_issuer_is_down_tokens_wait_and_nobody_is_believed() -> None:
    async with published(Issuer(), Authority()) as served:
        it = await living(served)
        served.answer = lambda _request: web.Response(status=503)
        messages = [it.message(it.issuer.says("prov:create:full", user(key), key)) for key in ("u1", "u2", "u3")]
        assert await it.take(*messages) == {message.id for message in messages}
        assert (served.asked, it.bench.store.linked, await it.reasons()) == (1, {}, [])
        served.answer = None
        it.bench.now += PAUSE
        assert not await it.take(*messages)
        assert (it.names(), served.asked) == ({"u1": "u1", "u2": "u2", "u3": "u3"}, 2)
