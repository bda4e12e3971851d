"""What the bundle says of a source: how its records arrive, how they are read, and when absence is believed."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from provisioning.core.extract_options import Cron
from provisioning.core.model import Model
from provisioning.core.source_custom import Custom as Custom
from provisioning.core.source_files import Files as Files
from provisioning.core.source_http import HttpSource as HttpSource
from provisioning.core.source_ldap import LdapSource as LdapSource
from provisioning.core.source_scim import ScimSource as ScimSource
from provisioning.core.source_signed import Signed as Signed
from provisioning.core.source_signed import fault_of_signed as fault_of_signed
from provisioning.core.source_sql import Sql as Sql

Path = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]


class Member(Model):
    """One of the IDMS's own fields: where it stands in what arrives, and its type."""

    path: Path = Field(description='a member, members apart by dots, or a choice such as emails[type eq "work"].value')
    kind: str = Field(default="string", description="such as string, int, bool, list(string)")


class Affiliations(Model):
    """How affiliations are made: one for each entry of a list, or one of the fields themselves."""

    each: Path | None = Field(default=None, description="path of a list of objects; none: one, of the fields")
    item: dict[Name, str | Member] = Field(default_factory=dict, description="fields of an entry, as `item.…`")
    when: Expression | None = Field(default=None, description="a bool; none: always")
    id: Expression
    start: Expression | None = None
    end: Expression | None = None
    facts: dict[Name, Expression] = Field(default_factory=dict, description="by attribute of affiliations")


class Reading(Model):
    """How a record is made of the IDMS's own fields, in the expression language.

    Expressions see `fields` and, in affiliations, `item`. A value that cannot be computed is left out.
    """

    key: Path = Field(default="key", description="path of what the source calls the subject; not used by `poll`")
    version: Path | None = Field(
        default=None,
        description="path of a number or an instant that grows with each change; none: the order of observation, "
        "which is right for what is fetched or polled, while messages overtake each other",
    )
    fields: dict[Name, str | Member] = Field(default_factory=dict, description="type, or path and type, by name")
    deleted: Expression | None = Field(default=None, description="a bool: whether the subject is gone")
    attributes: dict[Name, Expression] = Field(default_factory=dict, description="by attribute of persons")
    affiliations: tuple[Affiliations, ...] = Field(default=(), max_length=20)


class Absence(Model):
    """When it is believed that somebody is gone because a full snapshot does not show them."""

    runs: int = Field(default=2, ge=1, le=100, description="complete runs, one after the other, without them")
    threshold: float = Field(
        default=0.02, ge=0, le=1, description="share of the last run's subjects that may be missing unseen"
    )
    least: int = Field(default=10, ge=0, le=100_000, description="subjects that may always be missing unseen")


class Poll(Model):
    """How the state of a source is extracted. One of the technologies, and when."""

    every: int | None = Field(default=None, ge=1, le=1440, description="minutes between looks for changes; none: never")
    full: Cron | None = Field(default=None, description="when a full snapshot begins, in the tenant's zone")
    timeout: int = Field(default=30, ge=1, le=300, description="seconds for one answer")
    page: int = Field(default=1000, ge=1, le=10_000, description="subjects of one answer, about")
    sql: Sql | None = None
    ldap: LdapSource | None = None
    files: Files | None = None
    scim: ScimSource | None = None
    http: HttpSource | None = None
    custom: Custom | None = None

    @model_validator(mode="after")
    def _one_technology(self) -> "Poll":
        if len(self.technologies) != 1:
            raise ValueError("exactly one of sql, ldap, files, scim, http, custom")
        return self

    @property
    def technologies(self) -> tuple[str, ...]:
        """Those that are configured: one."""
        names = ("sql", "ldap", "files", "scim", "http", "custom")
        return tuple(name for name in names if getattr(self, name) is not None)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that it may read."""
        web = self.scim or self.http
        if web is not None:
            return web.secrets
        options = getattr(self, self.technologies[0])
        return tuple(name for name in (options.secret,) if name)


Format = Literal["cloudevents", "json", "scim-events"]
