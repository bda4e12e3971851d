"""Names that only one identity may have at a service: the first candidate that is free, reserved before it is used."""

from dataclasses import replace
from typing import Final

from provisioning.core.account import Account, Candidates, Desired
from provisioning.ports import Accounts, Name

MOST_REFUSED: Final = 10  # names that the SP may have for others before a person must look


async def choose(accounts: Accounts, account: Account, desired: Desired) -> Desired:
    """What is desired, with a name for every attribute that needs one, or with a problem: one request a name tried.

    Whoever dies after this finds its own reservation again and gets the same name. A reservation outlives the account:
    nobody inherits a name, with the mail and the rights that others gave to it.
    """
    values = dict(desired.values)
    for path, candidates in desired.names.items():
        name, problem = await _reserve(accounts, account, path, candidates)
        if problem:
            return replace(desired, problem=problem)
        values[path] = name
    return replace(desired, values=values, names={})


async def refuse(accounts: Accounts, account: Account, path: str, value: str) -> None:
    """The SP has this name for somebody else. Loses to another identity that holds the name: then nothing changes."""
    await accounts.reserve(Name(account.service, path, value, account.subject, refused=True))


async def _reserve(accounts: Accounts, account: Account, path: str, candidates: Candidates) -> tuple[str, str]:
    tried = refused = 0
    for value in candidates:
        # Loses to another identity that reserved the name first; its own earlier reservation is found again.
        stored = await accounts.reserve(Name(account.service, path, value, account.subject))
        if stored.identity == account.subject and not stored.refused:
            return value, ""
        tried += 1
        refused += stored.identity == account.subject
        if refused == MOST_REFUSED:
            return "", f"{path}: the SP has each of {refused} names for somebody else"
    return "", f"{path}: all {tried} candidates are taken"
