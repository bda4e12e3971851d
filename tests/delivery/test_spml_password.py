"""SPML's password capability through the real driver, against a provider written from the standard, and judged."""

from collections.abc import AsyncIterator

import pytest

from provisioning.adapters.delivery.driver import Courier
from provisioning.core.errors import InvalidError
from provisioning.protocols.spml_password import Answered, Asked, Do, ask
from tests.delivery.spml_objects import CAPABILITIES, CORE
from tests.delivery.spml_provider import Endpoint, Fault, dropped, instead, refused, served, service
from tests.delivery.spml_server import Target

SECRET = "s€cret & <long>"
_ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with served(Target()) as endpoint:
        endpoint.target.plant("person", uid="ann")
        yield endpoint


async def asked(
    courier: Courier, endpoint: Endpoint, do: Do, password: str = "", remote: str = "", logins: int = 1
) -> Answered:
    held = service(endpoint.url)
    remote = remote or next(iter(endpoint.target.objects))
    return await courier.drive(held, ask(held, remote, Asked(do, password, logins=logins), "0123abcd"))


def held_password(endpoint: Endpoint) -> str:
    return next(iter(endpoint.target.objects.values())).password


async def test_a_password_is_set_and_validated(courier: Courier, endpoint: Endpoint) -> None:
    assert await asked(courier, endpoint, Do.SET, SECRET) == Answered()
    assert held_password(endpoint) == SECRET
    assert (await asked(courier, endpoint, Do.VALIDATE, SECRET)).valid is True
    assert (await asked(courier, endpoint, Do.VALIDATE, "another")).valid is False


async def test_a_password_is_expired_after_the_next_login(courier: Courier, endpoint: Endpoint) -> None:
    (held,) = endpoint.target.objects.values()
    assert await asked(courier, endpoint, Do.EXPIRE) == Answered()
    assert (held.logins, endpoint.calls[-1].request.get("remainingLogins")) == (1, None)  # the schema's default
    for logins in (0, 3):
        assert await asked(courier, endpoint, Do.EXPIRE, logins=logins) == Answered()
        assert held.logins == logins


async def test_a_target_without_the_capability_is_told_no_password(courier: Courier, endpoint: Endpoint) -> None:
    endpoint.target.capabilities = ("search",)
    for do in Do:
        answered = await asked(courier, endpoint, do, SECRET)
        assert "does not list the password capability" in answered.refusal
    assert set(endpoint.names) == {"listTargets"}


LISTED = f'<c:listTargetsResponse xmlns:c="{CORE}" status="success">{{}}</c:listTargetsResponse>'


@pytest.mark.parametrize(
    "said",
    [
        LISTED.format(""),
        LISTED.format('<c:target targetID="another"><c:capabilities/></c:target>'),
        LISTED.format('<c:target targetID="people"/>'),
        f'<c:listTargetsResponse xmlns:c="{CORE}" status="failure" error="unsupportedOperation"/>',
    ],
    ids=["no target", "another target", "no capabilities", "not told"],
)
async def test_a_target_that_does_not_say_what_it_can_do_is_asked(
    courier: Courier, endpoint: Endpoint, said: str
) -> None:
    endpoint.faults.append(instead(_ENVELOPE.format(said).encode()))
    assert await asked(courier, endpoint, Do.SET, SECRET) == Answered()
    assert (endpoint.names, held_password(endpoint)) == (["listTargets", "setPassword"], SECRET)


@pytest.mark.parametrize("fault", [dropped, refused, instead(b"<html/>"), instead(b"", 401)])
async def test_where_the_targets_are_not_heard_nothing_is_asked(
    courier: Courier, endpoint: Endpoint, fault: Fault
) -> None:
    endpoint.faults.append(fault)
    assert "nothing was asked" in (await asked(courier, endpoint, Do.SET, SECRET)).refusal
    assert (endpoint.names, held_password(endpoint)) == (["listTargets"], "")


async def test_a_new_password_is_told_once_and_is_in_no_representation(courier: Courier, endpoint: Endpoint) -> None:
    answered = await asked(courier, endpoint, Do.RESET)
    assert answered.password == held_password(endpoint)
    assert str(answered.password) not in repr(answered)


async def test_the_id_of_a_request_says_nothing_of_the_password(courier: Courier, endpoint: Endpoint) -> None:
    for password in ("one", "two"):
        await asked(courier, endpoint, Do.SET, password)
    assert {call.request.get("requestID") for call in endpoint.calls[1::2]} == {"r0123abcd"}
    assert {call.request.tag for call in endpoint.calls[::2]} == {f"{{{CORE}}}listTargetsRequest"}


async def test_who_is_not_there_is_told(courier: Courier, endpoint: Endpoint) -> None:
    assert "noSuchIdentifier" in (await asked(courier, endpoint, Do.RESET, remote="nobody")).refusal


@pytest.mark.parametrize("fault", [dropped, refused])
async def test_what_became_of_a_request_without_an_answer_is_not_claimed(
    courier: Courier, endpoint: Endpoint, fault: Fault
) -> None:
    endpoint.faults += [None, fault]
    answered = await asked(courier, endpoint, Do.SET, SECRET)
    assert answered.refusal
    assert SECRET not in answered.refusal


def response(name: str, attributes: str = "", inner: str = "") -> str:
    return f'<p:{name} xmlns:p="{CAPABILITIES["password"]}" status="success" {attributes}>{inner}</p:{name}>'


@pytest.mark.parametrize(
    ("do", "inner"),
    [
        (Do.RESET, response("resetPasswordResponse", inner="<p:password>two\nlines</p:password>")),
        (Do.RESET, response("resetPasswordResponse", inner=f"<p:password>{'x' * 2000}</p:password>")),
        (Do.VALIDATE, response("validatePasswordResponse")),
        (Do.VALIDATE, response("validatePasswordResponse", 'valid="ja"')),
        (Do.SET, f'<c:addResponse xmlns:c="{CORE}" status="success"/>'),
        (Do.SET, "<html/>"),
    ],
    ids=["two lines", "too long", "no verdict", "no boolean", "another answer", "a page"],
)
async def test_an_answer_that_is_none_is_not_believed(courier: Courier, endpoint: Endpoint, do: Do, inner: str) -> None:
    endpoint.faults += [None, instead(_ENVELOPE.format(inner).encode())]
    answered = await asked(courier, endpoint, do, SECRET)
    assert answered.refusal
    assert (answered.password, answered.valid) == (None, None)


async def test_a_service_that_does_not_speak_spml_is_refused(courier: Courier, endpoint: Endpoint) -> None:
    other = service(endpoint.url).model_copy(update={"protocol": "scim", "spml": None})
    with pytest.raises(InvalidError, match="told by scim"):
        await courier.drive(other, ask(other, "x", Asked(Do.RESET), "0123abcd"))


async def test_a_new_password_in_the_core_namespace_is_not_lost(courier: Courier, endpoint: Endpoint) -> None:
    inner = f'<c:password xmlns:c="{CORE}">new</c:password>'
    endpoint.faults += [None, instead(_ENVELOPE.format(response("resetPasswordResponse", inner=inner)).encode())]
    assert (await asked(courier, endpoint, Do.RESET)).password == "new"
