"""What the bundle says of a source that is extracted by `http`: an IDMS that shows lists in JSON over HTTP."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from provisioning.core.authentication_options import Authentication
from provisioning.core.errors import InvalidError
from provisioning.core.model import Model
from provisioning.core.paths import compile_path


def _path(text: str) -> str:
    try:
        compile_path(text)
    except InvalidError as error:
        raise ValueError(f"{error.problem}: {error.right}") from error
    return text


Path = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_path)]
Member = Annotated[str, StringConstraints(pattern=r'^[^."\[\]\s]+(\.[^."\[\]\s]+)*$', max_length=300)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/@?#\s]{1,300}(/[^?#\s]{0,1000})?$")]
Template = Annotated[str, StringConstraints(pattern=r"^https?://[^/@?#\s{}]{1,300}/[^#\s]{0,1000}$")]
Parameter = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]+$", max_length=100)]
Value = Annotated[str, StringConstraints(max_length=1000)]
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=100)]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$", max_length=1000)]
_OURS: Final = frozenset({
    "accept-encoding", "authorization", "connection", "content-length", "host", "if-none-match", "te",
    "transfer-encoding", "upgrade", "user-agent",
})  # fmt: skip


class HttpPaging(Model):
    """How a list goes on. A list ends by what is seen: where there is neither a count nor `more`, one empty page."""

    way: Literal["none", "link", "cursor", "page", "offset"] = Field(
        default="none",
        description="none: it comes whole; link: by URLs that the answers show; cursor: by a word that they show, for "
        "`parameter`; page, offset: by numbers that we count, for `parameter`",
    )
    size: Parameter | None = Field(
        default=None, description="parameter that asks for so many subjects in an answer, poll.page"
    )
    parameter: Parameter | None = Field(default=None, description="of the cursor, the page's number, or the offset")
    first: int | None = Field(
        default=None, ge=0, le=1, description="number of the first page (none: 1), or first offset (none: 0)"
    )
    next: Path | None = Field(
        default=None, description="where the answer has the next URL or cursor; none, with link: in its header Link"
    )
    next_header: Header | None = Field(default=None, description="header that has the next cursor")
    more: Path | None = Field(default=None, description="where the answer has a bool: whether another page follows")
    past: tuple[Annotated[int, Field(ge=400, le=499)], ...] = Field(
        default=(), max_length=10, description="page, offset: statuses that say there is no such page, such as 404"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "HttpPaging":
        told = (self.next is not None) + (self.next_header is not None)
        if (self.parameter is not None) != (self.way in ("cursor", "page", "offset")):
            raise ValueError("parameter belongs to cursor, page and offset")
        if self.way == "cursor" and told != 1:
            raise ValueError("cursor needs next or next_header: one of them")
        if self.way == "link" and self.next_header is not None:
            raise ValueError("link has next, or the header Link: no next_header")
        if self.way in ("none", "page", "offset") and told:
            raise ValueError("next and next_header belong to link and cursor")
        if self.way not in ("page", "offset") and (self.first is not None or self.past):
            raise ValueError("first and past belong to page and offset")
        if not {401, 403, 408, 425, 429}.isdisjoint(self.past):
            raise ValueError("past: not 401, 403, 408, 425 or 429, which say something else")
        return self


class HttpChanges(Model):
    """How changes are seen. Who is gone is seen only where `deleted` says so; else by full snapshots.

    since: by a parameter with an instant; delta: by a link or a word that the last page of a look hands out for the
    next one; etag: the whole list, in one answer, is asked for again, which costs nothing where it is as it was
    (RFC 9110 13.1.2).
    """

    by: Literal["since", "delta", "etag"]
    parameter: Parameter | None = Field(
        default=None, description="of the instant, or of the word that `delta` shows; none: it shows a URL"
    )
    format: Literal["instant", "date", "seconds", "milliseconds"] = Field(
        default="instant", description="2026-09-01T08:00:00Z, 2026-09-01, or a number since 1970; all of them UTC"
    )
    overlap: int = Field(
        default=300, ge=1, le=86_400, description="seconds that each look goes back before the last: clocks and commits"
    )
    changed: Path | None = Field(
        default=None, description="where a subject shows its last change: then it is seen if the parameter is ignored"
    )
    delta: Path | None = Field(default=None, description="where the last page has the next look's URL or word")
    start: dict[Parameter, Value] = Field(
        default_factory=dict,
        max_length=20,
        description="parameters by which the API hands out its newest place at once; none: a list is read to its end",
    )
    expired: tuple[Annotated[int, Field(ge=400, le=499)], ...] = Field(
        default=(410,), max_length=10, description="statuses by which it says that a place is too old: a snapshot then"
    )
    url: Url | None = Field(default=None, description="where changes are listed; none: where everybody is")
    query: dict[Parameter, Value] = Field(default_factory=dict, max_length=50, description="added to those of the list")
    key: Path | None = Field(default=None, description="where a change has the subject's key; none: as everywhere")
    fetch: bool = Field(default=False, description="a change shows only the key: each subject is asked for by `person`")

    @model_validator(mode="after")
    def _consistent(self) -> "HttpChanges":
        if self.by == "since" and self.parameter is None:
            raise ValueError("since needs a parameter")
        if (self.by == "delta") != (self.delta is not None):
            raise ValueError("delta, the path, belongs to by: delta")
        if self.by == "etag" and (self.parameter is not None or self.url is not None or self.query):
            raise ValueError("etag asks for the list itself: no parameter, url or query")
        if self.start and self.by != "delta":
            raise ValueError("start belongs to by: delta")
        if not {401, 403, 408, 425, 429}.isdisjoint(self.expired):
            raise ValueError("expired: not 401, 403, 408, 425 or 429, which say something else")
        return self


class HttpSource(Model):
    """One object for each subject, in lists of pages. Paths are as in `record`; all URLs are of one host.

    What is not in the answers is not known: a status other than 200, and a body that is not what is configured, is an
    error and never an absence; only 404 and 410 for one subject say that it is gone.
    """

    url: Url = Field(description="where everybody is listed; https")
    secret: str | None = Field(
        default=None, description="name of the secret: a bearer token, what `authentication` says, or `header`'s value"
    )
    authentication: Authentication | None = Field(default=None, description="none: by a bearer token, `secret`")
    header: Header | None = Field(default=None, description="a header of this name bears the secret, such as X-Api-Key")
    headers: dict[Header, HeaderValue] = Field(
        default_factory=dict, max_length=20, description="of every request; nothing secret"
    )
    query: dict[Parameter, Value] = Field(
        default_factory=dict, max_length=50, description="parameters of the list, such as status: active"
    )
    items: Path | None = Field(default=None, description="where an answer has the list; none: it is the list")
    key: Path = Field(default="id", description="where an object has what the source calls the subject")
    person: Template | None = Field(
        default=None, description="URL of one subject, such as https://idms.example.edu/people/{key}"
    )
    body: Path | None = Field(default=None, description="where that answer has the object; none: it is the object")
    deleted: Path | None = Field(
        default=None, description="where an object says that its subject is gone: a bool, an instant, or an object"
    )
    deletes: tuple[Value, ...] = Field(
        default=(), max_length=20, description="texts that `deleted` has then, such as cancelled; any other: not gone"
    )
    exclude: tuple[Member, ...] = Field(
        default=(), max_length=200, description="what changes without the subject, such as lastLogin: `name.part`"
    )
    unordered: tuple[Member, ...] = Field(
        default=(), max_length=200, description="lists that come in any order: they are sorted"
    )
    paging: HttpPaging = HttpPaging()
    total: Path | None = Field(default=None, description="where an answer says how many subjects there are")
    total_header: Header | None = Field(default=None, description="header that says so, such as X-Total-Count")
    changes: HttpChanges | None = Field(default=None, description="none: full snapshots only")
    private: bool = Field(default=False, description="the server may be at a private or loopback address")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that it may read."""
        certificate = self.authentication.certificate if self.authentication is not None else None
        return tuple(name for name in (self.secret, certificate) if name)

    @property
    def origin(self) -> str:
        """Scheme, host and port: nothing else is asked."""
        return "/".join(self.url.split("/", 3)[:3])

    @model_validator(mode="after")
    def _one_place(self) -> "HttpSource":
        if not self.private and self.url.startswith("http://"):
            raise ValueError("http:// would send people and the secret openly: https://, or private: true")
        for name, url in (
            ("person", self.person),
            ("changes.url", self.changes.url if self.changes is not None else None),
        ):
            if url is not None and "/".join(url.split("/", 3)[:3]) != self.origin:
                raise ValueError(f"{name} is of another host: {self.origin}/…")
        if self.person is not None and self.person.count("{key}") != 1:
            raise ValueError("person has {key} once")
        if self.changes is not None and self.changes.fetch and self.person is None:
            raise ValueError("changes.fetch needs person")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "HttpSource":
        options = self.authentication
        if options is not None and options.kind == "basic" and self.secret is None:
            raise ValueError("basic needs a secret")
        if options is not None and options.kind == "oauth2" and not (self.secret and options.token_endpoint):
            raise ValueError("oauth2 needs a secret and a token_endpoint")
        if self.header is not None and (self.secret is None or (options is not None and options.kind != "bearer")):
            raise ValueError("header needs a secret, and no other authentication with it")
        names = [name.lower() for name in self.headers]
        if not _OURS.isdisjoint(names) or len(set(names)) < len(names) or (self.header or "").lower() in {*names}:
            raise ValueError(f"headers: each once, and none of {', '.join(sorted(_OURS))}")
        if (self.header or "").lower() in _OURS - {"authorization"}:
            raise ValueError("header: one of the API's own, such as X-Api-Key")
        if self.total is not None and self.total_header is not None:
            raise ValueError("total or total_header: one of them")
        if self.deletes and self.deleted is None:
            raise ValueError("deletes needs deleted")
        if self.key in self.exclude or self.deleted in self.exclude:
            raise ValueError("exclude: neither key nor deleted")
        if self.changes is not None and self.changes.by == "etag" and self.paging.way != "none":
            raise ValueError("changes by etag need a list that comes whole: paging none")
        return self
