"""Every technology by which a source is extracted."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Final, cast

from provisioning.core.source_options import Poll
from provisioning.ports import Extraction, Folders

ReadSecret = Callable[[str], Awaitable[str]]
"""The text of a secret by its name. Raises TransientError, or InvalidError if there is none."""

Open = Callable[[Poll, ReadSecret], AbstractAsyncContextManager[Extraction]]
"""Opens a source. Nothing need be asked before it is used; what it opened is closed at the end."""

# By the option that configures it: the module and its function. Imported when used: each has libraries of its own.
EXTRACTIONS: Final = {
    "sql": ("provisioning.adapters.sources.sql", "open_sql"),
    "ldap": ("provisioning.adapters.sources.ldap", "open_ldap"),
    "files": ("provisioning.adapters.sources.files", "open_files"),
    "scim": ("provisioning.adapters.sources.scim", "open_scim"),
    "http": ("provisioning.adapters.sources.http", "open_http"),
    "custom": ("provisioning.adapters.sources.custom", "open_custom"),
}


def open_source(
    poll: Poll, read: ReadSecret, folders: Folders | None = None
) -> AbstractAsyncContextManager[Extraction]:
    """The source that is configured so. `folders`: where files are, by a connection that is there already."""
    if poll.files is not None and folders is not None:
        from provisioning.adapters.sources.files import open_files

        return open_files(poll, read, folders)
    module, name = EXTRACTIONS[poll.technologies[0]]
    return cast(Open, getattr(import_module(module), name))(poll, read)
