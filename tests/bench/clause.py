"""Conditions in two languages at once: as a policy's author writes them, and as an engineer would write the Python.

The Python is written down here by hand for every form, from the same parts; nothing of the engine makes it. An
attribute is a local: `affiliation.type` is `affiliation_type`, None if it is absent.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition: CEL and Python, and the attributes that it reads."""

    cel: str
    python: str
    attributes: tuple[str, ...]


def _clause(attribute: str, cel: str, python: str) -> Clause:
    local = attribute.replace(".", "_")
    return Clause(cel.format(attribute), python.format(local), (attribute,))


def equals(attribute: str, value: str | int) -> Clause:
    """One value."""
    text = json.dumps(value)
    return _clause(attribute, f"{{}} == {text}", f"{{}} == {text}")


def differs(attribute: str, value: str) -> Clause:
    """Any other value."""
    text = json.dumps(value)
    return _clause(attribute, f"{{}} != {text}", f"{{}} != {text}")


def one_of(attribute: str, values: Sequence[str]) -> Clause:
    """One of some values. Of few, Python compares; of more, it hashes."""
    listed = ", ".join(map(json.dumps, values))
    brackets = f"({listed},)" if len(values) <= 3 else f"{{{{{listed}}}}}"
    return _clause(attribute, f"{{}} in [{listed}]", f"{{}} in {brackets}")


def starts(attribute: str, prefix: str) -> Clause:
    """A prefix."""
    return _clause(attribute, f'{{}}.startsWith("{prefix}")', f'{{}}.startswith("{prefix}")')


def ends(attribute: str, suffix: str) -> Clause:
    """A suffix."""
    return _clause(attribute, f'{{}}.endsWith("{suffix}")', f'{{}}.endswith("{suffix}")')


def contains(attribute: str, part: str) -> Clause:
    """A part of a text."""
    return _clause(attribute, f'{{}}.contains("{part}")', f'"{part}" in {{}}')


def at_least(attribute: str, value: int) -> Clause:
    """A number or more."""
    return _clause(attribute, f"{{}} >= {value}", f"{{}} >= {value}")


def longer(attribute: str, count: int) -> Clause:
    """More entries, or characters, than a number."""
    return _clause(attribute, f"{{}}.size() > {count}", f"len({{}}) > {count}")


def holds(attribute: str) -> Clause:
    """A bool that is true."""
    return _clause(attribute, "{}", "{}")


def has(attribute: str) -> Clause:
    """It is there."""
    return _clause(attribute, "has({})", "{} is not None")


def listed(attribute: str, value: str) -> Clause:
    """A list has an entry."""
    return _clause(attribute, f'"{value}" in {{}}', f'"{value}" in {{}}')


def some(attribute: str, prefix: str) -> Clause:
    """An entry of a list begins so."""
    return _clause(
        attribute,
        f'{{}}.exists(item, item.startsWith("{prefix}"))',
        f'any(item.startswith("{prefix}") for item in {{}})',
    )


def every(attribute: str, value: str) -> Clause:
    """No entry of a list is this."""
    return _clause(attribute, f'{{}}.all(item, item != "{value}")', f'"{value}" not in {{}}')


def negated(clause: Clause) -> Clause:
    """Not so."""
    return Clause(f"!({clause.cel})", f"not ({clause.python})", clause.attributes)


def _joined(clauses: Sequence[Clause], cel: str, python: str) -> Clause:
    attributes = dict.fromkeys(name for clause in clauses for name in clause.attributes)
    bracket: Callable[[str], str] = (lambda text: text) if len(clauses) == 1 else "({})".format
    return Clause(
        bracket(f" {cel} ".join(clause.cel for clause in clauses)),
        bracket(f" {python} ".join(clause.python for clause in clauses)),
        tuple(attributes),
    )


def both(*clauses: Clause) -> Clause:
    """All of them."""
    return _joined(clauses, "&&", "and")


def either(*clauses: Clause) -> Clause:
    """Any of them."""
    return _joined(clauses, "||", "or")
