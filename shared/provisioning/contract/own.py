"""A tenant's own adapter as its contract test opens it: by the files of its bundle, and through the engine's checks."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import JsonValue

from provisioning.adapters.sources.registry import open_source
from provisioning.command.bundle import check_folder, load_bundle
from provisioning.command.own_sources import on_path
from provisioning.core.catalog import Source
from provisioning.core.errors import InvalidError
from provisioning.core.notification import Listening, read_observation
from provisioning.core.record import Absence, Record
from provisioning.core.source import Page
from provisioning.ports import Extraction


@asynccontextmanager
async def open_own(bundle: Path, source: str, secret: str = "", **options: JsonValue) -> AsyncIterator[Extraction]:
    """The source of a bundle's folder. `options` replace those of its file; `secret` is the text that it is given.

    Raises BundleError if the bundle is wrong, InvalidError if the module is.
    """
    asked = _source(bundle, load_bundle(bundle).sources, source)
    async with _opened(bundle, asked, secret, options) as extraction:
        yield extraction


async def read_records(bundle: Path, source: str, secret: str = "", **options: JsonValue) -> list[Record | Absence]:
    """Everybody whom a snapshot shows, as the records that `record` makes of them.

    Raises InvalidError for whoever cannot be read.
    """
    _, policy = check_folder(bundle)
    asked = _source(bundle, map(policy.source, policy.sources), source)
    listening = Listening(policy.source(asked.id), policy.readers.get(asked.id), policy.schema)
    found: list[Record | Absence] = []
    async with _opened(bundle, asked, secret, options) as extraction:
        page = await extraction.snapshot(None)
        while True:
            _refuse_spoiled(page)
            data = ({"key": item.key, "observed": 1, "fields": item.fields} for item in page.items)
            found += [read_observation(listening, each) for each in data]
            if not page.more:
                return found
            page = await extraction.snapshot(page.position)


def _source(bundle: Path, sources: Iterable[Source], name: str) -> Source:
    for source in sources:
        if source.id == name and source.poll is not None and source.poll.custom is not None:
            return source
    raise InvalidError(f"there is no source {name!r} with poll.custom", str(bundle), right="as sources/*.yaml say")


@asynccontextmanager
async def _opened(
    bundle: Path, source: Source, secret: str, options: dict[str, JsonValue]
) -> AsyncIterator[Extraction]:
    on_path(bundle)
    assert source.poll is not None
    assert source.poll.custom is not None  # as `_source` saw
    custom = source.poll.custom.model_copy(update={"options": {**source.poll.custom.options, **options}})

    async def read(_name: str) -> str:
        return secret

    async with open_source(source.poll.model_copy(update={"custom": custom}), read) as extraction:
        yield extraction


def _refuse_spoiled(page: Page) -> None:
    for each in page.spoiled:
        raise InvalidError(each.reason, each.where, right="what the adapter can show")
