"""Identity × entitlement → the account that one service should hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from provisioning.core.account import FIRST_NUMBER, Account, Candidates, Desired, Json, Phase
from provisioning.core.catalog import MappedValue, Service
from provisioning.core.errors import InvalidError
from provisioning.core.expression import (
    DURATION,
    TIMESTAMP,
    Environment,
    EvaluationError,
    Expression,
    ExpressionError,
    compile_expression,
    compile_program,
    parse_type,
    record,
)
from provisioning.core.lifecycle import Entitlement, Standing
from provisioning.core.wire import digest_of

VARIABLES: Final = ("person", "authorizations", "phase", "identity")
_COUNTER: Final = "counter"  # what only a candidate for a name may mention
_PHASES: Final[Mapping[Standing, Phase]] = {
    Standing.ABSENT: Phase.ABSENT,
    Standing.ACTIVE: Phase.ACTIVE,
    Standing.GRACE: Phase.ACTIVE,
    Standing.SUSPENDED: Phase.SUSPENDED,
}
_NOTHING: Final = frozenset({EvaluationError, type(None)})  # what an expression gives that has no value
_ABSENT: Final = Desired(Phase.ABSENT, digest=digest_of(["absent"]))
Program = Callable[..., Sequence[Json | EvaluationError]]


@dataclass(frozen=True, slots=True)
class NameMapping:
    """The candidates for one attribute. `first` gives all of them, `numbered` those that mention the counter."""

    path: str
    first: Program
    numbered: Program | None


@dataclass(frozen=True, slots=True)
class AccountMapping:
    """A service's account mapping, compiled: paths in the order of the program's results.

    `defaults`: by path, the program of what stands in for a value. `once`, `fill`: paths by their strength. `reads`:
    by path, the attributes of the person that its value, its default or its candidates are made of.
    """

    paths: tuple[str, ...]
    required: frozenset[str]
    groups: Mapping[str, str]
    program: Program
    defaults: Mapping[str, Program]
    once: frozenset[str]
    fill: frozenset[str]
    names: tuple[NameMapping, ...]
    reads: Mapping[str, frozenset[str]]

    @property
    def is_plain(self) -> bool:
        """Whether every value is compared with what the SP holds."""
        return not (self.once or self.fill or self.names)


def compile_mapping(service: Service, person: Mapping[str, str], longest: int = 100) -> AccountMapping:
    """Compile every expression of `service.account`, for lists of at most `longest` entries.

    Raises InvalidError with the path of the bad one.
    """
    variables = {
        "person": record({name: parse_type(text) for name, text in person.items()}),
        "authorizations": parse_type("list(string)"),
        "phase": parse_type("string"),
        "identity": parse_type("string"),
    }
    environment = Environment(variables, maximum_list_length=longest)
    with_counter = Environment({**variables, _COUNTER: parse_type("int")}, maximum_list_length=longest)
    expressions: dict[str, Expression] = {}
    defaults: dict[str, Program] = {}
    names: list[NameMapping] = []
    reads: dict[str, frozenset[str]] = {}
    for path, value in service.account.items():
        where = f"services/{service.id}.account.{path}"
        if value.value is not None:
            expressions[path] = _compile(value.value, environment, where)
            reads[path] = expressions[path].reads("person")
        else:
            name, reads[path] = _names(path, value, with_counter, where)
            names.append(name)
        if value.default is not None:
            default = _compile(value.default, environment, f"{where}.default")
            defaults[path] = compile_program([default], VARIABLES)
            reads[path] |= default.reads("person")
    return AccountMapping(
        paths=tuple(expressions),
        required=frozenset(path for path, value in service.account.items() if value.required or path == service.match),
        groups=service.groups,
        program=compile_program(list(expressions.values()), VARIABLES),
        defaults=defaults,
        once=frozenset(path for path, value in service.account.items() if value.strength == "create"),
        fill=frozenset(path for path, value in service.account.items() if value.strength == "fill"),
        names=tuple(names),
        reads=reads,
    )


def _compile(text: str, environment: Environment, where: str, expects: str = "") -> Expression:
    """An expression whose value an account can hold. Raises InvalidError."""
    try:
        expression = compile_expression(text, environment, expects=parse_type(expects) if expects else None)
        kind = expression.type.item or expression.type
        if kind in (TIMESTAMP, DURATION):
            raise ExpressionError(f"an account cannot hold a {kind}", "", 1, 1, f"string(…) of the {kind}")
    except ExpressionError as error:
        raise InvalidError(error.problem, where, error.line, error.column, error.right) from error
    return expression


def _names(path: str, value: MappedValue, environment: Environment, where: str) -> tuple[NameMapping, frozenset[str]]:
    """The candidates, and the attributes of the person that they read."""
    if value.default is not None:
        raise InvalidError("candidates have no default", f"{where}.default", right="one more candidate")
    if value.strength == "fill":
        raise InvalidError("a name cannot be of strength fill", f"{where}.strength", right="always or create")
    expressions = [
        _compile(text, environment, f"{where}.candidates.{number}", expects="string")
        for number, text in enumerate(value.candidates)
    ]
    plain = [expression for expression in expressions if _COUNTER not in expression.variables]
    numbered = [expression for expression in expressions if _COUNTER in expression.variables]
    variables = (*VARIABLES, _COUNTER)
    again = compile_program(numbered, variables) if numbered else None
    reads = frozenset[str]().union(*(expression.reads("person") for expression in expressions))
    return NameMapping(path, compile_program([*plain, *numbered], variables), again), reads


def desired(
    mapping: AccountMapping,
    identity: str,
    person: Mapping[str, Json],
    entitlement: Entitlement,
    *,
    decided: bool = False,
) -> Desired:
    """The account that an entitlement wants. A value that cannot be computed is left out.

    `decided`: by this very bundle and for this person as given, so that the entitlement has the digest already.

    If it was required, `problem` says so: such an account is parked and not half created. Names are not chosen here:
    only who writes the account knows which is taken.
    """
    phase = _PHASES[entitlement.standing]
    dispute = entitlement.dispute
    if phase is Phase.ABSENT:
        return Desired(phase, digest=digest_of(["absent", dispute]), dispute=dispute) if dispute else _ABSENT
    authorizations = list(entitlement.authorizations)
    state = phase.value
    arguments = (person, authorizations, state, identity)
    values, missing = _values(mapping, arguments)
    names = {mapping.groups[name] for name in authorizations if name in mapping.groups} if phase is Phase.ACTIVE else ()
    groups = tuple(sorted(names))
    if mapping.is_plain:
        problem = "; ".join(missing.values())
        parts = [state, values, groups, problem, *_disputed(dispute)]
        digest = entitlement.digest if decided else digest_of(parts)
        return Desired(phase, values, groups, digest, problem, dispute=dispute)
    return _weakly(mapping, Desired(phase, values, groups, dispute=dispute), missing, arguments)


def _values(mapping: AccountMapping, arguments: tuple[Any, ...]) -> tuple[dict[str, Json], dict[str, str]]:
    """The values by path, and by path why one is missing that is required."""
    results = mapping.program(*arguments)
    if _NOTHING.isdisjoint(map(type, results)):
        return dict(zip(mapping.paths, results, strict=True)), {}
    values: dict[str, Json] = {}
    missing: dict[str, str] = {}
    for path, result in zip(mapping.paths, results, strict=True):
        if type(result) in _NOTHING and path in mapping.defaults:
            (result,) = mapping.defaults[path](*arguments)
        if type(result) not in _NOTHING:
            values[path] = result
        elif path in mapping.required:
            missing[path] = f"{path}: {result or 'no value'}"
    return values, missing


def _disputed(dispute: str) -> list[str]:
    """A part of the digest only if there is one, so that the rest keep the digests that they have."""
    return [dispute] if dispute else []


def _weakly(
    mapping: AccountMapping, wanted: Desired, missing: Mapping[str, str], arguments: tuple[Any, ...]
) -> Desired:
    """With names and strengths. The digest has two parts: what any account must have, and what only a new one must.

    Of names, and of values that fill, the first part says only that there are some.
    """
    choices = {each.path: _candidates(each, arguments) for each in mapping.names}
    missing = {**missing, **{path: f"{path}: no candidate has a value" for path in choices.keys() & mapping.required
                             if not choices[path].first}}  # fmt: skip
    wanted = replace(
        wanted,
        once=mapping.once,
        fill=mapping.fill,
        chosen=frozenset(choices),
        names={path: some for path, some in choices.items() if some.first},
    )
    lacks = {path: reason for path, reason in missing.items() if wanted.is_weak(path) or path in choices}
    problem = "; ".join(reason for path, reason in missing.items() if path not in lacks)
    strong = wanted.strong(wanted.values)
    weak = {path: value for path, value in wanted.values.items() if path not in strong}
    first = {path: some.first for path, some in wanted.names.items()}
    chosen = sorted(first.keys() - wanted.once)
    compared = [wanted.phase.value, strong, wanted.groups, problem, wanted.filled, chosen, *_disputed(wanted.dispute)]
    any_has = digest_of(compared)
    return replace(wanted, digest=f"{any_has}.{digest_of([weak, first, lacks])}", problem=problem, lacks=lacks)


def _candidates(mapping: NameMapping, arguments: tuple[Any, ...]) -> Candidates:
    def numbered(number: int) -> Sequence[str]:
        return _texts(mapping.numbered(*arguments, number)) if mapping.numbered is not None else ()

    first = _texts(mapping.first(*arguments, FIRST_NUMBER))
    return Candidates(first, numbered if mapping.numbered is not None else None)


def _texts(results: Sequence[Json | EvaluationError]) -> tuple[str, ...]:
    return tuple(result for result in results if isinstance(result, str) and result)


def is_other(wanted: Desired, digest: str, account: Account | None) -> bool:
    """Whether what is wanted now is another turn than the one whose digest this is.

    What only a new account gets makes no turn for one that exists: nothing would come of it.
    """
    if wanted.digest == digest:
        return False
    exists = account is not None and account.known.phase is not Phase.ABSENT
    return not exists or wanted.digest.partition(".")[0] != digest.partition(".")[0]
