"""How a call finds its code: by the static types of its arguments, or by its values where those are `dyn`."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from provisioning.core.expression.errors import EvaluationError
from provisioning.core.expression.types import DYN, Type, join
from provisioning.core.expression.values import kind_of

Types = tuple[Type, ...]
Rule = Callable[[Types], Type | None]


class Overload(NamedTuple):
    """One way to call a function.

    `run` is its exact code. `rule` refines `result` for arguments of known types, or refuses them with None.
    `inline` names a Python form that does the same for arguments of exactly these types. A variadic one repeats its
    last parameter.
    """

    parameters: Types
    result: Type
    run: Callable[..., Any]
    inline: str = ""
    rule: Rule | None = None
    variadic: bool = False

    def words(self) -> str:
        """The parameters as an author would write them."""
        return f"({', '.join(map(str, self.parameters))}{', …' if self.variadic else ''})"


Resolution = tuple[Type, Callable[..., Any], str]  # what a call gives, its code, and its inline form if it has one
YES: Final = 2
MAYBE: Final = 1
NO: Final = 0


def resolve(name: str, overloads: Sequence[Overload], given: Types) -> Resolution | None:
    """The overload for these types; a choice at run time where `dyn` leaves several; None if nothing takes them."""
    possible: list[tuple[Overload, Type]] = []
    for overload in overloads:
        fit = _fit(overload, given)
        if fit == NO:
            continue
        result = overload.result if overload.rule is None or fit == MAYBE else overload.rule(given)
        if result is None:
            continue
        if fit == YES:
            return result, overload.run, overload.inline
        possible.append((overload, result))
    if not possible:
        return None
    results = {result for _, result in possible}
    chosen = results.pop() if len(results) == 1 else DYN
    return chosen, _at_run_time(name, [overload for overload, _ in possible]), ""


def accepts(parameter: Type, given: Type) -> int:
    """Whether values of a type fit a parameter: YES, NO, or MAYBE where the data decides."""
    if parameter.name == "dyn" or given.name == "unbound":
        return YES
    if given.name == "dyn":
        return MAYBE
    if parameter.name == "map" and given.name == "record":
        return YES
    if parameter.name != given.name:
        return NO
    return min(map(accepts, parameter.parameters, given.parameters), default=YES)


def _fit(overload: Overload, given: Types) -> int:
    parameters = overload.parameters
    if overload.variadic and len(given) > len(parameters):
        parameters += (parameters[-1],) * (len(given) - len(parameters))
    if len(parameters) != len(given):
        return NO
    return min(map(accepts, parameters, given), default=YES)


def _at_run_time(name: str, overloads: Sequence[Overload]) -> Callable[..., Any]:
    """The first overload whose parameters the values fit."""

    def choose(*values: Any) -> Any:
        kinds = [kind_of(value) for value in values]
        for overload in overloads:
            parameters = overload.parameters
            if overload.variadic:
                parameters += (parameters[-1],) * (len(kinds) - len(parameters))
            if all(parameter.name in ("dyn", kind) for parameter, kind in zip(parameters, kinds, strict=True)):
                return overload.run(*values)
        raise EvaluationError(f"'{name}' does not take ({', '.join(kinds)})")

    return choose


def same_scalar(given: Types) -> bool:
    """Whether both are of one type without entries, known before anything runs."""
    return given[0] == given[1] and given[0].name not in ("dyn", "list", "map", "record", "unbound")


def comparable(left: Type, right: Type) -> bool:
    """Whether values of both types may be asked for equality; others are unequal for sure, which is a mistake."""
    if "record" in (left.name, right.name):
        return {left.name, right.name} <= {"record", "map", "dyn"}
    return join(left, right) is not None
