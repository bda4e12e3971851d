"""`provision password`: set, expire, reset or validate the password of an account at an SP that speaks SPML."""

import sys
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer

from provisioning.command.options import Stack
from provisioning.command.probe import Credential, carried, in_force
from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError, TransientError
from provisioning.protocols.spml_password import DEFAULT_LOGINS, LOGINS, LONGEST, Asked, Do, ask
from provisioning.runtime.entry import run


def password(
    service: Annotated[str, typer.Argument(help="A service of protocol spml.")],
    person: Annotated[str, typer.Argument(help="SOURCE/KEY, or an identity's id.")],
    do: Annotated[Do, typer.Argument(help="set and validate read the password from standard input.")],
    logins: Annotated[
        int, typer.Option(min=0, max=LOGINS, help="For expire: log-ins that the password is still good for.")
    ] = DEFAULT_LOGINS,
    secret_env: Annotated[str, typer.Option(help="Variable of the environment that holds the credential.")] = "",
    secret_file: Annotated[Path | None, typer.Option(help="File that holds the credential.")] = None,
    stack: Stack = "",
) -> None:
    """Set, expire, reset or validate a password at the SP. It is never stored, and a new one is printed once.

    Not while the service is paused: then nobody calls its SP.
    """
    if logins != DEFAULT_LOGINS and do is not Do.EXPIRE:
        raise InvalidError(f"{do.value} has no log-ins to count", "--logins", right="expire")
    held = run(in_force(stack, service))
    remote = run(_remote_id(stack, held, person))
    given = _given() if do in (Do.SET, Do.VALIDATE) else ""
    asked = Asked(do, given, logins=logins)
    answered = run(carried(held, Credential(secret_env, secret_file), ask(held, remote, asked, token_hex(12))))
    if answered.pending and do in (Do.SET, Do.EXPIRE):
        typer.echo("the SP does it later", err=True)
        return
    if answered.pending:
        raise TransientError(f"{service}: the SP answers later, and its answer is not waited for")
    if answered.refusal:
        raise TransientError(f"{service}: {answered.refusal}")
    if answered.password is not None:
        typer.echo(answered.password)
    elif answered.valid is not None:
        typer.echo("valid" if answered.valid else "not valid")
        if not answered.valid:
            raise typer.Exit(1)
    elif do is Do.RESET:
        typer.echo("reset: done; the SP does not tell the new password, and sends it to its user, perhaps", err=True)
    else:
        typer.echo(f"{do.value}: done", err=True)


async def _remote_id(stack: str, service: Service, person: str) -> str:
    from provisioning.command.deployed import person_of, refuse_paused

    await refuse_paused(stack, service.id)
    _, _, accounts = await person_of(stack, person)
    account = accounts.get(service.id)
    if account is None or account.known.remote_id is None:
        raise InvalidError(f"{person!r} has no account at {service.id!r}", right=f"provision explain {person}")
    return account.known.remote_id


def _given() -> str:
    """The password: without an echo from a terminal, else the first line of standard input. Never an argument."""
    if sys.stdin.isatty():
        text: str = typer.prompt("Password", hide_input=True, err=True)
    else:
        text = sys.stdin.readline(LONGEST + 2).rstrip("\r\n")
    if not 0 < len(text) <= LONGEST:
        raise InvalidError("no password, or one that is too long", "standard input", right=f"1 to {LONGEST} characters")
    return text
