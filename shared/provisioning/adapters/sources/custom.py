"""A source that is asked by its operator's own adapter: `sources/<module>.py` of the tenant's bundle.

The module has `open(options, read_secret)`, an async context manager that gives the four calls of the contract of
sources (`ports.Extraction`). What it answers is checked here before anybody believes it.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from importlib import import_module
from typing import Any, Final

from provisioning.adapters.sources.custom_answers import Checked
from provisioning.adapters.sources.registry import ReadSecret
from provisioning.core.errors import InvalidError
from provisioning.core.source_custom import Custom
from provisioning.core.source_options import Poll
from provisioning.ports import Extraction

PACKAGE: Final = "sources"  # the tenant's folder, beside the engine's own code
CALLS: Final = ("begin", "changes", "fetch", "snapshot")
_OPENS: Final = "@asynccontextmanager async def open(options, read_secret), which yields the source"
Opens = Callable[[Mapping[str, Any], Callable[[], Awaitable[str]]], AbstractAsyncContextManager[Any]]


@asynccontextmanager
async def open_custom(poll: Poll, read: ReadSecret) -> AsyncIterator[Extraction]:
    """The source of this module. Raises InvalidError that names its file if it has not the form that it must have."""
    if poll.custom is None:
        raise InvalidError("no custom", "poll", right="custom: and its options")
    custom, file = poll.custom, f"{PACKAGE}/{poll.custom.module}.py"
    manager = _imported(custom, file)(deepcopy(custom.options), _secret(custom, read))
    if not isinstance(manager, AbstractAsyncContextManager):
        if inspect.iscoroutine(manager):
            manager.close()
        raise InvalidError("`open` gives no async context manager", file, right=_OPENS)
    async with manager as source:
        lacking = [name for name in CALLS if not inspect.iscoroutinefunction(getattr(source, name, None))]
        if lacking:
            right = "async def begin, changes, fetch and snapshot: see provisioning.ports.Extraction"
            raise InvalidError(f"what `open` yields has no async {', '.join(lacking)}", file, right=right)
        yield Checked(source, file, poll.timeout)


def _imported(custom: Custom, file: str) -> Opens:
    name = f"{PACKAGE}.{custom.module}"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name in (PACKAGE, name):
            right = "the bundle's own file, deployed by infra.bundle --own; on the command line, --bundle FOLDER"
            raise InvalidError("there is no such module", file, right=right) from error
        right = "what the engine's functions have, or a module of the same folder"
        raise InvalidError(f"it imports {error.name}, which is not here", file, right=right) from error
    opens = getattr(module, "open", None)
    if not callable(opens):
        raise InvalidError("it has no function `open`", file, right=_OPENS)
    try:
        inspect.signature(opens).bind(None, None)
    except TypeError as error:
        raise InvalidError(f"`open` cannot be called with two arguments: {error}", file, right=_OPENS) from error
    found: Opens = opens
    return found


def _secret(custom: Custom, read: ReadSecret) -> Callable[[], Awaitable[str]]:
    """Reads the one secret that the bundle names."""

    async def read_secret() -> str:
        if custom.secret is None:
            where = f"poll.custom of {PACKAGE}/{custom.module}.py"
            raise InvalidError("no secret is named", where, right="secret: its name in Secrets Manager")
        return await read(custom.secret)

    return read_secret
