"""Who is believed about what, and who may be told: where several IDMSs share services, none of them may say all.

An attribute's name, a source's and a service's are checked when the bundle is compiled.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from provisioning.core.model import Model, Span

# `*` stands for any text, also none. Case does not count: nobody's name or address is another's by its case.
Pattern = Annotated[str, StringConstraints(pattern=r"^[^\[\]?\x00-\x1f]{1,200}$")]
Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=1000)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=63)]
_Words = Annotated[tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...], Field(max_length=200)]


class Asserts(Model):
    """What a source may say. The rest of its records is dropped, counted and shown; it is never believed.

    `keys`: of the subjects of whom it may speak; another's record is rejected. `attributes`: each with the values
    that are believed, `["*"]` any. `affiliations`: facts of an affiliation with the values that are believed; all that
    are named here must be stated and within, else the affiliation is dropped; without `affiliations`, all are.
    `supports`: services that its word may give or take, with the authorizations, `["*"]` all; without it: any service.
    """

    keys: Patterns = ("*",)
    attributes: dict[_Name, Patterns] = Field(default_factory=dict, max_length=200)
    affiliations: dict[_Name, Patterns] | None = None
    supports: dict[_Name, _Words] | None = None


class Merge(Model):
    """How the words of several sources about one attribute become one value.

    `precedence`: whose word counts first; sources that are not named follow in the order of the bundle. `union`: of a
    list, the values of all of them, each once, in that order.
    """

    precedence: tuple[_Name, ...] = Field(default=(), max_length=50)
    union: bool = False

    @model_validator(mode="after")
    def _once(self) -> "Merge":
        if len(set(self.precedence)) < len(self.precedence):
            raise ValueError("a source stands twice in `precedence`")
        return self


class Freshness(Model):
    """How long a source's word counts after it was last heard, and what becomes of it then.

    `keep`: it is shown as stale, and nothing else. `end`: what it said ended when its time was over, and the lifecycle
    of each service runs from there. `suspend`: so it is, but nobody loses an account by it: they stay suspended until
    the source is heard again. Who says nothing new is heard too: by a message that repeats what is known, or, where it
    is polled, by an answer.
    """

    limit: Span = Field(description="from when it was last heard")
    then: Literal["keep", "suspend", "end"] = "keep"


class Support(Model):
    """Domains whose word a service demands: of `any` of some, and of `all` of others, at the same time.

    Whoever gives a right, it holds only while all that are demanded support the same service, each by a rule that
    gives it by their word alone.
    """

    any: tuple[_Name, ...] = Field(default=(), max_length=50)
    all: tuple[_Name, ...] = Field(default=(), max_length=10)

    @model_validator(mode="after")
    def _demands(self) -> "Support":
        if not self.any and not self.all:
            raise ValueError("one of `any` and `all`, at least")
        return self


# By source, the attributes of its word that a service may be told; `["*"]`: all of them.
Receives = Annotated[dict[_Name, _Words], Field(max_length=50)]
