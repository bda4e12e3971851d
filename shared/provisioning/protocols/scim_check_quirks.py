"""Whether a mapping goes with what is known of the SP: its preset, and what its operator wrote."""

from collections.abc import Iterator, Mapping

from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.core.scim_options import Scim
from provisioning.core.scim_presets import options_of
from provisioning.protocols.scim_resource import Path, read_path


def check_quirks(service: Service) -> Iterator[InvalidError]:
    """What the SP will not take, each at `account`, `account.<path>` or `scim.<field>`."""
    scim = options_of(service)
    paths = _paths(service)
    yield from _ways(service, scim)
    for text, path in paths.items():
        yield from _refused(scim, text, path)
    for name in scim.required:
        if not any(_covers(path, _named(name)) for path in paths.values()):
            yield InvalidError(f"no account is made without {name}", "account", right=f"a mapping for {name}")
    if scim.single_valued:
        yield from _second_entries(paths)


def _named(name: str) -> tuple[str, str, str]:
    """Schema, attribute and sub-attribute of a plain name such as name.givenName or urn:…:User:department."""
    schema, _, plain = name.rpartition(":")
    attribute, _, sub = plain.partition(".")
    return schema.casefold(), attribute.casefold(), sub.casefold()


def _paths(service: Service) -> Mapping[str, Path]:
    paths = {}
    for text in service.account:
        try:
            paths[text] = read_path(text)
        except InvalidError:  # said elsewhere
            continue
    return paths


def _ways(service: Service, scim: Scim) -> Iterator[InvalidError]:
    if not scim.patch and not scim.put:
        yield InvalidError("without PATCH and PUT no account can be changed", "scim.put", right="true, or patch: true")
    if not scim.patch and not scim.members_shown and service.groups:
        what = "members that are not shown cannot be changed without PATCH"
        yield InvalidError(what, "scim.members_shown", right="true, or no groups")


def _refused(scim: Scim, text: str, path: Path) -> Iterator[InvalidError]:
    for name in scim.unsupported:
        if _is_within(path, _named(name)):
            yield InvalidError(f"the SP does not keep {name}", f"account.{text}", right="no mapping")
    known = [schema.casefold() for schema in scim.schemas]
    if path.schema and known and path.schema.casefold() not in known:
        yield InvalidError(f"the SP has no {path.schema}", f"account.{text}", right=f"one of {', '.join(scim.schemas)}")


def _second_entries(paths: Mapping[str, Path]) -> Iterator[InvalidError]:
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for text, path in paths.items():
        if path.selector is None:
            continue
        kept = first.setdefault((path.schema.casefold(), path.attribute.casefold()), path.selector)
        if kept != path.selector:
            right = f'{path.attribute}[{kept[0]} eq "{kept[1]}"] only'
            yield InvalidError(f"the SP keeps one entry of {path.attribute}", f"account.{text}", right=right)


def _is_within(path: Path, named: tuple[str, str, str]) -> bool:
    schema, attribute, sub = named
    return (path.schema.casefold(), path.attribute.casefold()) == (schema, attribute) and (
        not sub or path.sub.casefold() == sub
    )


def _covers(path: Path, named: tuple[str, str, str]) -> bool:
    """Whether a mapping of the path gives the attribute a value: the part that is named, or the whole."""
    schema, attribute, sub = named
    same = (path.schema.casefold(), path.attribute.casefold()) == (schema, attribute)
    return same and (not sub or not path.sub or path.sub.casefold() == sub)
