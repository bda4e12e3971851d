"""What an SP says of a password is shown without the password."""

from provisioning.protocols.dialogue import HttpRequest, HttpResponse
from provisioning.protocols.spml_password import Answered, Asked, Do, ask
from tests.delivery.spml_provider import service

SECRET = "Tr0ub4dor&3 <again>"
ENVELOPE = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{}</e:Body></e:Envelope>'
ESCAPED = SECRET.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def told(do: Do, message: str) -> Answered:
    """What comes of a request that the SP refuses with these words."""
    dialogue = ask(service(), "pso-1", Asked(do, SECRET), "0a1b")
    listing = next(dialogue)
    assert isinstance(listing, HttpRequest)
    targets = '<listTargetsResponse xmlns="urn:oasis:names:tc:SPML:2:0" status="success"/>'
    request = dialogue.send(HttpResponse(200, {}, ENVELOPE.format(targets).encode()))
    assert isinstance(request, HttpRequest)
    answer = (
        f'<{do.value}PasswordResponse xmlns="urn:oasis:names:tc:SPML:2:0:password" status="failure" '
        f'error="customError"><errorMessage xmlns="urn:oasis:names:tc:SPML:2:0">{message}</errorMessage>'
        f"</{do.value}PasswordResponse>"
    )
    try:
        dialogue.send(HttpResponse(200, {}, ENVELOPE.format(answer).encode()))
    except StopIteration as stopped:
        ended: Answered = stopped.value
        return ended
    raise AssertionError("it asks again")


def test_a_refusal_that_quotes_the_password_is_shown_without_it() -> None:
    for do in (Do.SET, Do.VALIDATE):
        refusal = told(do, f"'{ESCAPED}' is too weak").refusal
        assert "too weak" in refusal
        assert SECRET not in refusal


def test_a_refusal_is_short_and_printable() -> None:
    refusal = told(Do.SET, "a&#10;b" + "x" * 5000).refusal
    assert len(refusal) <= 200
    assert refusal.isprintable()
