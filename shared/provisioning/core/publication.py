"""Bundle → policy: check everything, compile everything, or say what is wrong and where.

A place is a path into the bundle, such as `rules/arts-students-borrow.who`; the command that read the files turns
it into a file and a line.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from provisioning.core.catalog import Bundle, Rule, Tenant
from provisioning.core.errors import InvalidError
from provisioning.core.expression import Environment, Type, compile_expression, compile_selection, parse_type, record
from provisioning.core.mapping import AccountMapping, compile_mapping
from provisioning.core.matching import matching_problems
from provisioning.core.period import BEGINNING, DAY, FOREVER, Duration, Period, parse_end, parse_start
from provisioning.core.policy import CompiledRule, Policy, compiled_rule
from provisioning.core.reading import Reader, compile_reading
from provisioning.core.record import Schema
from provisioning.core.separation import exclusion_problems
from provisioning.core.subscription import subscriber_problems
from provisioning.core.trust_check import circles_of, compile_trust, trust_problems

_SIMPLE: Final = frozenset({"string", "bool", "int", "double", "timestamp", "duration"})


class BundleError(InvalidError):
    """Everything that is wrong with a bundle, in the order of its files."""

    def __init__(self, problems: Iterable[InvalidError]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


def compile_bundle(bundle: Bundle, hash_: str = "", sequence: int = 0) -> Policy:
    """Compile a bundle. Raises BundleError with every problem found, not only the first."""
    problems: list[InvalidError] = []
    schema = _schema(bundle.tenant, problems)
    if problems:  # nothing else can be read without the attributes
        raise BundleError(problems)
    _unique(bundle, problems)
    mappings: dict[str, AccountMapping] = {}
    for service in bundle.services:
        try:
            mappings[service.id] = compile_mapping(service, bundle.tenant.person, bundle.tenant.limits.values)
            if service.match not in service.account:
                raise InvalidError(
                    f"{service.match} is not mapped", f"services/{service.id}.match", right="a path that `account` sets"
                )
        except InvalidError as error:
            problems.append(error)
    readers = _readers(bundle, problems)
    problems.extend((*_requirements(bundle), *_passwords(bundle)))
    compiled = _rules(bundle, schema, problems)
    problems.extend((*exclusion_problems(bundle), *trust_problems(bundle)))
    problems.extend((*subscriber_problems(bundle), *matching_problems(bundle)))
    if problems:
        raise BundleError(problems)
    for_person = tuple(rule for rule in compiled if not rule.per_affiliation)
    for_affiliation = tuple(rule for rule in compiled if rule.per_affiliation)
    trust = compile_trust(bundle)
    return Policy(
        bundle=bundle,
        hash=hash_,
        sequence=sequence,
        schema=schema,
        sources=tuple(source.id for source in bundle.sources),
        readers=readers,
        services={service.id: service for service in bundle.services},
        mappings=mappings,
        person_rules=for_person,
        affiliation_rules=for_affiliation,
        person_selection=compile_selection([rule.expression for rule in for_person], ("person",)),
        affiliation_selection=compile_selection(
            [rule.expression for rule in for_affiliation], ("person", "affiliation")
        ),
        longest_grace=_longest(bundle.rules),
        trust=trust,
        circles=circles_of(bundle, trust),
    )


def _schema(tenant: Tenant, problems: list[InvalidError]) -> Schema:
    try:
        zone = ZoneInfo(tenant.zone)
    except (ZoneInfoNotFoundError, ValueError):
        problems.append(
            InvalidError(f"{tenant.zone!r} is no time zone", "tenant.zone", right="a name such as Europe/Amsterdam")
        )
        zone = ZoneInfo("UTC")
    for part, attributes in (("person", tenant.person), ("affiliation", tenant.affiliation)):
        for name, kind in attributes.items():
            item = kind[5:-1] if kind.startswith("list(") and kind.endswith(")") else kind
            if item not in _SIMPLE:
                right = f"one of {', '.join(sorted(_SIMPLE))}, or list(…) of one"
                problems.append(
                    InvalidError(f"{kind!r} is not a type of attribute", f"tenant.{part}.{name}", right=right)
                )
    return Schema(tenant.person, tenant.affiliation, zone, tenant.limits)


def _readers(bundle: Bundle, problems: list[InvalidError]) -> dict[str, Reader]:
    readers: dict[str, Reader] = {}
    for source in bundle.sources:
        try:
            reader = compile_reading(source, bundle.tenant)
        except InvalidError as error:
            problems.append(error)
            continue
        if reader is not None:
            readers[source.id] = reader
    return readers


def _unique(bundle: Bundle, problems: list[InvalidError]) -> None:
    for part, entries in (
        ("sources", bundle.sources),
        ("services", bundle.services),
        ("rules", bundle.rules),
        ("exclusions", bundle.exclusions),
        ("subscribers", bundle.subscribers),
        ("matchers", bundle.matchers),
    ):
        seen: set[str] = set()
        for entry in entries:
            if entry.id in seen:
                problems.append(
                    InvalidError(
                        f"{entry.id!r} stands twice", f"{part}/{entry.id}.id", right="an id of its own for each"
                    )
                )
            seen.add(entry.id)


def _requirements(bundle: Bundle) -> Iterable[InvalidError]:
    """Services that require what is not there, or in the end themselves: no account would ever be made."""
    requires = {service.id: service.requires for service in bundle.services}
    for service, wanted in requires.items():
        where = f"services/{service}.requires"
        for name in wanted:
            if name not in requires:
                yield InvalidError(
                    f"there is no service {name!r}", where, right=f"one of {', '.join(sorted(requires))}"
                )
        reached, front = set[str](), set(wanted)
        while front:
            reached |= front
            front = {name for each in front for name in requires.get(each, ())} - reached
        if service in reached:
            yield InvalidError(
                f"{service!r} requires itself in the end", where, right="services that do not require it"
            )


def _passwords(bundle: Bundle) -> Iterable[InvalidError]:
    """Sources whose passwords would go where none are taken."""
    takes = {service.id for service in bundle.services if service.protocol == "spml"}
    for source in bundle.sources:
        for name in source.push.spml.passwords if source.push is not None else ():
            if name not in takes:
                where = f"sources/{source.id}.push.spml.passwords"
                yield InvalidError(f"{name!r} takes no passwords", where, right="services of protocol spml")


def _rules(bundle: Bundle, schema: Schema, problems: list[InvalidError]) -> list[CompiledRule]:
    limits = bundle.tenant.limits
    environment = Environment(
        {"person": _attributes(bundle.tenant.person), "affiliation": _attributes(bundle.tenant.affiliation)},
        maximum_list_length=limits.values,
    )
    services = {service.id for service in bundle.services}
    compiled = []
    for rule in bundle.rules:
        try:
            compiled.append(_rule(rule, environment, schema.zone, services))
        except InvalidError as error:
            problems.append(error)
    return compiled


def _attributes(declared: Mapping[str, str]) -> Type:
    return record({name: parse_type(kind) for name, kind in declared.items()})


def _rule(rule: Rule, environment: Environment, zone: ZoneInfo, services: set[str]) -> CompiledRule:
    where = f"rules/{rule.id}"
    if rule.service not in services:
        right = f"one of {', '.join(sorted(services))}"
        raise InvalidError(f"there is no service {rule.service!r}", f"{where}.service", right=right)
    expression = compile_expression(rule.who, environment, where=f"{where}.who", expects=parse_type("bool"))
    return compiled_rule(rule, expression, _window(rule, zone, where))


def _window(rule: Rule, zone: ZoneInfo, where: str) -> Period:
    bounds = []
    for name, text, read, absent in (
        ("from", rule.since, parse_start, BEGINNING),
        ("until", rule.until, parse_end, FOREVER),
    ):
        try:
            bounds.append(read(text, zone)[0] if text else absent)
        except InvalidError as error:
            raise InvalidError(error.problem, f"{where}.{name}", right=error.right) from error
    if bounds[0] >= bounds[1]:
        raise InvalidError("the rule's own period is empty", f"{where}.until", right="from before until")
    return Period(*bounds)


def _longest(rules: Iterable[Rule]) -> Duration:
    """How long after its end a fact can still matter: the longest grace, and a day for the clocks' changes."""
    seconds = max((rule.lasting.grace.days * DAY + rule.lasting.grace.seconds for rule in rules), default=0)
    return Duration(seconds=seconds + DAY)
