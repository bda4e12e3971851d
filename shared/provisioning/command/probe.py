"""`provision probe`: ask an SP what it supports, with its service's own credential, and change nothing there."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from provisioning.adapters.delivery.driver import Courier
from provisioning.adapters.delivery.http import HttpCaller
from provisioning.adapters.delivery.secrets import Secrets
from provisioning.command.bundle import load_folder
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError, TransientError
from provisioning.core.probe import Findings
from provisioning.protocols.dialogue import Answer, Publish, Request, Unanswered
from provisioning.protocols.probes import PROBES
from provisioning.protocols.registry import check_paths

LARGEST: Final = 65536  # bytes of a file with a credential
Read = Callable[[str], Awaitable[str]]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Credential:
    """Where the credential is: in a variable of the environment, in a file, or, with neither, in Secrets Manager."""

    variable: str = ""
    file: Path | None = None


async def find_out(service: Service, credential: Credential) -> Findings:
    """Ask the service's SP. Raises TransientError if it is not reached or refuses, InvalidError for bad settings."""
    if service.protocol not in PROBES:
        right = f"a service of {', '.join(PROBES)}"
        raise InvalidError(f"an SP of protocol {service.protocol!r} cannot be asked", service.id, right=right)
    problems = check_paths(service)
    if problems:
        raise problems[0]
    async with _reader(service, credential) as read, _courier(service, read) as courier:
        findings = await courier.probe(service, PROBES[service.protocol](service))
    if findings.refusal:
        raise TransientError(f"nothing can be found out about {service.id}: {findings.refusal}")
    return findings


async def carried(service: Service, credential: Credential, dialogue: Generator[Request, Answer, Result]) -> Result:
    """What comes of a dialogue with the service's SP."""
    async with _reader(service, credential) as read, _courier(service, read) as courier:
        return await courier.drive(service, dialogue)


def drafted(folder: Path, name: str) -> Service:
    """A service of a bundle's folder. Raises InvalidError if there is none of this name, BundleError for its files."""
    return _one_of({service.id: service for service in load_folder(folder).bundle.services}, name)


async def in_force(stack: str, name: str) -> Service:
    """A service of the bundle in force. Raises InvalidError if there is none of this name."""
    from provisioning.command.deployed import deployed

    async with deployed(stack) as ports:
        return as_written(_one_of((await ports.policies.current()).services, name))


def as_written(service: Service) -> Service:
    """The same service with only that set which differs from the defaults: a published one has them all written out.

    Not so the settings of SCIM, which are published as they were written.
    """
    return Service.model_validate({**service.model_dump(exclude_defaults=True, by_alias=True), "scim": service.scim})


def _one_of(services: Mapping[str, Service], name: str) -> Service:
    if name not in services:
        raise InvalidError(f"there is no service {name!r}", right=f"one of {', '.join(services)}")
    return services[name]


@asynccontextmanager
async def _reader(service: Service, credential: Credential) -> AsyncIterator[Read]:
    """How the credential is read. It is never an argument, which other users of the machine could see."""
    given = _given(credential)
    if given is None:
        from provisioning.adapters.aws.clients import Clients
        from provisioning.adapters.aws.secrets import StoredSecrets

        clients = Clients()
        try:
            yield StoredSecrets(clients).read
        finally:
            await clients.close()
        return
    if service.secret is None:
        raise InvalidError("it names no secret", f"services/{service.id}.secret", right="a name, also for a probe")

    async def read(_name: str) -> str:
        return given

    yield read


def _given(credential: Credential) -> str | None:
    """The credential as it was given here, or None. Raises InvalidError, which never quotes it."""
    if credential.variable and credential.file is not None:
        raise InvalidError("two credentials are given", "--secret-env", right="--secret-env or --secret-file")
    if credential.variable:
        text = os.environ.get(credential.variable, "")
        if not text:
            raise InvalidError(f"the variable {credential.variable!r} is not set", "--secret-env")
        return text
    if credential.file is None:
        return None
    try:
        with credential.file.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError("cannot be read", str(credential.file), right="a file of text") from error
    if not 0 < len(content) <= LARGEST:
        raise InvalidError("empty, or too long for a credential", str(credential.file), right=f"1 to {LARGEST} bytes")
    return text


@asynccontextmanager
async def _courier(service: Service, read: Read) -> AsyncIterator[Courier]:
    """The way to SPs that functions take, with all of its bounds; there is no queue to be asked."""
    secrets = Secrets(read)
    async with AsyncExitStack() as undo:
        caller = HttpCaller(secrets)
        undo.push_async_callback(caller.close)
        if service.protocol != "ldap":
            yield Courier(caller, _no_queue)
            return
        from provisioning.adapters.delivery.ldap import LdapCaller  # an extra, and slow to import

        directories = LdapCaller(secrets)
        undo.push_async_callback(directories.close)
        yield Courier(caller, _no_queue, directories)


async def _no_queue(service: Service, _message: Publish) -> Answer:
    return Unanswered(f"a probe sends no messages to {service.id}", sent=False)
