"""What most tests of expressions are about: a person and an affiliation."""

from typing import Any, Final

from provisioning.core.expression import Environment, compile_expression, list_of, parse_type, record

ENVIRONMENT: Final = Environment(
    {
        "person": record(
            {
                "name": parse_type("string"),
                "age": parse_type("int"),
                "score": parse_type("double"),
                "active": parse_type("bool"),
                "since": parse_type("timestamp"),
                "notice": parse_type("duration"),
                "photo": parse_type("bytes"),
                "visits": parse_type("uint"),
                "roles": parse_type("list(string)"),
                "labels": parse_type("map(string, string)"),
                "stays": parse_type("list(timestamp)"),
                "anything": parse_type("dyn"),
                "address": record({"city": parse_type("string"), "since": parse_type("timestamp")}),
                "posts": list_of(record({"title": parse_type("string"), "until": parse_type("timestamp")}), 20),
            }
        ),
        "affiliation": record({"type": parse_type("string"), "organization": parse_type("string")}),
    }
)
PERSON: Final[dict[str, Any]] = {
    "name": "Ada",
    "age": 36,
    "score": 2,
    "active": True,
    "since": "2020-06-01T08:00:00Z",
    "notice": "36h",
    "photo": "/9g=",
    "visits": 7,
    "roles": ["editor", "admin"],
    "labels": {"floor": "3"},
    "stays": ["2021-01-01T00:00:00Z", "2022-01-01T00:00:00Z"],
    "anything": {"list": [1, 2.5, "x", None, True]},
    "address": {"city": "Bonn", "since": "2019-01-01T00:00:00Z"},
    "posts": [{"title": "Dean", "until": "2024-01-01T00:00:00Z"}, {"title": "Chair"}],
}
STUDENT: Final = {"type": "student", "organization": "arts/music"}


def value(text: str, person: dict[str, Any] | None = None, **variables: Any) -> Any:
    """The value of an expression for the sample data, or for what is given instead."""
    expression = compile_expression(text, ENVIRONMENT)
    return expression.evaluate(person=PERSON if person is None else person, affiliation=STUDENT, **variables)
