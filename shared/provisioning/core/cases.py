"""Cases: people made up by a bundle's authors, what they expect of the rules for each, and whether that is so.

A case is not part of the bundle: it is run when the bundle is checked, and never published.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Discriminator, Field, StringConstraints, Tag, model_validator

from provisioning.core.catalog import Attribute, Authorization, Model, Moment, Name
from provisioning.core.errors import InvalidError
from provisioning.core.period import BEGINNING, FOREVER, Instant, parse_end, parse_start
from provisioning.core.policy import Policy
from provisioning.core.record import Record, Schema, read_record

MOST: Final = 1000  # cases of one bundle

CaseName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,98}[a-z0-9]$")]
Word = Literal["active", "grace", "suspended", "absent", "future"]
_OWN: Final = ("id", "start", "end")  # what an affiliation has beside what the tenant declares


class ExpectedSegment(Model):
    """A stretch of a timeline. A day is one of the tenant's zone, and `until` is the last one; an instant is exact."""

    since: Moment | None = Field(default=None, alias="from", description="the first day; without it, since always")
    until: Moment | None = Field(default=None, description="the last day, included; without it, no end is known")
    phase: Literal["active", "grace"] = "active"
    authorizations: tuple[Authorization, ...] = Field(default=(), max_length=100, description="all of them")


class ExpectedStanding(Model):
    """How the person stands to a service at the instant `at` of the case."""

    standing: Word
    authorizations: tuple[Authorization, ...] | None = Field(
        default=None, max_length=100, description="all of them; not compared if left out"
    )


def _form(value: Any) -> str:
    if isinstance(value, str):
        return "word"
    return ExpectedSegment.__name__ if isinstance(value, list | tuple) else ExpectedStanding.__name__


_Segments = Annotated[tuple[ExpectedSegment, ...], Field(max_length=200)]
Expected = Annotated[
    Annotated[Word, Tag("word")]
    | Annotated[ExpectedStanding, Tag(ExpectedStanding.__name__)]
    | Annotated[_Segments, Tag(ExpectedSegment.__name__)],
    Discriminator(_form),
]


class Words(Model):
    """What one source says of the person."""

    person: dict[Attribute, Any] = Field(default_factory=dict, description="attributes, as the tenant declares them")
    affiliations: tuple[dict[Attribute, Any], ...] = Field(
        default=(), max_length=1000, description="as in a record; without an id they are numbered from 1"
    )


class Case(Model):
    """A person as a source would state them, and what each service should make of it.

    `person` and `affiliations` are the word of the bundle's first source; `says` is the word of each source by name.

    For each service: a list is the whole timeline (an empty list: never), a word is the standing at `at`, and
    `{standing, authorizations}` is the standing with what may be done. It is as if everything stated had been known
    for ever: nothing was withdrawn, and no rule was edited.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"expect": {"minProperties": 1}}, "required": ["expect"]},
                {"properties": {"only": {"const": True}}, "required": ["only"]},
            ]
        }
    )

    id: CaseName
    because: str | None = Field(default=None, max_length=4096, description="why it should be so, for whom it fails")
    person: dict[Attribute, Any] = Field(default_factory=dict, description="attributes, as the tenant declares them")
    affiliations: tuple[dict[Attribute, Any], ...] = Field(
        default=(), max_length=1000, description="as in a record; without an id they are numbered from 1"
    )
    says: dict[Name, Words] = Field(
        default_factory=dict, max_length=50, description="by source, in place of `person` and `affiliations`"
    )
    at: Moment | None = Field(default=None, description="an instant, or the beginning of a day in the tenant's zone")
    expect: dict[Name, Expected] = Field(default_factory=dict)
    only: bool = Field(default=False, description="services that `expect` does not name give nothing")

    @model_validator(mode="after")
    def _expects(self) -> "Case":
        if not self.expect and not self.only:
            raise ValueError("a case expects something of a service, or has `only: true` if nobody gives anything")
        if self.says and (self.person or self.affiliations):
            raise ValueError("what sources say stands under `says` by source, or in `person` and `affiliations`")
        return self


def case_problems(cases: Sequence[Case], policy: Policy) -> Iterator[InvalidError]:
    """Whatever makes a case meaningless for this policy, each at its place, such as `cases/leaver.expect.library`."""
    if len(cases) > MOST:
        yield InvalidError(f"{len(cases)} cases", f"cases/{cases[MOST].id}", right=f"at most {MOST}")
    seen: set[str] = set()
    for case in cases:
        where = f"cases/{case.id}"
        if case.id in seen:
            yield InvalidError(f"{case.id!r} stands twice", f"{where}.id", right="an id of its own for each")
        seen.add(case.id)
        yield from _fact_problems(case, policy, where)
        yield from _expectation_problems(case, policy, where)


def _fact_problems(case: Case, policy: Policy, where: str) -> Iterator[InvalidError]:
    schema = policy.schema
    for source, words in words_of(case, policy).items():
        place = f"{where}.says.{source}" if case.says else where
        if source not in policy.sources:
            yield InvalidError(f"there is no source {source!r}", place, right=_nearest(source, list(policy.sources)))
        yield from _unknown(words.person, schema.person, f"{place}.person")
        for number, entry in enumerate(words.affiliations):
            yield from _unknown(entry, (*_OWN, *schema.affiliation), f"{place}.affiliations.{number}")
        try:
            _record_of(case, source, words, schema)
        except InvalidError as error:
            path = error.where.removeprefix("data.").replace("attributes", "person", 1)
            path = path.replace("[", ".").replace("]", "")
            yield InvalidError(error.problem, f"{place}.{path}", right=error.right)


def _unknown(names: Iterable[str], declared: Iterable[str], where: str) -> Iterator[InvalidError]:
    known = list(declared)
    for name in names:
        if name not in known:
            yield InvalidError(f"the tenant declares no {name!r}", f"{where}.{name}", right=_nearest(name, known))


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"one of {', '.join(sorted(known))}"


def _expectation_problems(case: Case, policy: Policy, where: str) -> Iterator[InvalidError]:
    try:
        instant_of(case, policy)
    except InvalidError as error:
        yield InvalidError(error.problem, f"{where}.at", right=error.right)
    for service, expected in case.expect.items():
        place = f"{where}.expect.{service}"
        if service not in policy.services:
            yield InvalidError(
                f"there is no service {service!r}", place, right=_nearest(service, list(policy.services))
            )
        if isinstance(expected, tuple):
            for number, segment in enumerate(expected):
                yield from _segment_problems(segment, policy, f"{place}.{number}")
        elif case.at is None:
            yield InvalidError("a standing holds at an instant", place, right="`at` in the case, or a list of segments")


def _segment_problems(segment: ExpectedSegment, policy: Policy, where: str) -> Iterator[InvalidError]:
    bounds = []
    for name, text, read, absent in (
        ("from", segment.since, parse_start, BEGINNING),
        ("until", segment.until, parse_end, FOREVER),
    ):
        try:
            bounds.append(read(text, policy.zone)[0] if text is not None else absent)
        except InvalidError as error:
            yield InvalidError(error.problem, f"{where}.{name}", right=error.right)
    if len(bounds) == 2 and bounds[0] >= bounds[1]:
        yield InvalidError("the segment is empty", where, right="from before until")


def words_of(case: Case, policy: Policy) -> Mapping[str, Words]:
    """What each source says in a case."""
    return case.says or {policy.sources[0]: Words(person=case.person, affiliations=case.affiliations)}


def records_of(case: Case, policy: Policy) -> dict[str, Record]:
    """The case's person as its sources would state them, by source. Raises InvalidError, as for a record."""
    return {source: _record_of(case, source, words, policy.schema) for source, words in words_of(case, policy).items()}


def _record_of(case: Case, source: str, words: Words, schema: Schema) -> Record:
    affiliations = [{"id": str(number), **entry} for number, entry in enumerate(words.affiliations, start=1)]
    attributes: Mapping[str, Any] = words.person
    return read_record(
        source, {"key": case.id, "version": 1, "attributes": dict(attributes), "affiliations": affiliations}, schema
    )


def instant_of(case: Case, policy: Policy) -> Instant | None:
    """The instant `at`. Raises InvalidError."""
    return None if case.at is None else parse_start(case.at, policy.zone)[0]
