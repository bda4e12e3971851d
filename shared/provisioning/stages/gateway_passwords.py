"""Passwords that a source sends by SPML (section 3.6.3): to its people's accounts at services that the bundle names.

A password is never stored, so nothing of it can be made good later: it is acknowledged when every SP has taken it, and
else refused with the names of those that have. All that can be known before is asked before the first SP is told.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provisioning.core.account import Account
from provisioning.core.catalog import Service
from provisioning.core.gate import closed
from provisioning.core.source_spml import PushedSpml
from provisioning.ports import Accounts, Identities
from provisioning.protocols.inbound.spml_data import read_id
from provisioning.protocols.inbound.spml_message import FailureError, response
from provisioning.protocols.spml_names import CORE, PASSWORD
from provisioning.protocols.spml_password import DEFAULT_LOGINS, LOGINS, LONGEST, Answered, Asked, Do
from provisioning.protocols.xml import Element
from provisioning.stages.gateway_call import Call

Tell = Callable[[Service, str, Asked], Awaitable[Answered]]
"""Asks an SP to do something with the password of the account of this remote id."""

_DO: Final[Mapping[str, Do]] = {f"{do.value}PasswordRequest": do for do in Do}


@dataclass(frozen=True, slots=True)
class Passwords:
    """What passing passwords on needs."""

    identities: Identities
    accounts: Accounts
    tell: Tell


async def password(call: Call, options: PushedSpml, request: Element) -> Element:
    """Set, expire, reset or validate a password where the bundle says. Raises FailureError."""
    if not options.passwords or call.passwords is None:
        raise FailureError("unsupportedOperation", "passwords are not taken here; listTargets shows what is")
    do, shell = _DO[request.name], call.passwords
    asked = _asked(request, do)
    id_ = read_id(request.one("psoID", PASSWORD, CORE), options)
    accounts = await _accounts(call, shell, options, id_)
    if do is Do.RESET and len(accounts) > 1:
        raise FailureError("customError", "each service would make another password: set one instead")
    done, answered = list[str](), Answered()
    for service, remote in accounts:
        answered = await shell.tell(service, remote, asked)
        why = answered.refusal or ("it answers later" if answered.pending else "")
        if why:
            already = f"; done at {', '.join(done)}" if done else ""
            raise FailureError("customError", f"{service.id}: {why}{already}")
        done.append(service.id)
        if answered.valid is False:
            break
    return _answer(request, do, answered)


def _asked(request: Element, do: Do) -> Asked:
    given, current = _text(request, "password"), _text(request, "currentPassword")
    if do in (Do.SET, Do.VALIDATE) and not given:
        raise FailureError("malformedRequest", "a password is missing")
    logins = request.attributes.get("remainingLogins", str(DEFAULT_LOGINS)).strip()
    if not (logins.isascii() and logins.isdigit() and len(logins) <= len(str(LOGINS)) and int(logins) <= LOGINS):
        raise FailureError("malformedRequest", f"remainingLogins: 0 to {LOGINS}")
    return Asked(do, given, current, int(logins))


def _text(request: Element, name: str) -> str:
    found = request.one(name, PASSWORD, CORE)
    text = found.text if found is not None else ""
    if len(text) > LONGEST:
        raise FailureError("malformedRequest", f"{name}: at most {LONGEST} characters")
    return text


async def _accounts(call: Call, shell: Passwords, options: PushedSpml, id_: str) -> Sequence[tuple[Service, str]]:
    """The person's accounts at the services that get passwords, all of which may be told now. Raises FailureError."""
    held = await call.pushed.get(call.source.id, "User", id_)
    if held is None or held.resource.deleted:
        raise FailureError("noSuchIdentifier", "there is no object of this ID")
    key = (call.source.id, id_)
    identity = (await shell.identities.links([key])).get(key)
    if identity is None:
        raise FailureError("customError", "the object is not a person with accounts yet: ask again")
    found = []
    for service in call.policy.bundle.services:
        if service.id not in options.passwords:
            continue
        delivery = await shell.accounts.deliveries(service.id, [identity])
        account = delivery.rows[identity][1] if identity in delivery.rows else None
        remote = _remote_id(account)
        if remote is None:
            continue
        if delivery.gate.paused or closed(delivery.gate, call.now):
            raise FailureError("customError", f"{service.id} is not called now: {delivery.gate.paused or 'it fails'}")
        found.append((service, remote))
    if not found:
        raise FailureError("customError", f"there is no account at {' or '.join(options.passwords)}")
    return found


def _remote_id(account: Account | None) -> str | None:
    return account.known.remote_id if account is not None and account.exists else None


def _answer(request: Element, do: Do, answered: Answered) -> Element:
    if do is Do.VALIDATE:
        return response(request, valid="true" if answered.valid else "false")
    if do is Do.RESET and answered.password is not None:
        return response(request, (Element(PASSWORD, "password", text=answered.password),))
    return response(request)
