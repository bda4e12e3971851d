"""What a dialogue may ask of a directory, in LDAP's words (RFC 4511), and what it hears."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Attributes = Mapping[str, tuple[bytes, ...]]
"""Values by attribute: octets, as LDAP has them."""


@dataclass(frozen=True, slots=True)
class LdapSearch:
    """Look for entries. `filter` is a text of RFC 4515; at most `most` entries are shown, 0: any number.

    `page`: so many of them in one answer (RFC 2696), 0: all. `cookie`: of the answer whose next page is wanted.
    """

    base: str
    scope: Literal["base", "one", "subtree"]
    filter: str
    attributes: tuple[str, ...]
    most: int
    page: int = 0
    cookie: bytes | None = None


@dataclass(frozen=True, slots=True)
class LdapAdd:
    """Make an entry."""

    dn: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class LdapChange:
    """One change of a modification. `replace` without values removes an attribute that need not be there."""

    operation: Literal["add", "delete", "replace"]
    attribute: str
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LdapModify:
    """Change an entry: all of the changes, in this order, or none."""

    dn: str
    changes: tuple[LdapChange, ...]


@dataclass(frozen=True, slots=True)
class LdapRename:
    """Give an entry another relative name, and another parent if that is not None.

    The value of its old name goes, or, with `keeps`, stays as a value like others.
    """

    dn: str
    rdn: str
    parent: str | None = None
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class LdapDelete:
    """Remove an entry that has none beneath it."""

    dn: str


LdapRequest = LdapSearch | LdapAdd | LdapModify | LdapRename | LdapDelete


@dataclass(frozen=True, slots=True)
class LdapEntry:
    """An entry as the directory showed it, under the names of attributes that the directory prefers."""

    dn: str
    attributes: Attributes

    def values(self, name: str) -> tuple[bytes, ...]:
        """The values of one attribute; names have no case."""
        return next((held for other, held in self.attributes.items() if other.casefold() == name.casefold()), ())


@dataclass(frozen=True, slots=True)
class LdapResult:
    """A complete answer. `code`: the result code (RFC 4511 4.1.9); `message`: the directory's own words.

    `cookie`: for the next page, if entries are shown by pages and there is one.
    """

    code: int
    message: str = ""
    entries: tuple[LdapEntry, ...] = field(default=())
    cookie: bytes = b""
