"""The expression language of rules and mappings: the Common Expression Language (cel.dev), without a clock.

An attribute that a record lacks is absent: to read it is an error, `has(person.x)` asks. JSON's null says absence.
An error in a rule that grants grants nothing; in a rule that denies it denies.
"""

from provisioning.core.expression.check import Environment
from provisioning.core.expression.compile import Program
from provisioning.core.expression.errors import EvaluationError, ExpressionError
from provisioning.core.expression.expression import Expression, compile_expression, compile_program
from provisioning.core.expression.types import DURATION, TIMESTAMP, Type, list_of, parse_type, record

__all__ = [
    "DURATION",
    "TIMESTAMP",
    "Environment",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Program",
    "Type",
    "compile_expression",
    "compile_program",
    "list_of",
    "parse_type",
    "record",
]
