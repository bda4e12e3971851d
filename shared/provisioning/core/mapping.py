"""Identity × entitlement → the account that one service should hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provisioning.core.account import Desired, Json, Phase
from provisioning.core.catalog import Service
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
_PHASES: Final[Mapping[Standing, Phase]] = {
    Standing.ABSENT: Phase.ABSENT,
    Standing.ACTIVE: Phase.ACTIVE,
    Standing.GRACE: Phase.ACTIVE,
    Standing.SUSPENDED: Phase.SUSPENDED,
}
_ABSENT: Final = Desired(Phase.ABSENT, digest=digest_of(["absent"]))


@dataclass(frozen=True, slots=True)
class AccountMapping:
    """A service's account mapping, compiled: paths in the order of the program's results."""

    paths: tuple[str, ...]
    required: frozenset[str]
    groups: Mapping[str, str]
    program: Callable[..., Sequence[Json | EvaluationError]]


def compile_mapping(service: Service, person: Mapping[str, str], longest: int = 100) -> AccountMapping:
    """Compile every expression of `service.account`, for lists of at most `longest` entries.

    Raises InvalidError with the path of the bad one.
    """
    environment = Environment(
        {
            "person": record({name: parse_type(text) for name, text in person.items()}),
            "authorizations": parse_type("list(string)"),
            "phase": parse_type("string"),
            "identity": parse_type("string"),
        },
        maximum_list_length=longest,
    )
    expressions = []
    for path, value in service.account.items():
        try:
            expressions.append(_json(compile_expression(value.value or "", environment)))
        except ExpressionError as error:
            raise InvalidError(
                error.problem, f"services/{service.id}.account.{path}", error.line, error.column, error.right
            ) from error
    required = frozenset(path for path, value in service.account.items() if value.required or path == service.match)
    return AccountMapping(tuple(service.account), required, service.groups, compile_program(expressions, VARIABLES))


def _json(expression: Expression) -> Expression:
    kind = expression.type.item or expression.type
    if kind in (TIMESTAMP, DURATION):
        raise ExpressionError(f"an account cannot hold a {kind}", "", 1, 1, f"string(…) of the {kind}")
    return expression


def desired(mapping: AccountMapping, identity: str, person: Mapping[str, Json], entitlement: Entitlement) -> Desired:
    """The account that an entitlement wants. A value that cannot be computed is left out.

    If it was required, `problem` says so: such an account is parked and not half created.
    """
    phase = _PHASES[entitlement.standing]
    if phase is Phase.ABSENT:
        return _ABSENT
    authorizations = list(entitlement.authorizations)
    results = mapping.program(person, authorizations, phase.value, identity)
    values: dict[str, Json] = {}
    problems = []
    for path, result in zip(mapping.paths, results, strict=True):
        if isinstance(result, EvaluationError) or result is None:
            if path in mapping.required:
                problems.append(f"{path}: {result or 'no value'}")
        else:
            values[path] = result
    names = {mapping.groups[name] for name in authorizations if name in mapping.groups} if phase is Phase.ACTIVE else ()
    groups, problem = tuple(sorted(names)), "; ".join(problems)
    return Desired(phase, values, groups, digest_of([phase.value, values, groups, problem]), problem)
