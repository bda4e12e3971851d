"""What a bundle may say of a source that pushes."""

from typing import Any

import pytest
from pydantic import ValidationError

from provisioning.core.catalog import Source

SCIM: dict[str, Any] = {"id": "registry", "record": {}, "push": {"secret": "registry"}}
SPML: dict[str, Any] = {"id": "people", "record": {}, "push": {"secret": "people", "endpoints": ["spml"]}}
SIGNED = {"issuer": "https://hr.example", "audience": ["https://us.example"], "secret": "hr-keys"}
EVENTS: dict[str, Any] = {
    "id": "hr", "format": "scim-events", "push": {"secret": "hr", "endpoints": ["events"]}, "signed": SIGNED,
    "record": {},
}  # fmt: skip


@pytest.mark.parametrize("source", [SCIM, EVENTS, SPML])
def test_a_source_pushes_users_or_events(source: dict[str, Any]) -> None:
    assert Source.model_validate(source).push is not None


@pytest.mark.parametrize(
    ("source", "right"),
    [
        ({**SCIM, "record": None}, "`record` is missing"),
        ({**SCIM, "format": "scim-events"}, "`format: scim-events`"),
        ({**SPML, "record": None}, "`record` is missing"),
        ({**SPML, "push": {"secret": "x", "endpoints": ["scim", "spml"]}}, "scim or spml"),
        ({**SPML, "push": {**SPML["push"], "spml": {"namespace": "urn:x"}}}, "`profile: xsd`"),
        ({**SPML, "push": {**SPML["push"], "spml": {"passwords": [""]}}}, "at least 1 character"),
        ({**EVENTS, "format": "cloudevents"}, "`format: scim-events`"),
        ({**SCIM, "push": {}}, "secret"),
        ({**SCIM, "push": {"secret": "x", "endpoints": ["ftp"]}}, "'scim'"),
    ],
)
def test_what_could_never_be_read_is_refused_with_what_is_right(source: dict[str, Any], right: str) -> None:
    with pytest.raises(ValidationError, match=right):
        Source.model_validate(source)
