"""The bundle as its operators write it: one tenant, its sources, services and rules.

These models are the shape of the YAML files. What they mean, compiled, is `policy.Policy`.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema

from provisioning.core.authentication_options import Authentication as Authentication
from provisioning.core.brake_options import Brake as Brake
from provisioning.core.extract_options import Extract
from provisioning.core.history_options import History
from provisioning.core.ldap_options import Ldap as Ldap
from provisioning.core.maintenance_options import Window as Window
from provisioning.core.matching_options import Matcher as Matcher
from provisioning.core.matching_options import Reassigned as Reassigned
from provisioning.core.model import Model as Model
from provisioning.core.model import Span as Span
from provisioning.core.period import DATE_PATTERN, Duration
from provisioning.core.queue_options import Queue as Queue
from provisioning.core.reconcile_options import Reconcile as Reconcile
from provisioning.core.scim_options import Scim as Scim
from provisioning.core.source_channel import Channel
from provisioning.core.source_options import Absence, Format, Poll, Reading, Signed, fault_of_signed
from provisioning.core.source_push import Push as Push
from provisioning.core.spml_options import Spml as Spml
from provisioning.core.subscriber_options import Subscriber as Subscriber
from provisioning.core.trust_options import Asserts, Freshness, Merge, Receives, Support

# A name is part of queue and function names, so it is short and plain.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}[a-z0-9]$")]
Attribute = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
# An authorization and the name of a group are the service's words: any short text.
Authorization = Annotated[str, StringConstraints(min_length=1, max_length=200)]


# Read when the bundle is compiled, because days need the tenant's zone.
Moment = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "pattern": f"^{DATE_PATTERN}$", "examples": ["2026-09-01", "2026-09-01T08:00:00+02:00"]}
    ),
]
_KINDS = ("string", "bool", "int", "double", "timestamp", "duration")
Kind = Annotated[str, WithJsonSchema({"enum": [*_KINDS, *(f"list({kind})" for kind in _KINDS)]})]


class Limits(Model):
    """What one record may hold; ingestion refuses more, so expressions are bounded when the bundle is checked."""

    affiliations: int = Field(default=100, ge=1, le=1000)
    values: int = Field(default=100, ge=1, le=1000, description="entries of one list")
    text: int = Field(default=2048, ge=16, le=65536, description="characters of one value")
    message: int = Field(default=262144, ge=1024, le=1048576, description="bytes of one notification")


class Tenant(Model):
    """Whose people these are, the zone in which their days begin, and the attributes they may have."""

    id: Name
    zone: str = "UTC"
    person: dict[Attribute, Kind]
    affiliation: dict[Attribute, Kind] = Field(default_factory=dict)
    limits: Limits = Limits()
    merge: dict[Attribute, Merge] = Field(
        default_factory=dict, description="how the words of several sources about an attribute become one value"
    )
    history: History = History()


class Source(Model):
    """An IDMS as configured here. What it publishes, or what is extracted from it, arrives at `changes-<id>`."""

    id: Name
    format: Format = "cloudevents"
    thin: bool = Field(default=False, description="what it publishes names subjects only; they are fetched by `poll`")
    signed: Signed | None = Field(default=None, description="whose tokens are believed; for format `scim-events`")
    record: Reading | None = Field(default=None, description="none: it speaks of records already")
    poll: Poll | None = None
    push: Push | None = Field(default=None, description="what it may push over HTTP; none: nothing")
    absence: Absence = Absence()
    reassigned: Reassigned | None = Field(default=None, description="how a key given to another person shows")
    channel: Channel = Channel()
    domain: Name | None = Field(default=None, description="whose word it is; sources of one domain speak for it")
    asserts: Asserts | None = Field(
        default=None, description="what of it is believed; without it everything, if all sources are of one domain"
    )
    freshness: Freshness | None = Field(default=None, description="none: what it said counts however long it is silent")

    @model_validator(mode="after")
    def _is_read(self) -> "Source":
        if self.poll is not None and self.record is None:
            raise ValueError("what `poll` extracts must be read: `record` is missing")
        if self.thin and self.poll is None:
            raise ValueError("a thin source needs `poll`, by which subjects are fetched")
        fault = fault_of_signed(
            self.signed, tokens=self.format == "scim-events", read=self.record is not None, thin=self.thin,
            asked=self.poll is not None, version=self.record is not None and self.record.version is not None,
        )  # fmt: skip
        if fault:
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _has_one_order(self) -> "Source":
        if self.push is not None and self.channel.fifo:
            raise ValueError("what comes by `push` has versions of its own: leave `channel.fifo` out")
        return self

    @model_validator(mode="after")
    def _pushes_what_is_read(self) -> "Source":
        endpoints = () if self.push is None else self.push.endpoints
        if not {"scim", "spml"}.isdisjoint(endpoints) and self.record is None:
            raise ValueError("what `push` takes by `scim` or `spml` must be read: `record` is missing")
        if bool(endpoints) and ("events" in endpoints) != (self.format == "scim-events"):
            raise ValueError("who pushes `events`, and nobody else, has `format: scim-events`")
        return self


class Lasting(Model):
    """How far a rule reaches beyond the period of the affiliation that it matched."""

    lead: Span = Duration()
    grace: Span = Duration()


class Rule(Model):
    """Who may have a service, lasting how long, with which authorizations, and because of what."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"urgent": {"const": True}}, "required": ["urgent"]},
            "then": {"properties": {"deny": {"const": True}}, "required": ["deny"]},
        }
    )

    id: Name
    service: Name
    who: Text
    lasting: Lasting = Lasting()
    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None
    authorizations: tuple[Authorization, ...] = Field(default=(), max_length=100)
    deny: bool = False
    urgent: bool = Field(default=False, description="with `deny`: the account is removed at once, not suspended first")
    because: Text

    @model_validator(mode="after")
    def _urgent_denies(self) -> "Rule":
        if self.urgent and not self.deny:
            raise ValueError("only a rule with `deny: true` can be urgent")
        return self


class Duty(Model):
    """What somebody may be entitled to: a service, or some of its authorizations, any of which is the duty."""

    service: Name
    authorizations: tuple[Authorization, ...] = Field(default=(), max_length=100)


class Exclusion(Model):
    """Duties of which a person may hold one at a time (separation of duties), and what happens to who has several.

    `later`: the one that the person holds already stays, what would come later is refused. `stronger`: the first of
    the list stays. `park`: as `later`, and the account that lacks what was refused is parked until a person ends the
    conflict; of two duties that nobody holds yet, neither is given.
    """

    id: Name
    between: tuple[Duty, ...] = Field(min_length=2, max_length=20)
    resolve: Literal["later", "stronger", "park"]
    because: Text


class Lifecycle(Model):
    """What follows when eligibility ends: `grace` if the end was not announced, then suspension, then removal."""

    grace: Span = Duration()
    retention: Span = Duration()


class MappedValue(Model):
    """One attribute of an account: an expression over `person`, `authorizations`, `phase` and `identity`.

    `candidates` instead of `value`: names of which the first that nobody else has at this service is taken, and kept
    for good, also after removal. A candidate that mentions `counter` is tried with 2 to 999. Names have no default and
    are not of strength `fill`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"properties": {"value": {"type": "string"}}, "required": ["value"]},
                {"properties": {"candidates": {"minItems": 1}}, "required": ["candidates"]},
            ]
        }
    )

    value: Text | None = None
    candidates: tuple[Text, ...] = Field(default=(), max_length=10)
    default: Text | None = Field(default=None, description="the expression for what `value` leaves empty")
    strength: Literal["always", "create", "fill"] = Field(
        default="always",
        description="always: ours; create: sent only when the account is made, an adopted one keeps its own; "
        "fill: sent when it is made, later only where a look finds none, once",
    )
    required: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> "MappedValue":
        if (self.value is None) == (not self.candidates):
            raise ValueError("one of `value` and `candidates`")
        return self


def _short_or_long(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    short = Annotated[Text, AfterValidator(lambda text: MappedValue(value=text)), Tag("short")]
    either = short | Annotated[source, Tag("long")]
    return handler.generate_schema(
        Annotated[either, Discriminator(lambda value: "short" if isinstance(value, str) else "long")]
    )


# `userName: person.login` is short for `userName: {value: person.login}`.
Mapped = Annotated[MappedValue, GetPydanticSchema(_short_or_long)]


class Service(Model):
    """An SP as configured here: protocol, endpoint, mapping, lifecycle, limits."""

    id: Name
    protocol: Literal["scim", "queue", "webhook", "ldap", "spml", "extract"]
    endpoint: str = Field(min_length=1, max_length=2048, description="base URL; or URL or ARN of a queue or topic")
    secret: str | None = Field(
        default=None,
        description="name of the secret: a bearer token, or what `authentication` says; a webhook: one or two whsec_ "
        "values; ldap: {dn, password}",
    )
    authentication: Authentication | None = Field(default=None, description="none: by a bearer token, `secret`")
    account: dict[str, Mapped] = Field(min_length=1)
    match: str = Field(default="userName", description="the attribute by which an account of the SP is recognized")
    adopt: Literal["never", "match"] = Field(
        default="never", description="take over an unowned account that has the same `match` value"
    )
    groups: dict[Authorization, Authorization] = Field(default_factory=dict, description="authorization: group's name")
    create_groups: bool = False
    lifecycle: Lifecycle = Lifecycle()
    requires: tuple[Name, ...] = Field(
        default=(),
        max_length=10,
        description="services at which the person must have an account before one is made here",
    )
    rate: float | None = Field(default=None, gt=0, le=10000, description="deliveries a second")
    brake: Brake = Field(default=Brake(), description="how many removals go through without a person's consent")
    maintenance: tuple[Window, ...] = Field(default=(), max_length=20, description="times in which nobody calls it")
    timeout: int = Field(default=10, ge=1, le=60, description="seconds for one call")
    settling: int = Field(default=30, ge=0, le=3600, description="seconds until the SP's look-up shows what it did")
    private: bool = Field(default=False, description="the endpoint may be a private or loopback address")
    response: int = Field(default=1048576, ge=1024, le=16777216, description="bytes of one answer, at most")
    ldap: Ldap | None = Field(default=None, description="how a directory keeps its accounts; for protocol `ldap`")
    scim: Scim | None = Field(
        default=None, description="where an SP of SCIM is not as the standard; for protocol `scim`"
    )
    queue: Queue | None = Field(default=None, description="how an SP is told by messages; for protocol `queue`")
    spml: Spml | None = Field(default=None, description="how an SP of SPML 2.0 keeps accounts; for protocol `spml`")
    extract: Extract | None = Field(default=None, description="the files that are made of it; for protocol `extract`")
    reconcile: Reconcile | None = Field(default=None, description="how the SP's list of accounts is compared with ours")
    receives: Receives | None = Field(
        default=None,
        description="by source, the attributes that may be told to it; without it all, or none if sources are of "
        "several domains",
    )
    support: Support | None = Field(default=None, description="domains whose word it demands")


class Bundle(Model):
    """All of it, as published: what functions load."""

    tenant: Tenant
    sources: tuple[Source, ...] = Field(min_length=1, max_length=50)
    services: tuple[Service, ...] = Field(min_length=1, max_length=200)
    rules: tuple[Rule, ...] = Field(max_length=2000)
    exclusions: tuple[Exclusion, ...] = Field(default=(), max_length=200)
    subscribers: tuple[Subscriber, ...] = Field(default=(), max_length=50)
    matchers: tuple[Matcher, ...] = Field(default=(), max_length=50)
