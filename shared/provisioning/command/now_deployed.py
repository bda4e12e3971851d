"""What `provision now` does: the stages up to the bells in this process, and the deliveries by their functions.

Fetching needs the rights of the source's poll function, and its libraries. Deliveries are left to the functions that
have the secrets of the SPs; they are watched in the table.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from provisioning.command.deployed import Deployed, deployed
from provisioning.command.records_deployed import receive_shell
from provisioning.core.account import Account, Condition
from provisioning.core.bell import Bell, Cause, write_bell
from provisioning.core.errors import InvalidError
from provisioning.core.identity import Identity
from provisioning.core.lifecycle import NOTHING
from provisioning.core.observation import observation
from provisioning.core.period import show
from provisioning.core.policy import Policy
from provisioning.ports import Holding
from provisioning.runtime.entry import clock, microseconds
from provisioning.stages.evaluate import Evaluate, evaluate
from provisioning.stages.message import Message
from provisioning.stages.receive import Receive, receive

PAUSE: Final = 0.2  # seconds between two looks at the table
_REST: Final = frozenset({Condition.SETTLED, Condition.HELD, Condition.PARKED})
Say = Callable[[str], None]


async def attend(stack: str, person: str, say: Say, within: int) -> bool:
    """Whether every account came to rest as it should be. Raises InvalidError if nobody is known, or can be fetched."""
    async with deployed(stack) as ports:
        policy = await ports.policies.current()
        shell = receive_shell(ports, policy)
        shell = replace(shell, decide=replace(shell.decide, log=_telling(say)))
        identity, keys = await _who(ports, policy, person)
        for source, key in keys.items():
            if policy.source(source).poll is None:
                say(f"{source} cannot be asked: what it said last counts")
                continue
            await _fetch(policy, shell, source, key, say)
            identity = identity or (await ports.table.links([(source, key)])).get((source, key), "")
        if not identity:
            raise InvalidError(f"nobody is known as {person!r}", right="SOURCE/KEY, such as registry/ada, or an id")
        bell = write_bell(Bell(identity, Cause.CLOCK, "provision-now"))
        if await evaluate(Evaluate(shell.decide, shell.bells), [Message("now", bell)], clock()):
            raise InvalidError("the decision could not be stored now", right="the same command again")
        return await _watch(ports, identity, say, within)


def _telling(say: Say) -> Callable[..., None]:
    def log(word: str, **fields: Any) -> None:
        shown = ", ".join(f"{name} {value}" for name, value in fields.items() if value and name != "trace")
        say(f"{word}: {shown}")

    return log


async def _who(ports: Deployed, policy: Policy, person: str) -> tuple[str, Mapping[str, str]]:
    """The identity's id, if there is one, and the person's key by source."""
    source, _, key = person.partition("/")
    identity = (await ports.table.links([(source, key)])).get((source, key), "") if key else person
    holding = await ports.table.holding(identity) if identity else Holding(None, {})
    if holding.identity is not None:
        return identity, {name: record.key for name, record in holding.identity.records.items()}
    if key and source in policy.sources and policy.source(source).poll is not None:
        return "", {source: key}
    raise InvalidError(f"nobody is known as {person!r}", right="SOURCE/KEY, such as registry/ada, or an id")


async def _fetch(policy: Policy, shell: Receive, source: str, key: str, say: Say) -> None:
    observed = microseconds()
    for item in await shell.fetch(policy.source(source), [key]):
        say(f"{source} shows {'somebody' if item.fields is not None else 'nobody'} of key {key}")
        body = observation(source, item.key, observed, item.fields)
        if await receive(shell, [Message(f"now-{observed:x}", body, source)], clock()):
            raise InvalidError(f"what {source} shows could not be stored now", right="the same command again")


async def _watch(ports: Deployed, identity: str, say: Say, within: int) -> bool:
    """Say of each account when it comes to rest; False if one has not within so many seconds."""
    said: dict[str, str] = {}
    open_: list[str] = []
    for _ in range(1 + int(within / PAUSE)):
        holding = await ports.table.holding(identity)
        if holding.identity is None:
            return False
        open_ = []
        for service in sorted({*holding.identity.entitlements, *holding.accounts}):
            account = holding.accounts.get(service, Account(identity, service))
            words = _standing(holding.identity, account)
            if said.get(service) != words:
                say(f"{service}: {words}")
                said[service] = words
            open_ += [service] if not _is_at_rest(holding.identity, account) else []
        if not open_:
            return all(account.condition is Condition.SETTLED for account in holding.accounts.values())
        await asyncio.sleep(PAUSE)
    say(f"not at rest within {within} s: {', '.join(open_)}")
    return False


def _is_at_rest(identity: Identity, account: Account) -> bool:
    turn = identity.entitlements.get(account.service, NOTHING).turn
    return not turn or (account.turn >= turn and account.condition in _REST)


def _standing(identity: Identity, account: Account) -> str:
    if not _is_at_rest(identity, account):
        waits = f", again at {show(account.due_at)}" if account.due_at is not None else ""
        return f"{account.condition.value}{waits}" if account.revision else "rung"
    return f"{account.known.phase.value}, {account.condition.value}{f': {account.error}' if account.error else ''}"
