"""The expression language of rules and mappings: the Common Expression Language (cel.dev).

It has no clock, so an expression means the same at any time, and no protocol buffer messages. Data is plain Python
as JSON gives it. An attribute that a record lacks, or holds null for, is absent: to read it is an EvaluationError,
`has(person.x)` asks. An attribute declared `timestamp`, `duration` or `bytes` is text in the data and is read when it
is used; such results leave as the same text. Inside of what is declared `dyn` data is just what JSON holds. Data is
taken to be of its declared types: whoever lets it in checks it. Messages of errors hold no values of the data.
"""

from provisioning.core.expression.compile import Expression, compile_expression, compile_program, compile_selection
from provisioning.core.expression.deciding import Part, deciding
from provisioning.core.expression.environment import Environment
from provisioning.core.expression.errors import EvaluationError, ExpressionError
from provisioning.core.expression.program import Program
from provisioning.core.expression.selection import Selection
from provisioning.core.expression.types import (
    DURATION,
    TIMESTAMP,
    Attribute,
    Type,
    list_of,
    map_of,
    parse_type,
    record,
)
from provisioning.core.expression.values import Value

__all__ = [
    "DURATION",
    "TIMESTAMP",
    "Attribute",
    "Environment",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "Part",
    "Program",
    "Selection",
    "Type",
    "Value",
    "compile_expression",
    "compile_program",
    "compile_selection",
    "deciding",
    "list_of",
    "map_of",
    "parse_type",
    "record",
]
