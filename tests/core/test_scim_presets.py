"""Presets are valid data, and the operator's word wins over them, also after publication."""

from typing import Any, get_args

import pytest

from provisioning.core.catalog import Service
from provisioning.core.scim_options import Preset, Scim
from provisioning.core.scim_presets import PRESETS, options_of, rate_of


def service(scim: Any = None, **changes: Any) -> Service:
    fields = {"id": "library", "protocol": "scim", "endpoint": "https://sp.example.org", "account": {"userName": "x"}}
    return Service.model_validate({**fields, "scim": scim, **changes})


def test_every_preset_has_valid_quirks() -> None:
    assert set(PRESETS) == set(get_args(Preset))
    for name, quirks in PRESETS.items():
        checked = Scim.model_validate(quirks.scim)
        effective = options_of(service({"preset": name}))
        assert {field: getattr(effective, field) for field in quirks.scim} == {
            field: getattr(checked, field) for field in quirks.scim
        }


def test_without_options_an_sp_is_as_the_standard_has_it() -> None:
    assert options_of(service()) == options_of(service({})) == Scim()


def test_what_the_operator_wrote_wins_even_if_it_is_the_default() -> None:
    slack = options_of(service({"preset": "slack", "delete": "removes", "page": 50}))
    assert (slack.delete, slack.page, slack.filter) == ("removes", 50, "eq")


@pytest.mark.parametrize("written", [{"preset": "slack", "page": 100}, {"preset": "slack"}, {"filter": "none"}, {}])
def test_what_is_published_means_the_same(written: dict[str, Any]) -> None:
    before = service(written)
    dumped = before.model_dump(mode="json", by_alias=True)
    assert dumped["scim"] == written
    assert options_of(Service.model_validate(dumped)) == options_of(before)
    short = before.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    assert options_of(Service.model_validate(short)) == options_of(before)


def test_a_preset_suggests_a_rate_and_the_operator_decides_it() -> None:
    assert rate_of(service()) is None
    assert rate_of(service({"preset": "entra"})) is None
    assert rate_of(service({"preset": "slack"})) == 3
    assert rate_of(service({"preset": "slack"}, rate=7)) == 7


def test_quirks_that_cannot_be_are_refused() -> None:
    for wrong in ({"page": 0}, {"preset": "acme"}, {"schemas": ["acme"]}, {"bulk": {"operations": 0, "payload": 1024}}):
        with pytest.raises(ValueError, match="scim"):
            service(wrong)
