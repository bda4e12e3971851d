"""Whether the paths of a mapping can stand in a User: checked with the bundle, before anything is delivered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from provisioning.core.catalog import Service
from provisioning.core.errors import InvalidError
from provisioning.protocols.scim_check_quirks import check_quirks
from provisioning.protocols.scim_resource import Path, read_path
from provisioning.protocols.scim_user import make_user

ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_ENTRY: Final = ("value", "display", "type", "primary")
# RFC 7643 4.1 and 4.3: attributes with their sub-attributes; those with `type` and `primary` have several entries.
_USER: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"),
    "addresses": (
        "formatted", "streetAddress", "locality", "region", "postalCode", "country", "type", "primary",
    ),
    **dict.fromkeys(("emails", "phoneNumbers", "ims", "photos", "entitlements", "roles", "x509Certificates"), _ENTRY),
    **dict.fromkeys(
        (
            "userName", "displayName", "nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale",
            "timezone", "active", "password", "externalId",
        ),
        (),
    ),
}  # fmt: skip
_EMPLOYEE: Final[Mapping[str, tuple[str, ...]]] = {
    "manager": ("value", "$ref", "displayName"),
    **dict.fromkeys(("employeeNumber", "costCenter", "organization", "division", "department"), ()),
}
_SCHEMAS: Final = {"": _USER, ENTERPRISE.casefold(): _EMPLOYEE}


def check(service: Service) -> Sequence[InvalidError]:
    """What is wrong with the paths of `service.account`, each at `services/<id>.account.<path>`, and with `scim`."""
    where = f"services/{service.id}"
    problems = [replace(problem, where=f"{where}.account.{text}") for text, problem in _problems(service)]
    return problems + [replace(problem, where=f"{where}.{problem.where}") for problem in check_quirks(service)]


def _problems(service: Service) -> Iterator[tuple[str, InvalidError]]:
    paths: dict[str, Path] = {}
    for text, mapped in service.account.items():
        try:
            path = read_path(text)
            _known(path)
            if path.is_engines and path.attribute.casefold() == "externalid" and mapped.value != "identity":
                raise InvalidError("externalId is the engine's own mark", right="identity, or no mapping")
            twin = next((other for other, known in paths.items() if _overlap(known, path)), None)
            if twin is not None:
                raise InvalidError(f"{twin} sets the same attribute", right="one of the two")
            make_user(dict.fromkeys([*paths, text], ""), "", active=True)  # one may leave no room for the other
        except InvalidError as error:
            yield text, error
        else:
            paths[text] = path


def _overlap(one: Path, other: Path) -> bool:
    """Whether both set the same: the whole attribute, or a part of it while the other sets the whole."""
    if _attribute(one) != _attribute(other):
        return False
    parts = [_part(path) for path in (one, other)]
    return parts[0] == parts[1] or () in parts


def _attribute(path: Path) -> tuple[str, str]:
    """Names of attributes are case-insensitive (RFC 7643 2.1)."""
    return path.schema.casefold(), path.attribute.casefold()


def _part(path: Path) -> tuple[str, ...]:
    """What a path picks of its attribute; nothing if it is the whole of it."""
    if path.selector is None:
        return (path.sub.casefold(),) if path.sub else ()
    return path.selector[0].casefold(), path.selector[1], (path.sub or "value").casefold()


def _known(path: Path) -> None:
    """Raises InvalidError for an attribute that a schema of the standard does not have; other schemas are the SP's."""
    attributes = _SCHEMAS.get(path.schema.casefold())
    if attributes is None:
        return
    prefix = f"{path.schema}:" if path.schema else ""
    name = _spelled(path.attribute, attributes)
    if name is None:
        right = _meant(path.attribute, attributes, prefix)
        own = "" if path.schema else "; an attribute of the SP's own is urn:<its schema>:<attribute>"
        raise InvalidError(f"{path.schema or 'the core User'} has no {path.attribute}", right=f"{right}{own}")
    parts = attributes[name]
    if path.selector is not None and "type" not in parts:
        raise InvalidError(f"{name} has one value: nothing can be selected", right=f"{prefix}{name}")
    for sub in filter(None, (path.selector and path.selector[0], path.sub)):
        if not parts:
            raise InvalidError(f"{name} has no sub-attributes", right=f"{prefix}{name}")
        if _spelled(sub, parts) is None:
            raise InvalidError(f"{name} has no {sub}", right=_meant(sub, parts, ""))
    if "type" in parts and path.sub and path.selector is None:
        raise InvalidError("it does not say of which entry", right=f'{name}[type eq "work"].{path.sub}')


def _spelled(name: str, names: Mapping[str, object] | tuple[str, ...]) -> str | None:
    return next((known for known in names if known.casefold() == name.casefold()), None)


def _meant(name: str, names: Mapping[str, object] | tuple[str, ...], prefix: str) -> str:
    close = get_close_matches(name.casefold(), [known.casefold() for known in names], n=1, cutoff=0.6)
    known = _spelled(close[0], names) if close else None
    return f"did you mean {prefix}{known}?" if known else f"one of {', '.join(sorted(names))}"
