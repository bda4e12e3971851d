"""The IDMS's own fields → a record, by the source's mapping, which is written in the expression language.

A record is made whole or refused whole. An attribute that needs a field which is not there is left out; whatever
else has no value refuses the record, because a guess could end a right, or give one for ever: what is stored then
stays as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provisioning.core.account import Json
from provisioning.core.catalog import Limits, Source, Tenant
from provisioning.core.errors import InvalidError
from provisioning.core.expression import (
    Environment,
    EvaluationError,
    ExpressionError,
    Type,
    compile_expression,
    compile_program,
    parse_type,
    record,
)
from provisioning.core.paths import compile_path
from provisioning.core.record import fact, text_of
from provisioning.core.source_options import Affiliations, Member, Reading
from provisioning.core.version import read_version

_SIMPLE: Final = ("string", "bool", "int", "double", "timestamp", "duration")
_KINDS: Final = frozenset({*_SIMPLE, *(f"list({kind})" for kind in _SIMPLE)})
Take = Callable[[Json], Json]
Results = Sequence[Json | EvaluationError]


@dataclass(frozen=True, slots=True)
class Column:
    """A declared field: where it stands, and its type."""

    name: str
    kind: str
    take: Take


@dataclass(frozen=True, slots=True)
class Template:
    """How affiliations are made of each entry of a list, or one of the fields. `names`: of the program's results."""

    each: Take | None
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    program: Callable[..., Results]
    where: str


@dataclass(frozen=True, slots=True)
class Reader:
    """A source's `record`, compiled."""

    limits: Limits
    key: Take
    version: Take | None
    columns: tuple[Column, ...]
    names: tuple[str, ...]  # of the program's results: attributes, and first whether the subject is gone
    program: Callable[..., Results]
    templates: tuple[Template, ...]
    where: str

    def key_of(self, document: Json) -> str:
        """What the source calls the subject: text, or a whole number. Raises InvalidError."""
        key = self.key(document)
        return str(key) if isinstance(key, int) and not isinstance(key, bool) else text_of(key, "key", self.limits)

    def read(self, document: Json, key: str | None, observed: int) -> dict[str, Json]:
        """The record, in the form that `read_record` takes. Raises InvalidError that names the field.

        `key`: of the subject, if it was told apart from the fields. `observed`: microseconds since 1970; the version
        of a source that gives none.
        """
        if not isinstance(document, dict):
            raise InvalidError("the fields are not an object", where="data", right="an object")
        version = observed if self.version is None else read_version(self.version(document), "version")
        fields = _fields(self.columns, document, "fields", self.limits)
        deleted, *values = self.program(fields)
        attributes = {name: value for name, value in zip(self.names, values, strict=True) if _given(name, value)}
        made: dict[str, Json] = {"key": self.key_of(document) if key is None else key, "version": version}
        if _sure(deleted, f"{self.where}.deleted"):
            return {**made, "deleted": True}
        affiliations = [each for template in self.templates for each in self._affiliations(template, document, fields)]
        return {**made, "attributes": attributes, "affiliations": affiliations}

    def _affiliations(self, template: Template, document: Json, fields: Mapping[str, Json]) -> list[Json]:
        entries = [document] if template.each is None else template.each(document)
        if entries is None:
            return []
        if not isinstance(entries, list):
            raise InvalidError("it is not a list", where=template.where, right="a list of objects")
        if len(entries) > self.limits.affiliations:
            right = f"at most {self.limits.affiliations}; tenant.limits.affiliations sets it"
            raise InvalidError(f"{len(entries)} entries", where=template.where, right=right)
        made: list[Json] = []
        for number, entry in enumerate(entries):
            where = f"{template.where}[{number}]"
            if not isinstance(entry, dict):
                raise InvalidError("the entry is not an object", where=where, right="an object")
            item = _fields(template.columns, entry, f"{where}.item", self.limits)
            when, *values = template.program(fields, item)
            if _sure(when, f"{where}.when"):
                named = zip(template.names, values, strict=True)
                made.append({name: value for name, value in named if _given(f"{where}.{name}", value)})
        return made


def compile_reading(source: Source, tenant: Tenant) -> Reader | None:
    """The reader of a source; None: what it says are records already. Raises InvalidError with the bad path."""
    reading, where = source.record, f"sources/{source.id}.record"
    if reading is None:
        return None
    _known(reading, tenant, where)
    columns, kind = _columns(reading.fields, f"{where}.fields")
    environment = Environment({"fields": kind}, maximum_list_length=tenant.limits.values)
    deleted = _expression(reading.deleted or "false", environment, f"{where}.deleted", "bool")
    values = [_expression(text, environment, f"{where}.attributes.{name}") for name, text in reading.attributes.items()]
    return Reader(
        limits=tenant.limits,
        key=_path(reading.key, f"{where}.key"),
        version=_path(reading.version, f"{where}.version") if reading.version is not None else None,
        columns=columns,
        names=tuple(reading.attributes),
        program=compile_program([deleted, *values], ("fields",)),
        templates=tuple(
            _template(each, kind, tenant.limits, f"{where}.affiliations.{number}")
            for number, each in enumerate(reading.affiliations)
        ),
        where=where,
    )


def _known(reading: Reading, tenant: Tenant, where: str) -> None:
    """Whether the tenant declares what the mapping makes. Raises InvalidError."""
    for name in reading.attributes:
        if name not in tenant.person:
            right = f"one of {', '.join(tenant.person)}; tenant.person declares them"
            raise InvalidError(f"persons have no attribute {name!r}", f"{where}.attributes.{name}", right=right)
    for number, template in enumerate(reading.affiliations):
        for name in template.facts:
            if name not in tenant.affiliation:
                place = f"{where}.affiliations.{number}.facts.{name}"
                right = f"one of {', '.join(tenant.affiliation)}; tenant.affiliation declares them"
                raise InvalidError(f"affiliations have no attribute {name!r}", place, right=right)


def _template(template: Affiliations, fields: Type, limits: Limits, where: str) -> Template:
    columns, item = _columns(template.item, f"{where}.item")
    environment = Environment({"fields": fields, "item": item}, maximum_list_length=limits.values)
    named = {"id": template.id, "start": template.start, "end": template.end, **template.facts}
    texts = {name: text for name, text in named.items() if text is not None}
    when = _expression(template.when or "true", environment, f"{where}.when", "bool")
    values = [
        _expression(text, environment, f"{where}.{name}", "string" if name == "id" else "")
        for name, text in texts.items()
    ]
    return Template(
        each=_path(template.each, f"{where}.each") if template.each is not None else None,
        columns=columns,
        names=tuple(texts),
        program=compile_program([when, *values], ("fields", "item")),
        where=where,
    )


def _columns(declared: Mapping[str, str | Member], where: str) -> tuple[tuple[Column, ...], Type]:
    columns = []
    for name, member in declared.items():
        kind = member if isinstance(member, str) else member.kind
        if kind not in _KINDS:
            raise InvalidError(
                f"{kind!r} is not a type of field", f"{where}.{name}", right=f"one of {', '.join(sorted(_KINDS))}"
            )
        path = name if isinstance(member, str) else member.path
        columns.append(Column(name, kind, _path(path, f"{where}.{name}")))
    return tuple(columns), record({column.name: parse_type(column.kind) for column in columns})


def _path(text: str, where: str) -> Take:
    try:
        return compile_path(text)
    except InvalidError as error:
        raise InvalidError(error.problem, where, right=error.right) from error


def _expression(text: str, environment: Environment, where: str, expects: str = "") -> Any:
    try:
        return compile_expression(text, environment, expects=parse_type(expects) if expects else None)
    except ExpressionError as error:
        raise InvalidError(error.problem, where, error.line, error.column, error.right) from error


def _fields(columns: Sequence[Column], document: Json, where: str, limits: Limits) -> dict[str, Json]:
    """The declared fields that are there, each of its type."""
    fields: dict[str, Json] = {}
    for column in columns:
        value = column.take(document)
        if value is not None:
            fields[column.name] = fact(value, column.kind, f"{where}.{column.name}", limits)
    return fields


def _given(where: str, value: Json | EvaluationError) -> bool:
    """Whether there is a value: not if a field that it needs is absent. Raises InvalidError for any other reason."""
    if not isinstance(value, EvaluationError):
        return value is not None
    if value.absent:
        return False
    raise InvalidError(str(value), where=where, right="an expression that has a value, or fields that are absent")


def _sure(value: Json | EvaluationError, where: str) -> bool:
    """A condition that must be true or false. Raises InvalidError."""
    if isinstance(value, EvaluationError):
        raise InvalidError(str(value), where=where, right="a condition that has(…) of what may be absent")
    return bool(value)
